from io import StringIO

from rich.console import Console

from loadtest.outcome import cells, line, table
from sadpath.sources import Reading
from sadpath.watch.run import Run
from sadpath.watch.sample_file import Latency, Sample

MIB = 2.0**20


def sample(arm: str, memory_mib: float, *, started: float = 1.0, p99_ms: float | None = 12.0) -> Sample:
    """A sample with round figures."""
    reading = Reading(memory_mib * MIB, start_time_s=started, requests=1234, traceback_entries=567)
    return Sample(1.0, arm, "measured", reading, Latency(5.0, p99_ms))


def test_a_row_has_memory_growth_entries_requests_and_latency() -> None:
    """Each with its unit."""
    assert cells(Run([sample("reused", 40), sample("reused", 90)]), "reused") == [
        "90 MiB",
        "+50 MiB",
        "567",
        "1,234",
        "12 ms",
        "0",
    ]


def test_growth_is_within_the_current_lifetime() -> None:
    """After a restart it begins again, and the restart is counted."""
    before, after = sample("reused", 400), sample("reused", 40, started=2.0)
    shown = cells(Run([before, after, sample("reused", 41, started=2.0)]), "reused")
    assert (shown[1], shown[-1]) == ("+1 MiB", "1")


def test_what_was_not_read_is_a_dash() -> None:
    """And not a zero."""
    assert cells(Run([Sample(1.0, "reused", "measured", None, missing="gone")]), "reused") == ["–"] * 6
    assert cells(Run([sample("reused", 40, p99_ms=None)]), "reused")[-2] == "–"


def test_the_table_names_each_arm() -> None:
    """As it is drawn in a terminal of eighty columns."""
    console = Console(file=StringIO(), width=80)
    samples = [sample("reused", 40), sample("factory", 41)]
    console.print(table(Run(samples), "1 of 60 s"))
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    assert [text.split()[1] for text in drawn.splitlines() if text.startswith("│ ")] == ["reused", "factory"]
    assert max(map(len, drawn.splitlines())) <= 80
    assert "1 of 60 s" in drawn


def test_without_a_terminal_the_state_is_one_line() -> None:
    """So that it can be piped."""
    assert (
        line(Run([sample("reused", 40)])) == "reused 40 MiB (+0 MiB), 567 retained entries, 1,234 requests, p99 12 ms"
    )
