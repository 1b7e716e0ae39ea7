"""Ways to raise for the probe's tests: plain functions that any Python from 3.9 runs."""

from typing import Optional


def raise_through(error: BaseException, depth: int = 4, payload: int = 0) -> None:
    """Raise `error` at the bottom of `depth` calls, the lowest of which holds `payload` bytes, and catch it here.

    One raise links `depth + 1` traceback entries, this function's own included.
    """
    try:
        _descend(error, depth, payload)
    except type(error):
        pass


def raise_many(error: BaseException, times: int, depth: int = 4, payload: int = 0) -> None:
    """Raise `error` some times in the same way."""
    for _ in range(times):
        raise_through(error, depth, payload)


def count_by_hand(error: BaseException) -> "tuple[int, int]":
    """Count entries and distinct frames of `error` in the simplest way that is right."""
    entries, frames = 0, set()
    entry = error.__traceback__
    while entry is not None:
        entries += 1
        frame: Optional[object] = entry.tb_frame
        while frame is not None:
            frames.add(frame)
            frame = frame.f_back  # type: ignore[attr-defined]
        entry = entry.tb_next
    return entries, len(frames)


def _descend(error: BaseException, depth: int, payload: int) -> None:
    if depth > 1:
        _descend(error, depth - 1, payload)
    held = b"." * payload  # noqa: F841 - kept by this frame
    raise error
