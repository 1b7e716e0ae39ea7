"""A temporary folder that does not outlive us, whichever way we end.

A small process of this module holds the other end of a pipe to us. When our end is closed, by us or, after SIGKILL, by
the kernel, it removes the folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TRIES = 100
AGAIN_S = 0.1


@contextmanager
def temporary_folder(of: str = "", within: str | None = None) -> Iterator[Path]:
    """Make a folder that is nobody else's. It is removed in the end, also when we are killed.

    `of` is in its name. It is `within` a folder that is named, or where the system has temporary files.
    """
    with (
        tempfile.TemporaryDirectory(prefix=f"sadpath-{of}", dir=within, ignore_cleanup_errors=True) as folder,
        subprocess.Popen(  # noqa: S603 - this module
            [sys.executable, "-I", "-S", __file__, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ),
    ):
        yield Path(folder)


def _remove_when_alone(folder: str) -> None:
    """Remove the folder, again while a service that is being killed still writes to it; no symlink is followed."""
    os.read(0, 1)
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
        time.sleep(AGAIN_S)


if __name__ == "__main__":
    _remove_when_alone(sys.argv[1])
