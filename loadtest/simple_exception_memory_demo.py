"""One exception object raised again and again keeps the memory of every raise; a fresh one each time keeps none."""

import gc
import tracemalloc

USER_NOT_FOUND = LookupError("there is no such user")  # built once, for the lifetime of the process


def raise_the_same_object() -> None:
    context = b"." * 10000  # what a request holds when it fails
    raise USER_NOT_FOUND  # leaks: its __traceback__ keeps one more frame, and the frame keeps the context


def raise_a_fresh_object() -> None:
    context = b"." * 10000
    raise LookupError("there is no such user")  # object, traceback, frame, context: gone when it was handled


def measure_memory() -> int:
    """Return the bytes that Python has allocated since the first call and still holds, on any system."""
    if not tracemalloc.is_tracing():
        tracemalloc.start()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


if __name__ == "__main__":
    for fail in (raise_the_same_object, raise_a_fresh_object):
        before = measure_memory()
        for raises in range(1, 1001):
            try:
                fail()
            except LookupError:
                pass
            if raises % 200 == 0:
                grown = (measure_memory() - before) / 1e6
                print("{:21} {:5,} raises {:+6.2f} MB".format(fail.__name__, raises, grown))
