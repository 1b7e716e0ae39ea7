"""Each twin, measured in this process and verified against the catalogue's expectations."""

import asyncio
import gc
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from traceback import walk_tb
from types import TracebackType
from typing import NamedTuple

import pytest
import starlette

from service.app import create_app
from service.settings import Settings
from service.twins import endpoint, last_errors, logged, main_loop, marshalled, registry, retry_worker
from service.twins.catalogue import CONTEXT_KB, FLAT, Expected, Range, Twin, Variant, exactly, keeps_callers
from service.twins.registry import TWINS
from tests.probe.raising import count_by_hand
from tests.service.in_process import InProcess, in_process
from tests.tracing import untraced

WARM_UP, REQUESTS = 40, 50  # caches, Python's own too, grow by some ten kilobytes during the warm-up
MEASURED_AT_MOST = 4
ALL = [pytest.param(twin, variant, id=f"{twin.slug}/{variant.slug}") for twin in TWINS for variant in twin.variants]
BY_TWIN = [pytest.param(twin, id=twin.slug) for twin in TWINS]


class Measured(NamedTuple):
    """The figures of `Expected`, as measured."""

    traceback_entries_per_request: float
    bytes_per_request: float
    cyclic_objects_per_request: float


@pytest.fixture(scope="module")
def service() -> Iterator[InProcess]:
    """The service, without a server and without metrics; the garbage collector ignores all earlier objects."""
    with in_process(create_app(Settings(metrics="none"))) as service:
        gc.collect()
        gc.freeze()
        yield service
        gc.unfreeze()


@pytest.fixture(autouse=True)
def collector_off() -> Iterator[None]:
    """No automatic collections, so that `gc.collect()` counts everything that only it can free."""
    gc.disable()
    yield
    gc.enable()


def ask(service: InProcess, twin: Twin, variant: Variant, times: int) -> set[int]:
    send = service.connect if twin.protocol == "websocket" else service.get
    return set(send(f"/twins/{twin.slug}/{variant.slug}?context_kb={CONTEXT_KB}", times=times))


def live_entries() -> int:
    return sum(type(one) is TracebackType for one in gc.get_objects())


@untraced()
def measure(service: InProcess, twin: Twin, variant: Variant, requests: int) -> Measured:
    """Count what some requests leave behind, each raising once: exact counts, and bytes by tracemalloc."""
    tracemalloc.start()
    try:
        ask(service, twin, variant, WARM_UP)
        occupy_threads(service)
        gc.collect()
        entries, (before, _) = live_entries(), tracemalloc.get_traced_memory()
        assert ask(service, twin, variant, requests) == {variant.status}
        occupy_threads(service)
        collected = gc.collect()
        added = (live_entries() - entries, tracemalloc.get_traced_memory()[0] - before, collected)
    finally:
        tracemalloc.stop()
    return Measured(*(figure / requests for figure in added))


def occupy_threads(service: InProcess) -> None:
    """Give each thread another task: it releases its last request only when it takes the next."""
    for twin in (main_loop, marshalled, retry_worker):
        twin.worker.submit(int).result()
    assert service.get("/twins/main-loop/caught?context_kb=0") == [200]  # a plain `def`, in the thread pool


def agrees(measured: Measured, variant: Variant) -> bool:
    expected = variant.expected_on(starlette.__version__)
    return all(holds(figure, getattr(expected, name)) for name, figure in measured._asdict().items())


def fixed(twin: Twin) -> Variant:
    return next(variant for variant in twin.variants if variant.slug == twin.fixed)


def holds(figure: float, expected: Range) -> bool:
    return expected.low <= figure <= expected.high


@pytest.mark.parametrize(("twin", "variant"), ALL)
def test_what_a_request_leaves_behind(service: InProcess, twin: Twin, variant: Variant) -> None:
    """Entries, bytes and cyclic objects are what the catalogue expects on this Python and Starlette.

    Measured again where they disagree, with twice as many requests each time: what fills or comes and goes is as large
    after many as after few, and what leaks does so with each.
    """
    assert ask(service, twin, variant, 1) == {variant.status}  # traced, so that coverage knows it
    measured = []
    for again in range(MEASURED_AT_MOST):
        measured.append(measure(service, twin, variant, min(REQUESTS << again, twin.requests)))
        if agrees(measured[-1], variant):
            return
    pytest.fail(f"{measured}, expected: {variant.why}")


@pytest.mark.parametrize("twin", BY_TWIN)
def test_the_fixed_variant_is_expected_to_retain_nothing(twin: Twin) -> None:
    """No entries, no bytes, no longer log on any Starlette; the test above verifies this."""
    for version in ("1.9.0", "1.10.0"):
        expected = fixed(twin).expected_on(version)
        assert replace(expected, cyclic_objects_per_request=FLAT.cyclic_objects_per_request) == FLAT


@pytest.mark.parametrize("twin", BY_TWIN)
def test_each_twin_has_a_variant_that_leaves_no_reference_cycle_either(twin: Twin) -> None:
    """Only a websocket's server leaves some; a new object per raise is not always enough."""
    expected = [variant.expected_on(starlette.__version__) for variant in twin.variants]
    assert any(all(holds(0, figure) for figure in vars(one).values()) for one in expected)


