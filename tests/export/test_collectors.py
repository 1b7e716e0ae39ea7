import gc
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sadpath.export.collectors import MemoryCollector, environment, install, process_memory
from sadpath.export.pauses import BOUNDS
from sadpath.probe.census import Census

Page = dict[str, float]


class OutOfStockError(Exception):
    """An error that a careless service keeps and raises again."""


@pytest.fixture
def error() -> Iterator[OutOfStockError]:
    """One reused exception object; what it retained is given back."""
    error = OutOfStockError()
    yield error
    error.__traceback__ = None


@contextmanager
def installed(*errors: BaseException, limit_bytes: int | None = None) -> Iterator[CollectorRegistry]:
    """A registry with all our collectors, which follow `errors` under the names error_0, error_1 and so on."""
    registry = CollectorRegistry()
    named = {f"error_{number}": error for number, error in enumerate(errors)}
    remove = install(registry, Census(lambda: named), limit_bytes)
    try:
        yield registry
    finally:
        remove()


def scrape(registry: CollectorRegistry) -> Page:
    """Return the figures of a page, by name and labels as they stand there."""
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def raise_again(error: BaseException, times: int) -> None:
    """Raise one object, each time in a new frame, as requests would."""
    for _ in range(times):
        serve_request(error)


def serve_request(error: BaseException) -> None:
    """Fail as a handler would, and catch it as its framework would."""
    try:
        raise error
    except OutOfStockError:
        return


def bucket(bound: str, generation: int = 2) -> str:
    """Return the name and labels of one bucket of the pauses."""
    return f'sadpath_gc_pause_seconds_bucket{{generation="{generation}",le="{bound}"}}'


def test_every_metric_of_ours_is_on_the_page(error: OutOfStockError) -> None:
    """A scrape publishes each metric that the exporter owns, with its type."""
    with installed(error, limit_bytes=2**29) as registry:
        page = generate_latest(registry).decode()
    assert {family.name: family.type for family in text_string_to_metric_families(page)} == {
        "sadpath_traceback_entries": "gauge",
        "sadpath_retained_frames": "gauge",
        "sadpath_retained_bytes": "gauge",
        "sadpath_live_exceptions": "gauge",
        "sadpath_gc_pause_seconds": "histogram",
        "sadpath_anonymous_memory_bytes": "gauge",
        "sadpath_memory_limit_bytes": "gauge",
        "sadpath_environment_info": "gauge",
    }


def test_a_reused_error_has_an_entry_for_each_raise(error: OutOfStockError) -> None:
    """An object that was raised a thousand times holds a thousand entries."""
    with installed(error) as registry:
        raise_again(error, 1_000)
        assert scrape(registry)['sadpath_traceback_entries{error="error_0"}'] == 1_000


def test_a_reused_error_retains_each_frame_once(error: OutOfStockError) -> None:
    """A thousand raises retain a thousand frames, and their callers once."""
    callers = len(list(traceback.walk_stack(sys._getframe()))) + 1  # noqa: SLF001 - this one, and raise_again
    with installed(error) as registry:
        raise_again(error, 1_000)
        assert scrape(registry)['sadpath_retained_frames{error="error_0"}'] == 1_000 + callers


def test_a_reused_error_retains_bytes(error: OutOfStockError) -> None:
    """The bytes that a thousand raises retain are at least those of their entries and frames, and plausible."""
    with installed(error) as registry:
        raise_again(error, 1_000)
        assert 100_000 < scrape(registry)['sadpath_retained_bytes{error="error_0"}'] < 10_000_000


def test_a_second_scrape_continues(error: OutOfStockError) -> None:
    """What is raised between two scrapes is added to what the first has counted."""
    counts = []
    with installed(error) as registry:
        for times in (100, 50, 0):
            raise_again(error, times)
            counts.append(scrape(registry)['sadpath_traceback_entries{error="error_0"}'])
    assert counts == [100, 150, 150]


def test_a_release_is_seen(error: OutOfStockError) -> None:
    """An error whose traceback was cleared holds nothing at the next scrape, and then what was raised since."""
    with installed(error) as registry:
        raise_again(error, 100)
        scrape(registry)
        error.__traceback__ = None
        released = scrape(registry)
        raise_again(error, 3)
        assert scrape(registry)['sadpath_traceback_entries{error="error_0"}'] == 3
    assert [value for name, value in released.items() if "error_0" in name] == [0, 0, 0]


def test_an_error_that_was_never_raised_is_zero(error: OutOfStockError) -> None:
    """Each followed name is on the page from the start, with zeros, so that a graph begins at zero."""
    with installed(error, OutOfStockError()) as registry:
        raise_again(error, 5)
        page = scrape(registry)
    assert [value for name, value in page.items() if "error_1" in name] == [0, 0, 0]


def test_live_exceptions_are_counted_after_a_full_collection() -> None:
    """The exceptions that are alive when counting begins are counted, and those that are gone are not."""
    kept = [OutOfStockError() for _ in range(1_000)]
    with installed() as registry:
        with_them = scrape(registry)["sadpath_live_exceptions"]
    kept.clear()
    with installed() as registry:
        without = scrape(registry)["sadpath_live_exceptions"]
    assert with_them - without == pytest.approx(1_000, abs=50)


