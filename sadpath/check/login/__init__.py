"""Log in once, and send what it gives with the requests, so that what is behind a login is reached."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

COOKIE = "cookie"
"""What `Auth.keep` says for cookies."""

TOKEN = "{token}"  # noqa: S105 - it stands for one
"""Where the token stands in `Auth.header`."""


@dataclass(frozen=True)
class Auth:
    """A request that logs in, as the table `[auth]` has it: a body as `json`, `form` or `body`, or none.

    `csrf` is the path of a page that is asked first, for its cookies and its token. `keep` is what is kept of the
    answer: `cookie`, or the field of a token, dotted as in `data.token`; where it is empty, whichever is there.
    `header` is how a token is sent.
    """

    path: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    body: str = ""
    csrf: str = ""
    keep: str = ""
    header: str = f"Authorization: Bearer {TOKEN}"

    @property
    def name(self) -> str:
        """As it may be shown: a query may hold a password."""
        return f"{self.method} {self.path.partition('?')[0]}"

    @property
    def secrets(self) -> list[str]:
        """What no message shows: all texts and numbers that are sent, but for those of headers."""
        query = [value for _, value in parse_qsl(self.path.partition("?")[2])]
        return [*query, self.body, *texts(self.json), *(self.form or {}).values()]

    @property
    def header_name(self) -> str:
        """The name of the header that carries a token."""
        return self.header.partition(":")[0]

    def with_token(self, token: str) -> dict[str, str]:
        """Return the header that carries this token."""
        return {self.header_name: self.header.partition(":")[2].strip().replace(TOKEN, token)}


def texts(value: Any) -> Iterator[str]:
    """Yield all texts in a value of JSON, but for keys, and its numbers as they are sent."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield json.dumps(value)
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)
