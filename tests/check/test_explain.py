"""From what the probes answer to what is to blame: which object, in which order, and what is no cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sadpath.check.measure.explain import MAX_CAUSES, cycles, explain, garbage, protection
from sadpath.check.result import CauseKind
from sadpath.fault import keep_secret


class Probes:
    """Probes that answer so, by question and process."""

    def __init__(self, **answers: Mapping[int, Any]) -> None:
        self.asked: list[str] = []
        self._answers = {name.replace("_", ".", 1): answer for name, answer in answers.items()}

    def ask(self, op: str, timeout_s: float = 30.0, **arguments: object) -> Mapping[int, Any]:
        """Answer."""
        del timeout_s, arguments
        self.asked.append(op)
        return self._answers.get(op, {1: {}})


def exception(one_id: int, name: str = "shop.Errors.sold_out", entries: int = 100) -> dict[str, Any]:
    """What a probe says of an exception."""
    about = {"type": "shop.ShopError", "message": "Sold out.", "frames": entries, "bytes": 10 * entries}
    return {"id": one_id, "held_by": [name] if name else [], "entries": entries, "raised_at": [], **about}


def container(count: int, name: str = "shop.LAST_ERRORS", **more: Any) -> dict[str, Any]:
    """What a probe says of a container that has more elements."""
    about = {"type": "shop.ShopError", "message": "Sold out.", "raised_at": []}
    return {**about, "count": count, "held_by": name, "length": count, **more}


def no_load(_: int) -> None:
    """Nothing is to be sent."""


def test_the_object_with_the_longest_traceback_comes_first() -> None:
    """Whatever the order of the answers."""
    answer = [exception(1, "shop.SMALL", 10), exception(2, "shop.LARGE", 1000), exception(3, "shop.MEDIUM", 100)]
    found = explain({(7, 1): 1.0, (7, 2): 1.0, (7, 3): 1.0}, Probes(explain_explain={7: answer}), no_load)
    assert [one.held_by for one in found] == ["shop.LARGE", "shop.MEDIUM", "shop.SMALL"]
    assert {one.kind for one in found} == {CauseKind.REUSED}


def test_an_object_is_a_suspect_in_its_own_process_only() -> None:
    """Another worker may have another object at the same address."""
    answers = {7: [exception(1, "shop.GUILTY")], 8: [exception(1, "shop.INNOCENT"), exception(2, "shop.ALSO")]}
    found = explain({(7, 1): 1.0, (8, 2): 1.0}, Probes(explain_explain=answers), no_load)
    assert {one.held_by for one in found} == {"shop.GUILTY", "shop.ALSO"}


def test_the_same_object_in_several_workers_is_one_cause() -> None:
    """With what all of them retain."""
    answers = {7: [exception(1, entries=100)], 8: [exception(5, entries=50)]}
    (found,) = explain({(7, 1): 1.0, (8, 5): 1.0}, Probes(explain_explain=answers), no_load)
    assert (found.traceback_entries, found.frames, found.bytes) == (150, 150, 1500)


def test_an_object_with_two_names_has_both() -> None:
    """One searches for either."""
    one = {**exception(1), "held_by": ["shop.A", "shop.B"]}
    (found,) = explain({(7, 1): 1.0}, Probes(explain_explain={7: [one]}), no_load)
    assert found.held_by == "shop.A and shop.B"


def test_a_message_of_an_exception_has_no_secret() -> None:
    """Of one that is reused, and of those that are kept: a service may write down what it was sent."""
    keep_secret(["hunterpass"])
    said = {"message": "wrong password hunterpass"}
    (reused,) = explain({(7, 1): 1.0}, Probes(explain_explain={7: [{**exception(1), **said}]}), no_load)
    (kept,) = explain({}, Probes(growth_kept={7: [container(100, **said)]}), no_load)
    assert reused.message == kept.message == "wrong password …"


def test_what_is_kept_is_an_exception_of_every_other_request_at_least() -> None:
    """Of a hundred requests; what came now and then is no cause, and then the containers are looked at."""
    kept = Probes(growth_kept={7: [container(100), container(49, "shop.RARE")]})
    (found,) = explain({}, kept, no_load)
    assert (found.kind, found.held_by) == (CauseKind.KEPT, "shop.LAST_ERRORS")
    grown = Probes(growth_kept={7: [container(49)]}, growth_grown={7: [container(100, "shop.SEEN")]})
    (found,) = explain({}, grown, no_load)
    assert (found.kind, found.held_by) == (CauseKind.OTHER, "shop.SEEN")


def test_what_has_a_bound_says_so() -> None:
    """So that growth up to it is not taken for a leak."""
    (found,) = explain({}, Probes(growth_kept={7: []}, growth_grown={7: [container(100, bounded=500)]}), no_load)
    assert found.bound == 500
    assert "shop.LAST_ERRORS has 100 of at most 500 elements" in found.details


def test_without_any_cause_it_says_what_to_use() -> None:
    """Another tool may see it."""
    (found,) = explain({}, Probes(growth_kept={7: []}, growth_grown={7: []}), no_load)
    assert found.kind is CauseKind.OTHER
    assert "memray" in found.fix


def test_the_look_is_forgotten_also_where_the_search_fails() -> None:
    """The probe keeps nothing."""
    probes = Probes(growth_kept={7: [{"count": 100}]})
    with pytest.raises(KeyError):
        explain({}, probes, no_load)
    assert probes.asked[-1] == "growth.end"


def circle(number: int, *, own: bool = True) -> dict[str, Any]:
    """What a probe says of a circle of references."""
    place = {"local": "error", "function": "get", "file": "shop.py", "line": number}
    return {"type": "shop.ShopError", "count": 20, "own": own, **place}


def test_circles_of_the_users_own_code_are_causes_once_each() -> None:
    """In several workers, and however many there are."""
    circles = [*map(circle, range(2 * MAX_CAUSES)), circle(99, own=False)]
    answers = {pid: {"objects": 40, "circles": circles} for pid in (7, 8)}
    found = cycles(Probes(cycles_end=answers), no_load)
    assert [one.raised_at[0].line for one in found] == list(range(MAX_CAUSES))
    assert found[0].details == ("4.0 objects in reference cycles with each request",)


def test_garbage_is_named_by_its_types() -> None:
    """Those of all workers, the most frequent first, by request."""
    answers = {pid: {"objects": 40, "types": [["list", 10], ["frame", 30]], "circles": []} for pid in (7, 8)}
    found = garbage(Probes(cycles_end=answers), no_load)
    assert (found.kind, found.type) == (CauseKind.GARBAGE, "frame")
    assert found.details == ("objects of it with each request: frame 3.0, list 1.0",)
    assert "gc.collect()" in found.fix


def test_garbage_that_is_not_seen_is_named_by_nothing() -> None:
    """It may have been of another request."""
    found = garbage(Probes(cycles_end={7: {"objects": 0, "types": [], "circles": []}}), no_load)
    assert (found.type, found.details) == ("", ())


@pytest.mark.parametrize(
    ("version", "words"),
    [("", None), ("1.9.3", "protects none of this"), ("1.10.0", "caught elsewhere"), ("2.0", "caught")],
)
def test_what_starlette_does_about_it_is_said(version: str, words: str | None) -> None:
    """From 1.10 on, which is later than 1.9."""
    lines = protection(version)
    assert any(words in line for line in lines) if words else lines == ()
