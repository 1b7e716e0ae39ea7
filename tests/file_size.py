"""Files that cannot grow: a disk that is full, for one process."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


def limit_file_size(size: int) -> None:
    """Let no file of this process, and of those that it starts, grow beyond `size` bytes: such a write fails."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@contextmanager
def limited_file_size(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes in this block."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    limit_file_size(size)
    try:
        yield
    finally:
        limit_file_size(before)
