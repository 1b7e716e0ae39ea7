"""A service that answers as it likes, or describes itself so: `python -m tests.trial.odd_service PORT KIND`."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from tests.check.answering import NOT_FOUND, Server, endless
from tests.check.test_description import NO_DESCRIPTIONS, REFERENCES, described
from tests.check.test_odd_answers import NO_ANSWERS, ODD_ANSWERS, TRICKLES, WITHOUT_END
from tests.hostile_text import HOSTILE

Answer = Callable[[bytes], bytes | Iterator[bytes]]
ODD = "/odd"
"""Where the answer is odd."""

STRANGER = "http://192.0.2.1/openapi.json"
"""An address that belongs to nobody: RFC 5737 reserves it for documentation."""


def always(answer: bytes) -> Answer:
    """Return what answers every request so."""
    return lambda _: answer


def trickling(begin: bytes, part: bytes) -> Answer:
    """Return what answers slowly, and without an end."""
    return lambda _: endless(begin, part, 0.02)


ANSWERS: Mapping[str, Answer] = {
    **{f"no answer, {number}": always(answer) for number, (answer, _) in enumerate(NO_ANSWERS)},
    **{f"an odd answer, {number}": always(answer) for number, (answer, _) in enumerate(ODD_ANSWERS)},
    **{f"without an end: {name}": answer for name, answer in WITHOUT_END.items()},
    **{f"what trickles, {number}": trickling(*parts) for number, parts in enumerate(TRICKLES)},
}


def of_text(text: str) -> bytes:
    """Return a description that has a text wherever one may stand."""
    parameter = {"name": text, "in": "query", "required": True, "schema": {"type": "string", "enum": [text]}}
    operation = {
        "operationId": text,
        "summary": text,
        "tags": [text],
        "parameters": [parameter],
        "responses": {text: {}},
    }
    paths = {f"/{text}/{{id}}": {"get": operation}, f"/{{{text}}}": {"get": operation}, text: {"get": operation}}
    return described(paths, info={"title": text, "version": text}, servers=[{"url": text}])


def page_of(case: object) -> bytes:
    """Return the page of a line of the table, which may be a parameter with a mark."""
    page = getattr(case, "values", case)[0]  # type: ignore[index]
    return page if isinstance(page, bytes) else str(page).encode()


def of_reference(item: object) -> bytes:
    """Return a description that refers to a stranger there."""
    return described(json.loads(json.dumps({"/a": item}).replace("{to}", STRANGER)))


DESCRIPTIONS: Mapping[str, Callable[[], bytes]] = {
    **{f"no description, {number}": partial(page_of, case) for number, case in enumerate(NO_DESCRIPTIONS)},
    **{f"a reference, {number}": partial(of_reference, item) for number, item in enumerate(REFERENCES)},
    **{f"a text: {name}": partial(of_text, text) for name, text in HOSTILE.items()},
}
"""The page of each; some are too large to be made before they are asked for."""


def describing(page: bytes) -> Answer:
    """Return what has this description."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(page)
    return always(head + page)


def only_at(path: bytes, answer: Answer) -> Answer:
    """Return what answers so at one path, and as anybody everywhere else: it is found to speak HTTP."""
    return lambda head: answer(head) if head.split()[1:2] == [path] else NOT_FOUND


class NoHeads(list[bytes]):
    """Keeps no head of a request: all of them would be a leak, and a check finds it."""

    def append(self, head: bytes, /) -> None:
        """Forget it."""


if __name__ == "__main__":
    port, kind = sys.argv[1:]
    if kind in ANSWERS:
        service = only_at(ODD.encode(), ANSWERS[kind])
    else:
        service = only_at(b"/openapi.json", describing(DESCRIPTIONS[kind]()))
    with socket.create_server(("127.0.0.1", int(port))) as listening:
        Server(service, heads=NoHeads()).serve(listening)
