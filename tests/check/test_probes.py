"""What the probes of all processes answer, added up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sadpath.check.service.probes import Probes, Snapshot, Traceback


class Answering(Probes):
    """Probes that answer so, by process; what is under test is what is made of it."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        super().__init__(Path("nowhere"))
        self._answers = dict(enumerate(answers, 1))

    def ask(self, op: str, timeout_s: float = 30.0, **arguments: object) -> dict[int, Any]:
        """Answer."""
        del op, timeout_s, arguments
        return self._answers


def settled(**figures: Any) -> dict[str, Any]:
    """What the probe of one process answers."""
    known = {"in_use": 100, "anonymous": 1000, "collected": 3, "live_exceptions": 2, "tracebacks": [[7, "shop.E", 5]]}
    return {**known, **figures}


def test_all_processes_are_added_up() -> None:
    """And an object is known by its process, since two may have one at the same address."""
    assert Answering(settled(), settled(in_use=11)).settle() == Snapshot(
        identity=(1, 2),
        processes=2,
        in_use=111,
        anonymous=2000,
        collected=6,
        live_exceptions=4,
        tracebacks={(1, 7): Traceback("shop.E", 5), (2, 7): Traceback("shop.E", 5)},
    )


@pytest.mark.parametrize("figure", ["in_use", "anonymous", "live_exceptions", "tracebacks"])
def test_what_one_process_does_not_know_is_unknown_of_all(figure: str) -> None:
    """It is no zero: jemalloc counts no bytes in use, and threads without the GIL allow no census."""
    assert getattr(Answering(settled(), settled(**{figure: None})).settle(), figure) is None


def test_routes_of_several_workers_are_listed_once() -> None:
    """Each has the same app."""
    routes = [{"method": "GET", "path": "/users/{id}"}, {"method": "POST", "path": "/orders"}]
    worker: Any = routes
    assert Answering(worker, worker).routes() == [("GET", "/users/{id}"), ("POST", "/orders")]


def test_where_no_probe_answers_there_are_no_versions_and_no_routes(tmp_path: Path) -> None:
    """The check goes on without."""
    assert Probes(tmp_path).versions() == {}
    assert Probes(tmp_path).routes() == []