def test_a_forced_collection_is_a_pause_of_generation_2() -> None:
    """A full collection is one more pause in the histogram of generation 2, and took some time."""
    with installed() as registry:
        before = scrape(registry)
        gc.collect()
        after = scrape(registry)
    assert after[bucket("+Inf")] == before[bucket("+Inf")] + 1
    total = 'sadpath_gc_pause_seconds_{}{{generation="2"}}'
    assert after[total.format("count")] == after[bucket("+Inf")]
    assert before[total.format("sum")] < after[total.format("sum")] < before[total.format("sum")] + 10


def test_a_small_collection_is_no_pause_of_generation_2() -> None:
    """Each generation has pauses of its own."""
    with installed() as registry:
        gc.disable()
        before = scrape(registry)
        gc.collect(0)
        after = scrape(registry)
        gc.enable()
    assert after[bucket("+Inf", 0)] == before[bucket("+Inf", 0)] + 1
    assert after[bucket("+Inf", 2)] == before[bucket("+Inf", 2)]


def test_buckets_are_cumulated() -> None:
    """Each bucket holds those below it, up to the last, which holds all."""
    with installed() as registry:
        for _ in range(5):
            gc.collect()
        page = scrape(registry)
    counts = [page[bucket(bound)] for bound in [*map(str, BOUNDS), "+Inf"]]
    assert counts == sorted(counts)
    assert counts[-1] >= 5


def test_anonymous_memory_is_this_processs() -> None:
    """More than a Python needs, less than is resident."""
    with installed() as registry:
        anonymous = scrape(registry)["sadpath_anonymous_memory_bytes"]
    assert 2**20 < anonymous <= process_memory().resident + 2**20


def test_where_no_anonymous_memory_is_counted_none_is_published(tmp_path: Path) -> None:
    """Without `/proc`, the standard figures stand there: resident memory is no anonymous memory, nor is any other."""
    families = MemoryCollector(proc=tmp_path / "proc").collect()
    assert [family.name for family in families] == ["process_resident_memory_bytes", "process_start_time_seconds"]


def test_a_limit_that_is_told_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a container whose own limit is another."""
    monkeypatch.setattr("sadpath.export.collectors.memory_limit", lambda: 2**30)
    with installed(limit_bytes=2**29) as registry:
        assert scrape(registry)["sadpath_memory_limit_bytes"] == 2**29


def test_the_limit_of_the_container_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default."""
    monkeypatch.setattr("sadpath.export.collectors.memory_limit", lambda: 2**28)
    with installed() as registry:
        assert scrape(registry)["sadpath_memory_limit_bytes"] == 2**28


def test_without_a_limit_none_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph then draws no such line."""
    monkeypatch.setattr("sadpath.export.collectors.memory_limit", lambda: None)
    with installed() as registry:
        assert b"sadpath_memory_limit_bytes" not in generate_latest(registry)


def test_the_environment_is_in_the_labels() -> None:
    """The versions that the figures depend on are the labels of one metric, and its value is 1."""
    with installed() as registry:
        assert registry.get_sample_value("sadpath_environment_info", environment()) == 1
    assert list(environment()) == ["python", "starlette", "fastapi", "platform"]
    assert environment()["python"] == ".".join(map(str, sys.version_info[:3]))


def test_removal_leaves_nothing_behind() -> None:
    """What was installed and removed leaves no callback in `gc.callbacks`, and nothing on the page."""
    callbacks = list(gc.callbacks)
    with installed() as registry:
        assert len(gc.callbacks) > len(callbacks)
    assert gc.callbacks == callbacks
    assert generate_latest(registry) == b""


def test_an_installation_that_fails_leaves_nothing_behind() -> None:
    """A registry that refuses the collectors keeps none of them, and no callback stays in the collector."""
    callbacks = list(gc.callbacks)
    strict = CollectorRegistry(auto_describe=True)
    remove = install(strict, Census(dict))
    with pytest.raises(ValueError, match="Duplicated"):
        install(strict, Census(dict))
    remove()
    left, gc.callbacks[:] = list(gc.callbacks), callbacks
    assert left == callbacks


def test_two_installations_do_not_disturb_each_other(error: OutOfStockError) -> None:
    """Two registries each follow the same object from scrape to scrape, and the end of one is not the other's."""
    with installed(error) as first:
        with installed(error) as second:
            raise_again(error, 10)
            pages = [scrape(first), scrape(second), scrape(first)]
        raise_again(error, 10)
        pages.append(scrape(first))
    assert [page['sadpath_traceback_entries{error="error_0"}'] for page in pages] == [10, 10, 10, 20]


def test_nothing_is_registered_at_import() -> None:
    """Importing the exporter registers nothing: each collector is where the caller registered it."""
    from prometheus_client import REGISTRY  # noqa: PLC0415 - the one that is shared by all

    assert REGISTRY.get_sample_value("sadpath_live_exceptions") is None


def test_a_collection_while_a_metric_is_locked_does_not_deadlock() -> None:
    """The collector may start inside a metric's own lock, or the registry's; our callbacks ask for neither."""
    with installed() as registry:
        counter = Counter("requests", "Requests.", ["path"], registry=registry)
        # What an allocation may be inside of when a collection starts.
        locks = [counter._lock, counter.labels("/")._value._lock, registry._lock]  # noqa: SLF001

        def collect() -> None:
            for lock in locks:
                with lock:
                    gc.collect()

        assert ends(collect)


def ends(work: Callable[[], None]) -> bool:
    """Whether `work` ends within ten seconds; if not, it is left alone in its thread."""
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()
