"""The routes of a service, as they were read in the running app."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """A method and a template such as `/users/{id}`; `handler` is the dotted name of what answers, empty if unknown."""

    method: str
    path: str
    handler: str = ""


@dataclass(frozen=True)
class Routes:
    """All routes that were found, as they were registered, and a line for what could not be read."""

    found: tuple[Route, ...] = ()
    notes: tuple[str, ...] = ()
