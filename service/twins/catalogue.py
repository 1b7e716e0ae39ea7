"""What a twin is: one way in which an error can waste memory, its leaky and fixed variants, and what each retains."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from starlette.types import ASGIApp, ExceptionHandler

CONTEXT_KB = 16
"""KiB of context per request (`?context_kb=16`) for which the expectations hold."""

CLEARING_STARLETTE = (1, 10)
"""The first Starlette that clears the traceback of an exception that one of its handlers has handled."""


class Range(NamedTuple):
    """The smallest and the largest figure that agree with an expectation."""

    low: float
    high: float


def exactly(figure: float) -> Range:
    """Return the range that contains only this figure."""
    return Range(figure, figure)


NONE = exactly(0)
NO_GROWTH = Range(-100, 100)
"""Bytes per request that count as no growth: caches still fill a little."""

NO_CYCLES = Range(0, 0.5)
"""Objects in reference cycles per request that count as none: the measurement itself leaves a few."""


@dataclass(frozen=True)
class Expected:
    """What one request through a variant leaves behind, with `CONTEXT_KB` of context.

    `traceback_entries_per_request` counts the traceback entries that are alive after a collection. `bytes_per_request`
    is the growth of settled memory. `cyclic_objects_per_request` counts the objects that only the garbage collector can
    free. `log_bytes_added_per_request` is how much longer a request's log record is than the one before.
    """

    traceback_entries_per_request: Range = NONE
    bytes_per_request: Range = NO_GROWTH
    cyclic_objects_per_request: Range = NO_CYCLES
    log_bytes_added_per_request: Range = NONE


FLAT = Expected()

TWO_ENTRIES = Expected(exactly(2), Range(16_500, 18_000))
"""Two traceback entries per raise: two frames and the context."""

TWO_ENTRIES_WITH_CALLERS = Expected(exactly(2), Range(30_000, 39_000))
"""The same where `keeps_callers`: the callers of the endpoint's frame hold the request's own objects too."""

CYCLE = Expected(cyclic_objects_per_request=Range(4, 13))
"""A reference cycle that only the garbage collector frees: some frames and the exception."""

CYCLE_WITH_CALLERS = Expected(cyclic_objects_per_request=Range(90, 135))
"""The same where `keeps_callers`: the callers of the endpoint's frame hold the request's own objects too."""


def keeps_callers(python: tuple[int, ...]) -> bool:
    """Return whether the frame of a finished coroutine keeps its callers, as a function's frame does on any Python.

    It does on 3.12, on 3.13 up to 3.13.11, and on 3.14 up to 3.14.2. The defect is cpython#100964, and cpython#141112
    fixed it, in 3.13.12, in 3.14.3 and before 3.15. `python` is a version such as (3, 14, 2).
    """
    return (3, 12) <= python < (3, 13, 12) or (3, 14) <= python < (3, 14, 3)


@dataclass(frozen=True)
class Variant:
    """One variant of a twin: an endpoint, its status, what is expected of it, and why.

    `before_starlette_1_10` is expected with an older Starlette, and `with_callers` on a Python that `keeps_callers`.
    Both are None where that makes no difference. `shown` is the function to show people, where the endpoint does not
    name it.
    """

    slug: str
    endpoint: Callable[..., Any]
    expected: Expected
    why: str
    status: int = 200
    before_starlette_1_10: Expected | None = None
    with_callers: Expected | None = None
    shown: Callable[..., Any] | None = None

    def expected_on(self, starlette: str, python: tuple[int, ...] = sys.version_info[:3]) -> Expected:
        """Return what is expected with these versions."""
        if self.before_starlette_1_10 and tuple(map(int, re.findall(r"\d+", starlette)[:2])) < CLEARING_STARLETTE:
            return self.before_starlette_1_10
        if self.with_callers and keeps_callers(python):
            return self.with_callers
        return self.expected


@dataclass(frozen=True)
class Twin:
    """One pattern with its variants.

    `leaky` and `fixed` name the two variants that a demo compares, and `requests` is how many requests show the
    difference. `reused` holds the reused exception objects by name; `forget` empties the caches and lists that hold
    exceptions. `handlers` and `middleware` catch the error where the endpoint does not. `running` is a context manager
    that is entered while the service runs.
    """

    slug: str
    title: str
    origin: str
    variants: Sequence[Variant]
    leaky: str = "reused"
    fixed: str = "factory"
    protocol: Literal["http", "websocket"] = "http"
    requests: int = 2000
    reused: Mapping[str, BaseException] = field(default_factory=dict)
    forget: Callable[[], None] = lambda: None
    handlers: Mapping[type[Exception], ExceptionHandler] = field(default_factory=dict)
    middleware: Callable[[ASGIApp], ASGIApp] | None = None
    running: Callable[[], AbstractContextManager[object]] = nullcontext
