"""Send exact numbers of requests to a service, all answered before the call returns, from a process of its own."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from sadpath.check.result import Answer, Request, Sent
from sadpath.errors import CommandError
from sadpath.hosts import check_host
from sadpath.lifeline import die_with_parent

ENDS_WITHIN_S = 5.0


class Driver:
    """Sends requests to the service at `url` over a fixed number of connections.

    No redirect is followed, no cookie kept, no proxy used. An answer that does not come within `timeout_s` is a
    failure; of a body the first MiB is read. The process ends with `close`, or with ours.

    Raises `CommandError` for a host that is neither this machine nor on a private network, unless `i_own_this_host`.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int = 1,
        timeout_s: float = 10.0,
        headers: Mapping[str, str] | None = None,
        i_own_this_host: bool = False,
    ) -> None:
        check_host(url, i_own_this_host=i_own_this_host)
        self.url, self.connections = url, connections
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "sadpath.check.drive.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it makes one call to the kernel
        )
        self._write(
            {"url": url, "connections": connections, "timeout_s": timeout_s, "headers": dict(headers or {})},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, requests: Sequence[Request], count: int) -> Sent:
        """Send `count` requests, taking these in turn, and return once all are answered or have failed.

        Fewer are sent where several in a row were not answered.
        """
        found = self._do("send", requests=list(map(_plain, requests)), count=count)
        return Sent(dict(found["statuses"]), found["failures"], (*found["seconds"],))

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Send each request once, and return the answers in order; after several failures in a row no more are sent."""
        return [Answer(**one) for one in self._do("each", requests=list(map(_plain, requests)))]

    def drop_connections(self) -> None:
        """Close the connections, each of which may keep its last request alive in the service."""
        self._do("close")

    def close(self) -> None:
        """End the process."""
        for pipe in filter(None, (self._process.stdin, self._process.stdout)):
            with suppress(OSError):  # a job that was interrupted while it was written, to a process that has ended
                pipe.close()
        try:
            self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _do(self, op: str, **arguments: object) -> Any:
        self._write({"op": op, **arguments})
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = self._process.stdout.readline()
        if not line:
            raise CommandError("the process that sends the requests has ended")
        return json.loads(line)

    def _write(self, job: Mapping[str, object]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise CommandError("the process that sends the requests has ended") from error


def _plain(request: Request) -> dict[str, object]:
    return {
        "method": request.method,
        "path": request.path,
        "headers": dict(request.headers),
        "body": base64.b64encode(request.body).decode(),
    }
