"""Requests with other inputs each time, for an error path that is flat with the same ones.

A service may keep something for each id, name, token or address that it was asked for, also where none of them exists.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count, cycle, islice, takewhile
from types import MappingProxyType

from sadpath.check.driver import Request
from sadpath.check.find import ErrorPath
from sadpath.check.find.inputs import Input, at_the_end, in_address, in_body, in_headers, varied
from sadpath.check.find.named import Named
from sadpath.check.find.refusable import Barrier, Refusable
from sadpath.check.find.safe import SAFE_METHODS, changes_something
from sadpath.check.measure.rounds import Disturbed, Requests, Sender, TroubleKind

MOST_INPUTS, MOST_ALONE = 30, 5
"""Inputs of a request that vary, and of how many each does so alone, too."""

TRIED_WITHIN_S = 2.0
"""Seconds after which no further input of a slow path is tried; these do not vary."""

NUMBERS = count(1 + int(time.time()) % 10_000 * 10_000)
"""What makes a value that was never seen. The next check of a service that runs begins with others."""

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
UNAUTHORIZED = (401, 403)


def distinct(
    path: ErrorPath, own_headers: Mapping[str, str] = NO_HEADERS, numbers: Iterator[int] = NUMBERS
) -> Requests | None:
    """Return what makes requests that differ in the inputs of a path; None where it has none that may vary.

    `own_headers` are the user's, which never vary.
    """
    inputs = inputs_of(path, own_headers)
    return _in_turn(path.request, _turns(inputs), numbers) if inputs else None


def varying(
    path: ErrorPath,
    sender: Sender,
    own_headers: Mapping[str, str] = NO_HEADERS,
    numbers: Iterator[int] = NUMBERS,
    within_s: float = TRIED_WITHIN_S,
) -> Requests:
    """Return the same, after each input was tried: it varies only where that changes nothing of the answer's status.

    Raises `Disturbed` where no input is left.
    """

    def is_as_before(inputs: Sequence[Input]) -> bool:
        return path.status in sender.send([varied(path.request, inputs, next(numbers))], 1).statuses

    inputs = inputs_of(path, own_headers)
    if len(inputs) <= MOST_ALONE or not is_as_before(inputs):
        until = time.monotonic() + within_s
        in_time = takewhile(lambda one: one is inputs[0] or time.monotonic() < until, inputs)
        inputs = [one for one in in_time if is_as_before([one])]
    if not inputs:
        raise Disturbed(TroubleKind.ANOTHER_STATUS, f"with other inputs it is not answered with {path.status}")
    turns = _turns(inputs) if is_as_before(inputs) else [[one] for one in inputs]
    return _in_turn(path.request, turns, numbers)


def inputs_of(path: ErrorPath, own_headers: Mapping[str, str] = NO_HEADERS) -> Sequence[Input]:
    """Return what may vary in a path's request.

    Of what was named with braces these alone; and of another write that was named nothing, if it may not be repeated
    with other values. Of what has to be refused a broken body, which stays broken: another id may be one that the
    service knows. Nothing of a safe method whose path says that it changes something.
    """
    request, template = path.request, path.path
    if isinstance(request, Named):
        if request.inputs or not request.may_vary:
            return request.inputs
        template = ""  # its own braces are sent as they are
    if isinstance(request, Refusable):
        return [at_the_end(request)] if request.barrier is Barrier.BODY else []
    if request.method in SAFE_METHODS and changes_something(template):
        return []
    found = chain(
        in_address(template, request.path),
        in_headers(request.headers, own_headers, with_credentials=path.status in UNAUTHORIZED),
        in_body(request),
    )
    return list(islice(found, MOST_INPUTS))


def _turns(inputs: Sequence[Input]) -> Sequence[Sequence[Input]]:
    """Return what varies in one request after the other: all inputs in three of four, and each alone in between.

    All, since of many inputs one alone has too small a share of the requests. Alone, since what another input is
    refused for may keep a request from where this one is used.
    """
    if not 1 < len(inputs) <= MOST_ALONE:
        return [inputs]
    return [turn for one in inputs for turn in (inputs, inputs, inputs, [one])]


def _in_turn(request: Request, turns: Sequence[Sequence[Input]], numbers: Iterator[int]) -> Requests:
    endless = cycle(turns)
    return lambda needed: [varied(request, inputs, next(numbers)) for inputs in islice(endless, needed)]