@pytest.mark.parametrize("twin", BY_TWIN)
def test_the_leaky_variant_wastes_memory(twin: Twin) -> None:
    """It does at least on an old Starlette; the exception is the main loop, which retains one error only."""
    leaky = next(variant for variant in twin.variants if variant.slug == twin.leaky)
    assert (leaky.expected_on("1.9.0") == FLAT) == (twin is main_loop.TWIN)


@pytest.mark.parametrize(
    ("starlette", "python", "expected"),
    [
        ("0.46.2", (3, 13), "old Starlette"),
        ("1.9.0", (3, 11), "old Starlette"),
        ("1.9.0", (3, 12, 1), "old Starlette"),
        ("1.10.0", (3, 11, 7), "current"),
        ("1.10.0", (3, 12, 0), "with callers"),
        ("1.10.0", (3, 13, 11), "with callers"),
        ("1.10.0", (3, 13, 12), "current"),
        ("1.10.0", (3, 14, 2), "with callers"),
        ("1.10.0", (3, 14, 3), "current"),
        ("2.0", (3, 15, 0), "current"),
    ],
)
def test_the_expectation_follows_the_versions(starlette: str, python: tuple[int, ...], expected: str) -> None:
    """Starlette 1.10.0 and later clear tracebacks; some Python releases keep the callers of a coroutine's frame."""
    by_name = {"current": 1, "old Starlette": 2, "with callers": 3}
    current, old_starlette, with_callers = (Expected(exactly(entries)) for entries in by_name.values())
    variant = Variant("reused", len, current, "why", before_starlette_1_10=old_starlette, with_callers=with_callers)
    assert variant.expected_on(starlette, python).traceback_entries_per_request == exactly(by_name[expected])


def test_a_finished_coroutine_keeps_its_callers_on_some_releases_of_python() -> None:
    """There the same two entries retain twice the bytes: cpython#100964."""

    async def fail() -> None:
        raise LookupError

    async def call() -> None:
        await fail()

    with pytest.raises(LookupError) as caught:
        asyncio.run(call())
    callers = [frame.f_back for frame, _ in walk_tb(caught.tb) if frame.f_code.co_name == "fail"]
    assert (callers[0] is not None) == keeps_callers(sys.version_info[:3])


def test_each_reused_object_has_its_own_name_in_the_census() -> None:
    """`/lab` and `/metrics` show them by these names."""
    names = [name for twin in TWINS for name in twin.reused]
    assert len(names) == len(set(names)) == len(registry.reused_errors())


def test_a_release_frees_what_any_twin_has_retained(service: InProcess) -> None:
    """It clears reused objects, caches and lists; since Python 3.13, idle threads still hold a little."""
    occupy_threads(service)
    gc.collect()
    idle = live_entries()
    for twin in TWINS:
        for variant in twin.variants:
            ask(service, twin, variant, 2)
    gc.collect()
    assert live_entries() > idle + 50
    with in_process(create_app(Settings(metrics="none", control=True))) as controlled:
        assert controlled.post("/lab/release") == [200]
    occupy_threads(service)
    gc.collect()
    assert live_entries() == idle


def test_frames_cleared_retains_every_entry_and_no_context(service: InProcess) -> None:
    """`clear_frames` only slows the growth: it removes no entry."""
    variant = next(variant for variant in endpoint.TWIN.variants if variant.slug == "frames-cleared")
    ask(service, endpoint.TWIN, variant, 75)
    assert count_by_hand(endpoint.seat_taken)[0] == 150
    entry = endpoint.seat_taken.__traceback__
    while entry is not None:
        assert "context" not in entry.tb_frame.f_locals
        entry = entry.tb_next


def test_the_loop_that_stores_its_last_error_retains_one(service: InProcess) -> None:
    """The two entries of the last turn are left."""
    variant = next(variant for variant in main_loop.TWIN.variants if variant.slug == "last-error-kept")
    ask(service, main_loop.TWIN, variant, 30)
    assert main_loop.loop.last_error
    assert count_by_hand(main_loop.loop.last_error)[0] == 2


def test_the_bounded_list_holds_only_the_last_errors(service: InProcess) -> None:
    """It holds as many as the status page shows."""
    ask(service, last_errors.TWIN, fixed(last_errors.TWIN), 3 * last_errors.SHOWN)
    assert len(last_errors.last_errors) == last_errors.SHOWN


def test_a_reused_exception_makes_each_log_record_longer(service: InProcess) -> None:
    """Each adds the two entries of one raise; with a new exception all records have the same length."""
    expected = {variant.slug: variant.expected.log_bytes_added_per_request for variant in logged.TWIN.variants}
    for variant in logged.TWIN.variants:
        lengths = []
        for _ in range(5):
            ask(service, logged.TWIN, variant, 1)
            lengths.append(logged.nowhere.written)
        growth = {after - before for before, after in pairwise(lengths)}
        assert all(holds(step, expected[variant.slug]) for step in growth), growth


def test_the_log_is_discarded(service: InProcess, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is written to the terminal or to a file, so no variant can fill a disk."""
    ask(service, logged.TWIN, logged.TWIN.variants[0], 3)
    assert capfd.readouterr() == ("", "")


def test_python_clears_the_handled_exception_after_the_clause() -> None:
    """Python 2 did not, which is why its main loops leaked."""
    loop = main_loop.MainLoop()
    loop.turn(0)
    assert sys.exc_info() == (None, None, None)
