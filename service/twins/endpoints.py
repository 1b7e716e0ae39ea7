"""Endpoints for twins whose pattern is no endpoint: a function that is called once for each request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from service.context import ContextKb

Work = Callable[[int], object]
"""Does its part once, holding so many KiB of context."""


def calls(work: Work, *caught: type[Exception]) -> Callable[..., Awaitable[dict[str, str]]]:
    """Return an endpoint that does `work` once, and catches what it may raise."""

    async def endpoint(context_kb: ContextKb) -> dict[str, str]:
        try:
            work(context_kb)
        except caught:
            pass
        return {"did": work.__name__}

    return endpoint


def calls_in_thread(work: Work, *caught: type[Exception]) -> Callable[..., dict[str, str]]:
    """Return the same for `work` that waits for another thread: the endpoint runs in one of the pool's."""

    def endpoint(context_kb: ContextKb) -> dict[str, str]:
        try:
            work(context_kb)
        except caught:
            pass
        return {"did": work.__name__}

    return endpoint
