"""What a check decides as a whole: one word for all paths, an exit status, its JSON, and what a baseline accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sadpath.check.driver import Request
from sadpath.check.find import ErrorPath
from sadpath.check.result import Background, Cause, CauseKind, Check, EndReason, PathResult, read_baseline, write_json
from sadpath.errors import CommandError, Status
from sadpath.verdict.verdict import Outcome, Verdict


def result(outcome: Outcome, path: str = "/users", **figures: Any) -> PathResult:
    """One path that was found to be so."""
    return PathResult(ErrorPath("GET", path, 404, Request("GET", path)), Verdict(outcome, "because", **figures))


def check(*outcomes: Outcome, **more: Any) -> Check:
    """A check whose paths were found to be so, each at the address of its number."""
    results = tuple(result(outcome, f"/{number}") for number, outcome in enumerate(outcomes))
    return Check("shop", "http://127.0.0.1:8000", results, **more)


@pytest.mark.parametrize(
    ("outcomes", "outcome", "status"),
    [
        (["flat", "flat"], "flat", Status.OK),
        (["flat", "inconclusive"], "inconclusive", Status.INCONCLUSIVE),
        (["inconclusive", "leaks", "flat"], "leaks", Status.LEAKS),
        ([], "inconclusive", Status.INCONCLUSIVE),
    ],
)
def test_a_check_is_flat_only_if_every_path_is(outcomes: list[Outcome], outcome: str, status: Status) -> None:
    """One leak decides, one path that is open leaves it open, and no path is no good news."""
    assert (check(*outcomes).outcome, check(*outcomes).status) == (outcome, status)


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        (EndReason.OVER_MEMORY_LIMIT, Status.INCONCLUSIVE),
        (EndReason.ANOTHER_SERVICE, Status.INCONCLUSIVE),
        (EndReason.SERVICE_ENDED, Status.FAILED),
        (EndReason.NO_ANSWER, Status.FAILED),
        (EndReason.FAILED, Status.FAILED),
    ],
)
def test_how_it_ended_decides_the_status_where_nothing_leaks(ended: EndReason, status: Status) -> None:
    """A leak that was found until then is the result, whatever came after."""
    assert check("flat", "inconclusive", ended=ended).status == status
    assert check("leaks", "inconclusive", ended=ended).status == Status.LEAKS


def test_a_check_whose_requests_went_elsewhere_is_never_flat() -> None:
    """Also where all that was measured before is."""
    assert check("flat", "flat", ended=EndReason.ANOTHER_SERVICE).status == Status.INCONCLUSIVE


def test_an_accepted_leak_is_no_news() -> None:
    """Others that leak are, and one that is open still is."""
    accepted = frozenset({"GET /0 404"})
    assert check("leaks", "flat", accepted=accepted).outcome == "flat"
    assert check("leaks", "inconclusive", accepted=accepted).outcome == "inconclusive"
    assert [one.path.path for one in check("leaks", "leaks", accepted=accepted).new_leaks] == ["/1"]


def test_a_baseline_accepts_leaks_alone(tmp_path: Path) -> None:
    """What was inconclusive in the earlier check may turn out to leak in a later one, and fails then."""
    write_json(tmp_path / "check.json", check("leaks", "inconclusive", "flat"))
    assert read_baseline(tmp_path / "check.json") == {"GET /0 404"}


def test_a_baseline_accepts_what_a_leak_stands_for(tmp_path: Path) -> None:
    """Which of those that are refused alike is measured may be another one in a later check."""
    leak = {"name": "GET /0 404", "verdict": "leaks", "stands_for": ["GET /1 404"]}
    (tmp_path / "check.json").write_text(json.dumps({"paths": [leak]}))
    assert read_baseline(tmp_path / "check.json") == {"GET /0 404", "GET /1 404"}


@pytest.mark.parametrize("content", ["", "[]", '{"paths": 3}', '{"paths": [{"verdict": "leaks"}]}'])
def test_another_file_is_no_baseline(content: str, tmp_path: Path) -> None:
    """The error says how to write one."""
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(CommandError, match="sadpath check --json"):
        read_baseline(tmp_path / "other.json")


def test_the_worst_is_first() -> None:
    """Leaks by their bytes, then what is open, then what is flat."""
    results = (
        result("flat", "/flat", bytes_per_request=90.0),
        result("leaks", "/small", bytes_per_request=500.0),
        result("inconclusive", "/open", bytes_per_request=9000.0),
        result("leaks", "/unknown"),
        result("leaks", "/large", bytes_per_request=20_000.0),
    )
    ordered = [one.path.path for one in Check("shop", "", results).worst_first]
    assert ordered == ["/large", "/small", "/unknown", "/open", "/flat"]


def test_the_json_has_the_threshold_that_decided() -> None:
    """Of each path; of the check the largest, since less than that is ruled out nowhere."""
    results = (result("flat", "/exact", flat_below=100.0), result("flat", "/pages", flat_below=256.0))
    page = Check("shop", "", results).as_json
    by_path = {one["path"]: one["flat_below_bytes_per_request"] for one in page["paths"]}
    assert by_path == {"/exact": 100.0, "/pages": 256.0}
    assert page["flat_below_bytes_per_request"] == 256.0


def test_the_json_has_what_the_service_does_by_itself() -> None:
    """With what it is; null where it does nothing."""
    grows = Background(12_000.04, (11_000.0, 13_000.0), causes=(Cause(CauseKind.KEPT, "shop.ApiError"),))
    page = json.loads(json.dumps(Check("shop", "", (), background=grows).as_json))["service"]
    assert (page["bytes_per_second"], page["ci95"]) == (12_000.0, [11_000.0, 13_000.0])
    assert page["causes"][0]["kind"] == "kept exception"
    assert Check("shop", "", ()).as_json["service"] is None


def test_the_json_has_the_first_cause_and_all() -> None:
    """The first is the largest."""
    causes = (Cause(CauseKind.REUSED, "shop.ApiError"), Cause(CauseKind.CYCLE, "builtins.ValueError"))
    path = PathResult(ErrorPath("GET", "/a", 404, Request("GET", "/a")), Verdict("leaks", "it grows"), causes)
    (page,) = json.loads(json.dumps(Check("shop", "", (path,)).as_json))["paths"]
    assert page["cause"]["kind"] == "reused exception"
    assert [one["kind"] for one in page["causes"]] == ["reused exception", "reference cycle"]
