"""Endpoints for twins whose pattern is a plain function: each request calls it once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from service.context import ContextKb

Work = Callable[[int], object]
"""Runs the pattern once, with this many KiB of context."""


def calls(work: Work, *caught: type[Exception]) -> Callable[..., Awaitable[dict[str, str]]]:
    """Return an endpoint that calls `work` once and catches these exceptions."""

    async def endpoint(context_kb: ContextKb) -> dict[str, str]:
        try:
            work(context_kb)
        except caught:
            pass
        return {"did": work.__name__}

    return endpoint


def calls_in_thread(work: Work, *caught: type[Exception]) -> Callable[..., dict[str, str]]:
    """Return the same for `work` that waits for another thread: the endpoint runs in the thread pool."""

    def endpoint(context_kb: ContextKb) -> dict[str, str]:
        try:
            work(context_kb)
        except caught:
            pass
        return {"did": work.__name__}

    return endpoint
