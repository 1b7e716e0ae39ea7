"""A service that has switched its collector off: what a collection frees is a leak only where nothing collects."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from loadtest.ports import free_port
from sadpath.check.measure import garbage
from sadpath.check.measure.garbage import Collections
from tests.check.conftest import Checked, check


def checked(folder: Path, collects: str, *options: str) -> Checked:
    """A check of the service; two paths, of which one makes garbage."""
    service = [sys.executable, "-m", "uvicorn", "garbage:app", "--port", str(free_port()), "--no-access-log"]
    paths = ["--request", "GET /things/1", "--request", "GET /clean"]
    return check(folder, *paths, *options, "--", *service, COLLECTS=collects)


@pytest.fixture(autouse=True)
def watches_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the service needs to collect."""
    monkeypatch.setattr(garbage, "WATCHED_S", 3.0)
    monkeypatch.setattr(garbage, "UNDISTURBED_S", 2.0)


@pytest.mark.slow
@pytest.mark.parametrize("collects", ["a thread", "a request"])
def test_garbage_that_the_service_collects_is_no_leak(collects: str, tmp_path: Path) -> None:
    """In its own time, or once there is enough of it; how much a request makes is said."""
    found = checked(tmp_path, collects)
    assert (found.status, found.path("GET /things/1 404")["verdict"]) == (0, "flat")
    assert found.path("GET /things/1 404")["garbage_bytes_per_request"] == pytest.approx(2130, rel=0.5)
    (note,) = found.summary["notes"]
    assert note.startswith("the service has switched its collector off and collects by itself: up to 2,")


@pytest.mark.slow
def test_garbage_that_nothing_collects_is_a_leak(tmp_path: Path) -> None:
    """Of that path alone, with its bytes, its types and what to do."""
    found = checked(tmp_path, "nobody")
    leak = found.path("GET /things/1 404")
    assert (found.status, leak["verdict"]) == (1, "leaks")
    assert leak["bytes_per_request"] == pytest.approx(2130, rel=0.05)
    assert (leak["cause"]["kind"], leak["cause"]["type"]) == ("garbage that nothing collects", "builtins.list")
    assert "gc.collect()" in leak["cause"]["fix"]
    assert found.path("GET /clean 404")["verdict"] == "flat"
    assert "leaks        GET /things/1 404: 2," in found.err


class Probes:
    """Two processes whose collections are these at each look, the last ones for ever; the second has its GC on."""

    def __init__(self, *collections: tuple[int, int]) -> None:
        self._left = list(collections)

    def ask(self, op: str, timeout_s: float = 30.0, **arguments: object) -> Mapping[int, Any]:
        """Answer."""
        del op, timeout_s, arguments
        first, second = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        return {
            1: {"collections": first, "gc_enabled": False},
            2: {"collections": second, "gc_enabled": True},
        }


def no_load(_: int) -> None:
    """Nothing is to be sent."""


def test_a_collection_of_a_process_that_has_its_collector_on_says_nothing() -> None:
    """Such as gunicorn's, above a worker that has it off."""
    assert not Collections(Probes((5, 1), (5, 9))).seen()
    assert Collections(Probes((5, 1), (6, 1))).seen()


def test_what_cannot_be_watched_for_long_enough_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The budget ends before; one that is seen is known all the same."""
    monkeypatch.setattr(garbage, "WATCHED_S", 1000.0)
    assert Collections(Probes((5, 1))).wait(no_load, time.monotonic()) is None
    assert Collections(Probes((5, 1), (6, 1))).wait(no_load, time.monotonic()) is True


def test_nothing_collects_once_it_was_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """For as long as that takes."""
    monkeypatch.setattr(garbage, "WATCHED_S", 0.0)
    monkeypatch.setattr(garbage, "UNDISTURBED_S", 0.01)
    assert Collections(Probes((5, 1))).wait(no_load, time.monotonic() + 600) is False
