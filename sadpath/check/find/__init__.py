"""Find the error paths of a service: from its OpenAPI description, or from the routes of the running app."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sadpath.check.driver import Request

PARAMETER = re.compile(r"\{[^{}]*\}")
"""A parameter in the template of a path."""

UNKNOWN_PATH = "/sadpath-no-such-path"
"""A path that no service knows."""


UNKNOWN = "/{unknown}"
"""The template of the path that no service knows."""

NOT_ALLOWED, UNPROCESSABLE = 405, 422
REFUSED_BY_FRAMEWORKS = {NOT_ALLOWED, UNPROCESSABLE}
"""Statuses with which frameworks refuse a request before the service's own code has seen it."""


@dataclass(frozen=True)
class ErrorPath:
    """An operation, the status of an error that it answers with, and what tells it from others of that status.

    `path` is the template, such as `/users/{id}`, or the path as it was given. `request` is what is repeated. `answer`
    is what the error says, in a few words. `label` is empty where the operation has no other error of this status.
    `stands_for` are the names of those that the same place in the service refuses, and that are not measured. `is_own`
    is whether its answer shows that the service's own code has made it.
    """

    method: str
    path: str
    status: int
    request: Request
    answer: str = ""
    label: str = ""
    stands_for: tuple[str, ...] = ()
    is_own: bool = False

    @property
    def is_of_the_framework(self) -> bool:
        """Whether what answers is most likely not the service's own code: a wrong method, an unknown path."""
        return (self.status in REFUSED_BY_FRAMEWORKS and not self.is_own) or self.path == UNKNOWN

    @property
    def name(self) -> str:
        """As in a table: `GET /users/{id} 404`, `GET /me 401 "Invalid token"`."""
        return f"{self.method} {self.path} {self.status} {self.label}".rstrip()

    @property
    def title(self) -> str:
        """Its name, and how many others it stands for: `GET /a 401 and 70 like it`."""
        return f"{self.name} and {len(self.stands_for):,} like it" if self.stands_for else self.name


@dataclass(frozen=True)
class Plan:
    """The error paths to measure, and what there is to say about the search, a line each.

    `accepted_writes` are the names of operations that accepted what may have changed data: `DELETE /items/{id} 200`.
    """

    paths: tuple[ErrorPath, ...]
    notes: tuple[str, ...] = ()
    accepted_writes: tuple[str, ...] = ()
