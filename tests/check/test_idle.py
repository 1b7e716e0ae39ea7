"""What a service does without any request: it is measured, named once, and no error path is blamed for it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.check.driver import Request
from sadpath.check.find import ErrorPath
from sadpath.check.measure.idle import background, explains
from sadpath.check.measure.rounds import Measurement, identical
from sadpath.check.result import Background
from sadpath.check.service.probes import Snapshot, Traceback
from sadpath.verdict.rounds import Round
from tests.check.conftest import Checked, check

PATH = ErrorPath("GET", "/users/{id}", 404, Request("GET", "/users/1"))
ERROR, OTHER = (1, 10), (1, 20)


def growing(*, begins_round: bool = False, watched_s: float = 0.0) -> Snapshot:
    """A service that grows by 100 MB and 1,000 traceback entries a second."""
    del begins_round, watched_s
    now = time.monotonic()
    return Snapshot((1,), 1, 1e8 * now, None, tracebacks={ERROR: Traceback("shop.Error", int(1000 * now))})


def test_growth_is_by_the_second_with_its_interval() -> None:
    """However long a look itself takes."""
    found = background(growing, 0.05)
    assert found.bytes_per_second == pytest.approx(1e8, rel=0.1)
    assert found.ci95[0] < found.bytes_per_second < found.ci95[1]
    assert found.entries[ERROR] == pytest.approx(1000, rel=0.1)
    assert found.sentence.startswith("memory grows by 9")
    assert found.sentence.endswith(" KiB a second without any request")


def test_a_new_exception_is_no_traceback_that_grows() -> None:
    """It is new in one round; a thread may keep one after the other."""
    looks = iter(range(1000))

    def keeping(*, begins_round: bool = False, watched_s: float = 0.0) -> Snapshot:
        """Keep one more; of the others every other one is listed."""
        del begins_round, watched_s
        look = next(looks)
        listed = [number for number in range(look) if number == look - 1 or number % 2 == look % 2]
        return Snapshot((1,), 1, 0, None, tracebacks={(1, one): Traceback("shop.Error", 1) for one in listed})

    assert background(keeping, 0.05).entries == {}


def measured(grown_bytes: float, entries: dict[tuple[int, int], int]) -> Measurement:
    """A path that grew so in each of twenty rounds, which took a second together."""
    one = Measurement(PATH, identical(PATH), flat_below=100)
    one.rounds, one.rounds_s = [Round(50, grown_bytes, entries=entries)] * 20, 1.0
    return one


@pytest.mark.parametrize(("grown_bytes", "explained"), [(4e6, True), (6e6, True), (2e7, False)])
def test_it_explains_growth_with_requests_that_is_no_more_than_twice_as_much(
    grown_bytes: float, *, explained: bool
) -> None:
    """A service does more when it is busy."""
    assert explains(Background(1e8, (1e8, 1e8)), measured(grown_bytes, {})) is explained


@pytest.mark.parametrize(("suspects", "explained"), [({ERROR: 50}, True), ({OTHER: 50}, False), ({ERROR: 500}, False)])
def test_a_traceback_that_grows_by_itself_is_no_suspect(
    suspects: dict[tuple[int, int], int], *, explained: bool
) -> None:
    """Another one is, and one that grows much faster with requests, whatever memory does."""
    assert explains(Background(1e8, (1e8, 1e8), entries={ERROR: 1000.0}), measured(1e6, suspects)) is explained


def checked(folder: Path, thread: str) -> Checked:
    """A check of three paths of a service with such a thread."""
    service = [sys.executable, "-m", "uvicorn", "idle:app", "--port", str(free_port()), "--no-access-log"]
    paths = [word for number in range(3) for word in ("--request", f"GET /state/{number}")]
    return check(folder, *paths, "--budget", "40", "--html", folder / "page.html", "--", *service, THREAD=thread)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("thread", "kind", "holder"),
    [
        ("keeps failures", "kept exception", "idle.FAILURES"),
        ("raises one error", "reused exception", "idle.DOWN"),
        ("keeps data", "no exception", "idle.KEPT"),
    ],
)
def test_what_grows_without_any_request_is_one_finding_of_the_service(
    thread: str, kind: str, holder: str, tmp_path: Path
) -> None:
    """With what it is; no path leaks, and each says why it is not decided."""
    found = checked(tmp_path, thread)
    assert "leaks" not in {one["verdict"] for one in found.summary["paths"]}
    (cause,) = found.summary["service"]["causes"]
    assert (cause["kind"], cause["held_by"]) == (kind, holder)
    assert found.out.count("the service: memory grows by ") == 1
    assert f"held by {holder}" in found.out
    assert f"held by {holder}" in (tmp_path / "page.html").read_text()
