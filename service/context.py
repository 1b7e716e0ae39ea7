"""The data that a raising call holds in a local variable, and that a traceback then retains."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from service.lab import CurrentLab
from service.settings import MAX_CONTEXT_KB


def request_context(size_kb: int) -> bytes:
    """Return `size_kb` KiB in place of the data in a real handler's locals: a parsed body, rows of a query."""
    return b"." * (size_kb * 1024)


async def context_kb(
    lab: CurrentLab,
    context_kb: Annotated[
        int | None,
        Query(ge=0, le=MAX_CONTEXT_KB, description="KiB of data that a local of the raising call holds."),
    ] = None,
) -> int:
    """Return how many KiB the raising call holds: the request's `context_kb`, or the setting."""
    return lab.settings.context_kb if context_kb is None else context_kb


ContextKb = Annotated[int, Depends(context_kb)]
