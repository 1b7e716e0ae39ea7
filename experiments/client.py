"""One request at a time: over a connection of its own, or over one that is kept for many."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.request import Request

from sadpath.errors import CommandError
from sadpath.hosts import direct_opener

TIMEOUT_S = 120.0
_OPENER = direct_opener()


def fetch(url: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> bytes:
    """Return what a server of ours answers, over a connection of its own. Raises `OSError`."""
    request = Request(url, method=method, headers=dict(headers or {}))  # noqa: S310 - loopback
    with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
        return bytes(answer.read())


@dataclass(frozen=True)
class ServiceAnswer:
    """The status of an answer and its body; a websocket session that took place has the status 101."""

    status: int
    body: bytes = b""

    @property
    def log_bytes(self) -> int | None:
        """The member `log_bytes` of a JSON object, None where it is missing."""
        try:
            page = json.loads(self.body)
        except ValueError:
            return None
        return page.get("log_bytes") if isinstance(page, dict) else None


class Connection:
    """A connection to the service, used for many requests, one at a time."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)

    def send(self, path: str, method: str = "GET") -> ServiceAnswer:
        """Send one request. Raises `OSError` or `HTTPException` where no answer comes."""
        self._http.request(method, path)
        response = self._http.getresponse()
        answer = ServiceAnswer(response.status, response.read())
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._http.close()  # after an error that nobody handled the server hangs up: not on the next one
        return answer

    def ask(self, path: str, method: str = "GET") -> Any:
        """Return the JSON that the service answers. Raises `CommandError` if it answers anything else."""
        answer = self.send(path, method)
        if answer.status != HTTPStatus.OK:
            raise CommandError(f"{method} {path} answered {answer.status}, not 200")
        try:
            return json.loads(answer.body)
        except ValueError:
            raise CommandError(f"{method} {path} answered no JSON") from None

    def close(self) -> None:
        """Close the connection."""
        self._http.close()
