"""Coverage without its tracer, where that would change what is measured."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def untraced() -> Iterator[None]:
    """Stop the tracer, and start it again.

    It does so itself, since a worker of pytest-xdist has two, and pytest-cov's `no_cover` stops one of them.
    """
    tracer = sys.gettrace()
    if tracer is None:
        yield
        return
    of_threads = threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)
        threading.settrace(of_threads)
