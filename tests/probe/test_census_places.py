"""Looks at a chain that somebody cuts, at frames that still run, and under a debugger: right, or called estimates."""

import asyncio
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, Optional

import pytest

from sadpath.probe import census
from sadpath.probe.census import NOTHING, Look, look_at
from tests.probe.raising import count_by_hand, raise_many, raise_through

leaves_marks = pytest.mark.skipif(sys.version_info < (3, 11), reason="before Python 3.11 no mark can be left")


class Error(Exception):
    """What the tests raise, again and again."""


@pytest.fixture
def error() -> Error:
    return Error()


def counted(look: Look) -> "tuple[int, int]":
    """What is compared with a count by hand."""
    return look.entries, look.frames


def entry_at(error: Error, number: int) -> TracebackType:
    """Return an entry by its number from the front."""
    entry = error.__traceback__
    for _ in range(number):
        assert entry
        entry = entry.tb_next
    assert entry
    return entry


@leaves_marks
def test_entries_of_running_frames_that_were_cut_take_their_frames_along(error: Error) -> None:
    """A frame that ran at the last look, and the callers that only it had, are not counted once its entry is gone."""
    raise_many(error, times=3)

    def look_and_cut() -> Look:
        try:
            raise error
        except Error:
            look = look_at(error)
            error.__traceback__ = entry_at(error, 1)
            return look

    assert counted(look_at(error, look_and_cut())) == count_by_hand(error)


@leaves_marks
def test_a_chain_that_is_cut_behind_the_last_look_is_walked_again(error: Error) -> None:
    """Whoever keeps a traceback short by assigning `tb_next` does not appear to leak."""
    look = NOTHING
    for _ in range(20):
        raise_many(error, times=3)
        look = look_at(error, look)
        entry_at(error, 9).tb_next = None
        look = look_at(error, look)
        assert counted(look) == count_by_hand(error)


def test_an_unfinished_coroutine_makes_the_frames_an_estimate(error: Error) -> None:
    """When it goes on, it may have other callers than at the look, or none."""

    async def fail() -> Look:
        with suppress(Error):
            await asyncio.sleep(0)
            raise error
        raise_through(error)
        return look_at(error)

    look = asyncio.run(fail())
    assert look.frames_are_estimated == (sys.version_info >= (3, 11))
    assert look_at(error, look).entries == count_by_hand(error)[0]


