"""How an experiment runs: it reports its progress, its rows are on disk as they come, and an interrupt leaves them."""

from __future__ import annotations

import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import psutil
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sadpath import interrupts
from sadpath.errors import CommandError, Status
from sadpath.export.collectors import environment
from sadpath.files import write_json
from sadpath.probe.memory import memory_limit
from sadpath.temporary import temporary_folder

INTERRUPTED = interrupts.SIGNALLED + signal.SIGINT

Say = Callable[[str], None]


class Named(Protocol):
    """A row of a book; no two rows have the same name."""

    @property
    def name(self) -> str: ...  # noqa: D102


AnyRow = TypeVar("AnyRow", bound=Named)


class Book(Generic[AnyRow]):
    """A file of rows, whole on disk after each row, so that a killed run leaves what it has.

    `page` makes of the rows what is written beside the `environment` that they were measured in.
    """

    def __init__(
        self, path: Path, environment: Mapping[str, object], page: Callable[[Sequence[AnyRow]], Mapping[str, object]]
    ) -> None:
        self._by_name: dict[str, AnyRow] = {}
        self._path, self._environment, self._page = path, dict(environment), page
        self._write()

    @property
    def rows(self) -> list[AnyRow]:
        """The rows, in the order in which they first came."""
        return list(self._by_name.values())

    def get(self, name: str) -> AnyRow | None:
        """Return the row of this name, None if it has not come yet."""
        return self._by_name.get(name)

    def put(self, *rows: AnyRow) -> None:
        """Add rows, or put later readings in the place of earlier ones, and write the file."""
        self._by_name |= {row.name: row for row in rows}
        self._write()

    def _write(self) -> None:
        write_json(self._path, {"environment": self._environment, **self._page(self.rows)})


def progress(console: Console) -> Say:
    """Return what prints one line with the seconds since now."""
    began = time.monotonic()
    return lambda line: console.print(f"{time.monotonic() - began:4.0f} s  {line}", soft_wrap=True, highlight=False)


def run_measurement(name: str, work: Callable[[Path], None], console: Console) -> int:
    """Do `work` in a folder that is removed afterwards, and return the exit status of the command of this `name`.

    An interrupt or an error ends the work, and not the command: what was measured until then can still be reported.
    """
    try:
        with interrupts.interrupt_once(), temporary_folder(f"{name}-") as folder:
            work(folder)
    except KeyboardInterrupt:
        console.print("Stopped; what was measured is below.")
        return INTERRUPTED
    except (CommandError, OSError) as reason:
        sys.stderr.write(f"{name}: {reason}\n")
        return reason.exit_code if isinstance(reason, CommandError) else Status.FAILED
    return Status.OK


def wrong_command(reason: str) -> CommandError:
    """Return the error for something that cannot be done; the reason ends with what to type instead."""
    return CommandError(reason, Status.WRONG_COMMAND)


def describe_machine() -> dict[str, object]:
    """Return the versions and the machine that figures depend on."""
    return {**environment(), "locust": version("locust"), "cpus": os.cpu_count()}


def machine_in_words() -> str:
    """Return the system and the processor, as in `Linux x86_64`."""
    return f"{platform.system()} {platform.machine()}"


def free_bytes() -> int:
    """Return the memory that a new process can have: the machine's, or less where a container limits us."""
    available = int(psutil.virtual_memory().available)
    limit = memory_limit()
    return available if limit is None else min(available, limit - psutil.Process().memory_info().rss)


def rounded(value: Any, digits: int = 3) -> Any:
    """Return a figure, or each of several, with no more digits than it is known to."""
    if isinstance(value, Mapping):
        return {name: rounded(one, digits) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(one, digits) for one in value]
    return round(value, digits) if isinstance(value, float) else value


def terminal_table(
    headings: Sequence[str], rows: Iterable[Sequence[str | Text]], caption: str, names: Sequence[str] = ("arm",)
) -> Table:
    """Return a table whose columns of figures are aligned to the right, those of `names` to the left."""
    view = Table(caption=caption, caption_justify="left", caption_style="")
    for heading in headings:
        view.add_column(heading, justify="left" if heading in names else "right", no_wrap=" " not in heading)
    for row in rows:
        view.add_row(*row)
    return view
