"""What a raising call holds while it works: the data that a traceback then retains."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from service.lab import CurrentLab
from service.settings import MAX_CONTEXT_KB


def request_context(size_kb: int) -> bytes:
    """Stand in for what a real handler has in a local while it works: a parsed body, rows of a query. `size_kb` KiB."""
    return b"." * (size_kb * 1024)


async def context_kb(
    lab: CurrentLab,
    context_kb: Annotated[
        int | None,
        Query(ge=0, le=MAX_CONTEXT_KB, description="KiB of data that a local of the raising call holds."),
    ] = None,
) -> int:
    """Return how much the raising call shall hold: what the request asks for, or what the settings say."""
    return lab.settings.context_kb if context_kb is None else context_kb


ContextKb = Annotated[int, Depends(context_kb)]