@contextmanager
def debugged() -> Iterator[None]:
    """Trace each line, as a debugger in Python does: it takes the slot of each frame."""

    def trace(_frame: FrameType, _event: str, _arg: Any) -> Any:
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def test_under_a_debugger_counts_are_right_and_frames_followed_are_bounded(
    error: Error, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No mark can be left, so each look walks the chain, and follows a part of it."""
    look = NOTHING
    for _ in range(5):
        with debugged():
            raise_many(error, times=10)
        look = look_at(error, look)
        assert counted(look) == count_by_hand(error)
    monkeypatch.setattr(census, "MAX_FOLLOWED", 100)
    look = look_at(error, look)
    assert (look.entries, look.walked, look.frames_are_estimated) == (250, 250, True)


@leaves_marks
def test_after_frames_were_cleared_the_chain_is_walked_once_more(error: Error) -> None:
    """`traceback.clear_frames` takes our marks away too; the next look leaves new ones."""
    raise_many(error, times=10)
    look = look_at(error)
    entry: Optional[TracebackType] = error.__traceback__
    while entry is not None:
        entry.tb_frame.clear()
        entry = entry.tb_next
    walked = []
    for _ in range(3):
        raise_through(error)
        look = look_at(error, look)
        walked.append(look.walked)
        assert counted(look) == count_by_hand(error)
    assert walked == [55, 5, 5]


@leaves_marks
def test_an_oldest_entry_whose_frame_runs_is_left_alone(error: Error) -> None:
    """A frame that runs gets no mark, since a tracer would call it; the next look still walks what is new."""
    with suppress(Error):
        raise error
    assert error.__traceback__
    frame = error.__traceback__.tb_frame
    raise_many(error, times=3)
    look = look_at(error)
    assert frame.f_trace is None
    raise_through(error)
    assert look_at(error, look).walked == 5


@leaves_marks
def test_a_place_that_cannot_be_marked_is_not_taken_for_an_older_one(error: Error) -> None:
    """Where two censuses share a mark, one that can leave no new one does not go on from the old."""
    raise_many(error, times=3)
    look, _of_another = look_at(error), look_at(error)
    with debugged():
        raise_through(error)
    for _ in range(2):
        look = look_at(error, look)
        assert counted(look) == count_by_hand(error)


def test_after_a_release_the_bytes_are_sized_anew(error: Error) -> None:
    """What was released does not make what comes after it look large."""
    raise_many(error, times=20, payload=100_000)
    look = look_at(error)
    error.__traceback__ = None
    raise_many(error, times=20)
    assert look_at(error, look).estimated_bytes < 20 * 50_000 < look.estimated_bytes


@leaves_marks
def test_more_entries_of_running_frames_than_are_followed_make_an_estimate(
    error: Error, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of 200 nested frames has caught the error, and goes on."""

    def nest(depth: int) -> Look:
        with suppress(Error):
            raise error
        return nest(depth - 1) if depth else look_at(error)

    monkeypatch.setattr(census, "MAX_FOLLOWED", 100)
    look = nest(199)
    assert (look.entries, look.frames_are_estimated) == (200, True)


class Adversary:
    """Does things to an error at random, and checks what a census finds after each of them."""

    def __init__(self, seed: int) -> None:
        self.error = Error()
        self.look = NOTHING
        self._random = random.Random(seed)  # noqa: S311 - the same at each run

    def act(self, times: int) -> None:
        """Do some things one after the other; some of them are done below a frame that has caught the error."""
        for _ in range(times):
            deeds = (self.raise_it, self.raise_and_act, self.cut_the_front, self.cut_the_end, self.release)
            self._random.choices(deeds, (8, 6, 3, 2, 1))[0]()
            if self._random.random() < 0.5:
                self.check()

    def check(self) -> None:
        """Compare the next look with a count by hand."""
        self.look = look_at(self.error, self.look)
        assert (counted(self.look), self.look.frames_are_estimated) == (count_by_hand(self.error), False)

    def raise_it(self) -> None:
        """Raise the error some times through some frames."""
        raise_many(self.error, self._random.randrange(1, 5), depth=self._random.randrange(1, 5))

    def raise_and_act(self) -> None:
        """Catch the error in a frame that goes on."""
        for _ in range(self._random.randrange(1, 3)):
            try:
                self.fail()
            except Error:
                self.check()
                self.act(self._random.randrange(3))

    def fail(self) -> None:
        """Raise the error once."""
        raise self.error

    def cut_the_front(self) -> None:
        """Take the newest entry away, as code does to hide a frame."""
        if self.error.__traceback__:
            self.error.__traceback__ = self.error.__traceback__.tb_next

    def cut_the_end(self) -> None:
        """Cut behind an entry whose frame has finished and called nobody since."""
        entry, number = self.error.__traceback__, self._random.randrange(30)
        while entry is not None and (number > 0 or entry.tb_frame.f_code.co_name not in {"fail", "_descend"}):
            entry, number = entry.tb_next, number - 1
        if entry is not None:
            entry.tb_next = None

    def release(self) -> None:
        """Take all entries away."""
        self.error.__traceback__ = None


@pytest.mark.parametrize("seed", range(100))
def test_whatever_is_done_to_an_error_the_next_look_is_right(seed: int) -> None:
    """Raised, raised below a frame that goes on, cut in front, cut at its end, released, in any order."""
    Adversary(seed).act(60)
