"""Each twin, measured in this process: what a request leaves behind is what the catalogue says."""

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

WARM_UP, REQUESTS = 60, 80  # caches, Python's own among them, fill by some ten kilobytes as it goes
ALL = [pytest.param(twin, variant, id=f"{twin.slug}/{variant.slug}") for twin in TWINS for variant in twin.variants]
BY_TWIN = [pytest.param(twin, id=twin.slug) for twin in TWINS]


class Measured(NamedTuple):
    """The figures of `Expected`, as measured."""

    traceback_entries_per_request: float
    bytes_per_request: float
    cyclic_objects_per_request: float


@pytest.fixture(scope="module")
def service() -> Iterator[InProcess]:
    """The service, without a server and without metrics; what was there before is of no interest to the collector."""
    with in_process(create_app(Settings(metrics="none"))) as service:
        gc.collect()
        gc.freeze()
        yield service
        gc.unfreeze()


@pytest.fixture(autouse=True)
def collector_on_request() -> Iterator[None]:
    """The collector waits to be asked, so that what only it could free is counted."""
    gc.disable()
    yield
    gc.enable()


def ask(service: InProcess, twin: Twin, variant: Variant, times: int) -> set[int]:
    send = service.connect if twin.protocol == "websocket" else service.get
    return set(send(f"/twins/{twin.slug}/{variant.slug}?context_kb={CONTEXT_KB}", times=times))


def live_entries() -> int:
    return sum(type(one) is TracebackType for one in gc.get_objects())


def measure(service: InProcess, twin: Twin, variant: Variant) -> Measured:
    """Count what `REQUESTS` requests leave behind, each raising once: exact counts, and bytes by tracemalloc."""
    tracemalloc.start()
    try:
        ask(service, twin, variant, WARM_UP)
        occupy_threads(service)
        gc.collect()
        entries, (kept, _) = live_entries(), tracemalloc.get_traced_memory()
        assert ask(service, twin, variant, REQUESTS) == {variant.status}
        occupy_threads(service)
        collected = gc.collect()
        added = (live_entries() - entries, tracemalloc.get_traced_memory()[0] - kept, collected)
    finally:
        tracemalloc.stop()
    return Measured(*(figure / REQUESTS for figure in added))


def occupy_threads(service: InProcess) -> None:
    """Give each thread something else to do: it lets go of its last request only when it takes the next."""
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
    """Entries, bytes and circles are what the catalogue expects on this Starlette, for the reason that it gives."""
    measured = measure(service, twin, variant)
    assert agrees(measured, variant), f"{measured}, but: {variant.why}"


@pytest.mark.parametrize("twin", BY_TWIN)
def test_the_fixed_half_is_expected_to_keep_nothing(twin: Twin) -> None:
    """No entries, no bytes and no longer log, on any Starlette; so the test above shows that it is really fixed."""
    for version in ("1.9.0", "1.10.0"):
        expected = fixed(twin).expected_on(version)
        assert replace(expected, cyclic_objects_per_request=FLAT.cyclic_objects_per_request) == FLAT


@pytest.mark.parametrize("twin", BY_TWIN)
def test_each_twin_has_a_variant_that_leaves_nothing_at_all(twin: Twin) -> None:
    """Not even a circle, but for those that a websocket's server leaves: a fresh object alone is not always enough."""
    expected = [variant.expected_on(starlette.__version__) for variant in twin.variants]
    assert any(all(holds(0, figure) for figure in vars(one).values()) for one in expected)


@pytest.mark.parametrize("twin", BY_TWIN)
def test_the_leaky_half_wastes_something(twin: Twin) -> None:
    """On an old Starlette at least; but for the loop that keeps its last error, which is bounded."""
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
    """Starlette 1.10.0 began to clear tracebacks; some releases of Python keep the callers of a coroutine's frame."""
    by_name = {"current": 1, "old Starlette": 2, "with callers": 3}
    current, old_starlette, with_callers = (Expected(exactly(entries)) for entries in by_name.values())
    variant = Variant("reused", len, current, "why", before_starlette_1_10=old_starlette, with_callers=with_callers)
    assert variant.expected_on(starlette, python).traceback_entries_per_request == exactly(by_name[expected])


def test_a_finished_coroutine_keeps_its_callers_on_some_releases_of_python() -> None:
    """Why the same two entries keep twice the bytes there: cpython#100964."""

    async def fail() -> None:
        raise LookupError

    async def call() -> None:
        await fail()

    with pytest.raises(LookupError) as caught:
        asyncio.run(call())
    callers = [frame.f_back for frame, _ in walk_tb(caught.tb) if frame.f_code.co_name == "fail"]
    assert (callers[0] is not None) == keeps_callers(sys.version_info[:3])


def test_each_reused_object_is_in_the_census_by_a_name_of_its_own() -> None:
    """Those that a twin raises again and again, so that `/lab` and `/metrics` show them."""
    names = [name for twin in TWINS for name in twin.reused]
    assert len(names) == len(set(names)) == len(registry.reused_errors())


def test_a_release_lets_go_of_what_any_twin_has_retained(service: InProcess) -> None:
    """Reused objects, caches and lists alike; what is left is what idle threads hold themselves, since Python 3.13."""
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


def test_frames_cleared_keeps_every_entry_and_no_context(service: InProcess) -> None:
    """`clear_frames` slows the growth down: all entries are still there."""
    variant = next(variant for variant in endpoint.TWIN.variants if variant.slug == "frames-cleared")
    ask(service, endpoint.TWIN, variant, 75)
    assert count_by_hand(endpoint.seat_taken)[0] == 150
    entry = endpoint.seat_taken.__traceback__
    while entry is not None:
        assert "context" not in entry.tb_frame.f_locals
        entry = entry.tb_next


def test_the_loop_that_keeps_its_last_error_keeps_one(service: InProcess) -> None:
    """Two entries, those of the last turn."""
    variant = next(variant for variant in main_loop.TWIN.variants if variant.slug == "last-error-kept")
    ask(service, main_loop.TWIN, variant, 30)
    assert main_loop.loop.last_error
    assert count_by_hand(main_loop.loop.last_error)[0] == 2


def test_the_bounded_list_holds_the_last_errors_alone(service: InProcess) -> None:
    """As many as the status page shows."""
    ask(service, last_errors.TWIN, fixed(last_errors.TWIN), 3 * last_errors.SHOWN)
    assert len(last_errors.last_errors) == last_errors.SHOWN


def test_a_reused_exception_makes_each_log_record_longer(service: InProcess) -> None:
    """By the two entries of one raise; a fresh one's are all of one length."""
    expected = {variant.slug: variant.expected.log_bytes_added_per_request for variant in logged.TWIN.variants}
    for variant in logged.TWIN.variants:
        lengths = []
        for _ in range(5):
            ask(service, logged.TWIN, variant, 1)
            lengths.append(logged.nowhere.written)
        growth = {after - before for before, after in pairwise(lengths)}
        assert all(holds(step, expected[variant.slug]) for step in growth), growth


def test_the_log_goes_nowhere(service: InProcess, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither to the terminal nor to a file: no variant can fill a disk."""
    ask(service, logged.TWIN, logged.TWIN.variants[0], 3)
    assert capfd.readouterr() == ("", "")


def test_python_clears_the_handled_exception_after_the_clause() -> None:
    """What the loop of Python 2 could not rely on."""
    loop = main_loop.MainLoop()
    loop.turn(0)
    assert sys.exc_info() == (None, None, None)
