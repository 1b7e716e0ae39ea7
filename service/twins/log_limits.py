"""What the server logs about errors that nothing in the service handles."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def logged_at_most(times: int, kind: type[BaseException]) -> Iterator[None]:
    """Let the server log only the first of these errors: a record for each request would soon fill the disk."""
    logger = logging.getLogger("uvicorn.error")
    left = times

    def may_pass(record: logging.LogRecord) -> bool:
        nonlocal left
        if not (record.exc_info and record.exc_info[0] and issubclass(record.exc_info[0], kind)):
            return True
        left -= 1
        return left >= 0

    logger.addFilter(may_pass)
    try:
        yield
    finally:
        logger.removeFilter(may_pass)
