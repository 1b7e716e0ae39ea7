import asyncio
import gc
import sys
import threading
import types
import weakref

import pytest

from sadpath.probe.census import MAX_RUNNING_FRAMES, NOTHING, Census, Look, look_at
from tests.probe.raising import count_by_hand, raise_many, raise_through

walks_what_is_new = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="before Python 3.11 no mark can be left, so each look walks the whole chain"
)


class Error(Exception):
    """What the tests raise, again and again."""


@pytest.fixture
def error() -> Error:
    return Error()


def counted(look: Look) -> tuple[int, int]:
    """What is compared with a count by hand."""
    return look.entries, look.frames


def addresses(error: Error) -> set[int]:
    """Where the entries of its traceback lie."""
    found, entry = set(), error.__traceback__
    while entry is not None:
        found.add(id(entry))
        entry = entry.tb_next
    return found


def test_an_exception_that_was_never_raised_retains_nothing(error: Error) -> None:
    """No traceback, no entries, no bytes."""
    assert look_at(error) == NOTHING


def test_each_raise_adds_an_entry_for_each_frame_it_passes(error: Error) -> None:
    """A raise through four calls and the one that catches it is five entries."""
    raise_many(error, times=10, depth=4)
    assert look_at(error).entries == 50


def test_entries_and_frames_are_what_a_count_by_hand_finds(error: Error) -> None:
    """Frames are counted through callers too, each once, though a thousand entries share them."""
    raise_many(error, times=200)
    assert counted(look_at(error)) == count_by_hand(error)


def test_a_fresh_exception_for_each_raise_retains_one_raise() -> None:
    """The factory's half: looks do not add up."""
    for _ in range(20):
        fresh = Error()
        raise_through(fresh)
        assert look_at(fresh).entries == 5


@walks_what_is_new
def test_a_second_look_walks_only_what_is_new(error: Error) -> None:
    """A thousand raises were seen, one is new: five entries are walked."""
    raise_many(error, times=1000)
    first = look_at(error)
    raise_through(error)
    second = look_at(error, first)
    assert (second.walked, second.entries) == (5, first.entries + 5)


@walks_what_is_new
def test_a_look_at_an_unchanged_chain_walks_nothing(error: Error) -> None:
    """Which is what most scrapes find."""
    raise_many(error, times=100)
    first = look_at(error)
    again = look_at(error, first)
    assert (again.walked, counted(again)) == (0, counted(first))


def test_look_after_look_agrees_with_a_count_by_hand(error: Error) -> None:
    """Incremental counts do not drift, whatever was raised in between."""
    look = NOTHING
    for times in (3, 0, 1, 40, 2, 0, 7):
        raise_many(error, times, depth=1 + times % 5)
        look = look_at(error, look)
        assert counted(look) == count_by_hand(error)


def test_a_release_is_noticed(error: Error) -> None:
    """After `__traceback__ = None` and three raises there are three raises' entries, not more."""
    raise_many(error, times=50)
    before = look_at(error)
    error.__traceback__ = None
    assert look_at(error, before) == NOTHING
    raise_many(error, times=3)
    after = look_at(error, before)
    assert (after.entries, after.walked) == (15, 15)


@walks_what_is_new
def test_a_release_is_noticed_where_the_old_address_is_in_use_again(error: Error) -> None:
    """After a release the allocator gives a new entry the address at which the last look began: that is no proof."""

    def raise_here() -> None:
        try:
            raise error
        except Error:
            pass

    for _ in range(5):
        raise_here()
    before = look_at(error)
    error.__traceback__ = None
    raises = 0
    while before.place.entry_id not in addresses(error) and raises < 1000:  # which address comes next, Python decides
        raise_here()
        raises += 1
    assert before.place.entry_id in addresses(error), "no address was used again, so nothing was tested"
    after = look_at(error, before)
    assert (after.entries, after.walked) == (raises, raises)


def test_a_traceback_that_was_cut_in_front_is_counted_anew(error: Error) -> None:
    """`with_traceback(tb.tb_next)`, as code does to hide a frame."""
    raise_many(error, times=20)
    before = look_at(error)
    assert error.__traceback__
    error.__traceback__ = error.__traceback__.tb_next
    assert look_at(error, before).entries == 99


def test_a_detached_raise_stays_at_one_raise(error: Error) -> None:
    """`raise error.with_traceback(None)` keeps the last raise's entries and no more."""
    look = NOTHING
    for _ in range(20):
        error.with_traceback(None)
        raise_through(error)
        look = look_at(error, look)
        assert look.entries == 5


def test_a_frame_that_catches_again_and_again_is_counted_once(error: Error) -> None:
    """A worker's loop runs on while the census looks: its frame is in every raise, and in the count once."""
    look = NOTHING
    for _ in range(30):
        try:
            raise error
        except Error:
            look = look_at(error, look)
            assert counted(look) == count_by_hand(error)


def test_frames_of_coroutines_are_counted(error: Error) -> None:
    """An error that passes coroutines, while the loop that drives them runs on."""

    async def inner() -> None:
        await asyncio.sleep(0)
        raise error

    async def outer() -> None:
        try:
            await inner()
        except Error:
            await asyncio.sleep(0)

    async def main() -> None:
        look = NOTHING
        for _ in range(20):
            await asyncio.gather(outer(), outer())
            look = look_at(error, look)
            assert counted(look) == count_by_hand(error)

    asyncio.run(main())


def test_an_error_that_many_threads_raise_at_once_is_counted_when_they_are_done(error: Error) -> None:
    """Looks in the middle do not spoil the count at the end."""
    threads = [threading.Thread(target=raise_many, args=(error, 300)) for _ in range(4)]
    look = NOTHING
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        look = look_at(error, look)
    for thread in threads:
        thread.join()
    assert look_at(error, look).entries == look_at(error).entries


