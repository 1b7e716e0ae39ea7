"""What closes the circles of references that exceptions are part of, which only the collector frees."""

import gc
import weakref
from typing import Any, Callable, Dict, List

import pytest

from sadpath.probe import cycles
from sadpath.probe.looks import collector_is_on


class Failed(Exception):  # noqa: N818
    """What is raised."""


class Watched:
    """Something that a frame holds."""


def in_a_local() -> None:
    try:
        raise Failed
    except Failed as error:
        kept = error
    assert kept is not None


def in_a_result() -> None:
    def attempt() -> Any:
        try:
            raise Failed
        except Failed as error:
            return error

    result = attempt()
    try:
        raise result
    except Failed:
        pass


def in_a_list() -> None:
    failures: List[Failed] = []
    try:
        raise Failed
    except Failed as error:
        failures.append(error)


def in_a_dictionary_of_the_caller() -> None:
    answers: Dict[str, Any] = {}

    def attempt() -> None:
        try:
            raise Failed
        except Failed as error:
            answers["error"] = error

    attempt()


def in_the_exception_itself() -> None:
    try:
        raise Failed
    except Failed as error:
        error.owner = {"self": error}  # type: ignore[attr-defined]


CLOSED_BY = {
    in_a_local: ("kept", "in_a_local"),
    in_a_result: ("result", "in_a_result"),
    in_a_list: ("failures", "in_a_list"),
    in_a_dictionary_of_the_caller: ("answers", "attempt"),
}
"""The local that closes the circle, and the function that it is nearest to."""


@pytest.mark.parametrize("leaves", CLOSED_BY, ids=lambda leaves: str(leaves.__name__))
def test_the_local_that_closes_a_circle_is_named(leaves: Callable[[], None]) -> None:
    """With its function and the line where that stood."""
    cycles.begin()
    for _ in range(20):
        leaves()
    found = cycles.end()
    (circle,) = found["circles"]
    assert (circle["local"], circle["function"].rpartition(".")[2]) == CLOSED_BY[leaves]
    assert (circle["type"], circle["own"]) == (f"{__name__}.Failed", True)
    assert circle["file"] == __file__
    assert found["exceptions"] == 20
    assert found["objects"] >= 40


class Refused(Exception):  # noqa: N818
    """What is raised by something else."""


def in_the_frame_of_another() -> None:
    def attempt(failure: Failed) -> None:
        raise Refused(failure.args)

    failures = [Failed()]
    try:
        attempt(failures[0])
    except Refused as error:
        refusal = error
    try:
        raise failures.pop()
    except Failed:
        assert refusal is not None


def test_of_several_locals_in_a_circle_the_one_that_holds_the_exception_is_named() -> None:
    """The exception's own frame holds `refusal`, the frame of which holds the exception as `failure`."""
    cycles.begin()
    in_the_frame_of_another()
    closed_by = {circle["type"].rpartition(".")[2]: circle["local"] for circle in cycles.end()["circles"]}
    assert closed_by == {"Failed": "failure", "Refused": "refusal"}


def test_a_circle_without_a_local_has_no_name() -> None:
    """It is counted all the same."""
    cycles.begin()
    in_the_exception_itself()
    found = cycles.end()
    assert found["exceptions"] == 1
    assert found["circles"] == []


def test_what_is_in_circles_is_freed_and_nothing_is_kept() -> None:
    """Also what the frames hold."""
    gone: List[Any] = []

    def leaves() -> None:
        watched = Watched()
        gone.append(weakref.ref(watched))
        try:
            raise Failed
        except Failed as error:
            kept = error
        assert kept is not None

    cycles.begin()
    leaves()
    assert gone[0]() is not None
    assert len(cycles.end()["circles"]) == 1
    assert gone[0]() is None
    assert gc.garbage == []


def test_the_collector_is_as_it_was() -> None:
    """On or off, with its flags."""
    for begin in (gc.enable, gc.disable):
        begin()
        was, flags = gc.isenabled(), gc.get_debug()
        cycles.begin()
        assert collector_is_on() is was
        cycles.end()
        assert (gc.isenabled(), gc.get_debug()) == (was, flags)
    gc.enable()


def test_garbage_that_was_saved_before_stays() -> None:
    """A process may look at its own."""
    ours = [Watched()]
    gc.garbage.extend(ours)
    try:
        cycles.begin()
        in_a_local()
        cycles.end()
        assert gc.garbage == ours
    finally:
        gc.garbage.clear()
