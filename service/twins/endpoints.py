"""Endpoints for twins whose pattern is no endpoint: a function that is called once for each request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from service.context import ContextKb

Work = Callable[[int], object]
"""Does its part once, holding so many KiB of context, and catches its own exception."""


def calls(work: Work) -> Callable[..., Awaitable[dict[str, str]]]:
    """Return an endpoint that does `work` once."""

    async def endpoint(context_kb: ContextKb) -> dict[str, str]:
        work(context_kb)
        return {"did": work.__name__}

    return endpoint


def calls_in_thread(work: Work) -> Callable[..., dict[str, str]]:
    """Return an endpoint that does `work` once in a thread, since it waits for another."""

    def endpoint(context_kb: ContextKb) -> dict[str, str]:
        work(context_kb)
        return {"did": work.__name__}

    return endpoint