def test_a_frame_that_a_debugger_holds_is_left_alone(error: Error) -> None:
    """Where `f_trace` is taken, it stays as it is, and the next look walks the whole chain."""
    raise_many(error, times=3)
    assert error.__traceback__
    frame = error.__traceback__.tb_frame

    def trace(*_: object) -> None:
        """A debugger's function."""

    frame.f_trace = trace
    first = look_at(error)
    assert frame.f_trace is trace
    raise_through(error)
    assert look_at(error, first).walked == 20


@walks_what_is_new
def test_two_marks_are_left_however_often_the_census_looks(error: Error) -> None:
    """A look moves the mark of the last one, and the other stays at the oldest entry; marks do not accumulate."""
    look = NOTHING
    for _ in range(50):
        raise_through(error)
        look = look_at(error, look)
    entry, marks = error.__traceback__, 0
    while entry is not None:
        marks += entry.tb_frame.f_trace is not None
        entry = entry.tb_next
    assert marks == 2


def test_more_running_frames_than_are_remembered_cost_a_whole_walk_not_a_wrong_count(error: Error) -> None:
    """What cannot be proved is counted again."""
    look = NOTHING
    raise_many(error, times=2)
    full = look_at(error)
    crowded = full._replace(place=full.place._replace(running=frozenset(range(-MAX_RUNNING_FRAMES, 0))))
    raise_through(error)
    look = look_at(error, crowded)
    raise_through(error)
    assert counted(look_at(error, look)) == count_by_hand(error)


def test_a_look_keeps_no_exception_no_frame_and_no_traceback_alive() -> None:
    """What a look returns refers to numbers and one weak reference."""

    class Payload:
        """Something in a frame whose end can be seen."""

    error = Error()

    def fail(held: Payload) -> None:  # noqa: ARG001 - kept by this frame
        raise error

    payload = Payload()
    gone = weakref.ref(payload)
    try:
        fail(payload)
    except Error:
        look = look_at(error)
    del payload
    error.__traceback__ = None
    gc.collect()
    assert gone() is None
    assert look.entries


def test_nothing_that_a_look_returns_leads_to_a_frame(error: Error) -> None:
    """Followed to its end, it holds no frame, no traceback and no exception."""
    raise_many(error, times=5)
    seen: list[object] = [look_at(error)]
    for thing in seen:
        assert not isinstance(thing, (types.FrameType, types.TracebackType, BaseException))
        seen += [inner for inner in gc.get_referents(thing) if not isinstance(inner, type)]
        assert len(seen) < 1000


@walks_what_is_new
def test_many_looks_at_a_growing_chain_keep_nothing_alive_and_add_nothing() -> None:
    """Memory grows by what the raises retain; the looks themselves add neither objects nor bytes."""
    error, look = Error(), NOTHING
    raise_through(error)
    for _ in range(2):
        look = look_at(error, look)
    gc.collect()
    before = sys.getallocatedblocks()
    for turn in range(10_000):
        if turn % 100 == 0:
            raise_through(error)
        look = look_at(error, look)
    assert look.entries == 5 + 5 * 100
    error.__traceback__ = None
    del look
    gc.collect()
    assert abs(sys.getallocatedblocks() - before) < 200


def test_the_estimate_is_near_what_the_frames_hold(error: Error) -> None:
    """20,000 bytes in one frame of each raise, and the frames themselves: a tenth of that, more before Python 3.11."""
    raise_many(error, times=50, depth=5, payload=20_000)
    frames = 0.1 if sys.version_info >= (3, 11) else 0.2
    assert 50 * 20_000 < look_at(error).estimated_bytes < (1 + frames) * 50 * 20_000


def test_what_frames_share_is_not_counted_as_theirs(error: Error) -> None:
    """A large object that is alive anyway, such as a cache, is not part of the estimate."""
    cache = b"." * 1_000_000

    def fail(shared: bytes) -> None:  # noqa: ARG001 - kept by this frame
        raise error

    for _ in range(20):
        try:
            fail(cache)
        except Error:
            continue
    assert look_at(error).estimated_bytes < 100_000


@walks_what_is_new
def test_two_censuses_of_one_error_do_not_disturb_each_other(error: Error) -> None:
    """Each goes on from its own place, though both marked the same frame."""
    censuses = [Census(lambda: {"error": error}) for _ in range(2)]
    for _ in range(5):
        raise_many(error, times=3)
        looks = [census.looks()["error"] for census in censuses]
        assert [(counted(look), look.walked) for look in looks] == [(count_by_hand(error), 15)] * 2


@walks_what_is_new
def test_looks_from_many_threads_leave_a_census_as_quick_as_before(error: Error) -> None:
    """A page of metrics and a person's request may look at once; afterwards nothing is walked twice."""
    census = Census(lambda: {"error": error})

    def work() -> None:
        for _ in range(200):
            raise_through(error)
            census.looks()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    census.looks()
    raise_through(error)
    assert census.looks()["error"].walked == 5


def test_a_census_follows_several_errors_by_name() -> None:
    """Each name has its own chain, and is asked for anew at each look."""
    errors = {"first": Error(), "second": Error()}
    census = Census(lambda: errors)
    raise_many(errors["first"], times=2)
    assert {name: look.entries for name, look in census.looks().items()} == {"first": 10, "second": 0}
    errors["second"] = errors.pop("first")
    assert {name: look.entries for name, look in census.looks().items()} == {"second": 10}
