import gc
import threading
from collections.abc import Iterator

import pytest

from sadpath.export.pauses import PauseRecorder
from sadpath.probe.census import Census


@pytest.fixture
def recorder() -> Iterator[PauseRecorder]:
    recorder = PauseRecorder()
    recorder.install()
    yield recorder
    recorder.remove()


def counted(recorder: PauseRecorder, generation: int) -> int:
    return sum(recorder.generations[generation].buckets)


def test_a_full_collection_is_one_pause_of_generation_two(recorder: PauseRecorder) -> None:
    """Each with its length."""
    before = counted(recorder, 2)
    gc.collect()
    assert counted(recorder, 2) == before + 1
    assert recorder.generations[2].seconds > 0


def test_a_young_collection_is_counted_apart(recorder: PauseRecorder) -> None:
    """Generations do not mix."""
    before = counted(recorder, 2)
    gc.collect(0)
    assert counted(recorder, 0) >= 1
    assert counted(recorder, 2) == before


def test_a_pause_falls_into_the_bucket_of_its_length(recorder: PauseRecorder) -> None:
    """A heap of a hundred thousand lists takes longer than the shortest bound to collect."""
    kept = [[i] for i in range(100_000)]
    before = recorder.generations[2].buckets[0]
    gc.collect()
    assert kept
    assert recorder.generations[2].buckets[0] == before


def test_installed_twice_it_records_once(recorder: PauseRecorder) -> None:
    """A service may wire its app more than once."""
    recorder.install()
    before = counted(recorder, 2)
    gc.collect()
    assert counted(recorder, 2) == before + 1


def test_after_removal_nothing_is_recorded(recorder: PauseRecorder) -> None:
    """And what was recorded stays."""
    gc.collect()
    recorder.remove()
    before = counted(recorder, 2)
    gc.collect()
    assert counted(recorder, 2) == before > 0


def test_it_takes_no_lock(recorder: PauseRecorder) -> None:
    """A collection inside somebody's locked section must not wait for that section to end."""
    lock = threading.Lock()
    with lock:
        gc.collect()
    assert not any(isinstance(value, type(lock)) for value in vars(recorder).values())


def test_a_pause_ends_before_our_own_count_of_the_exceptions_begins() -> None:
    """The exporter's callbacks run in the order in which they stand: the recorder's first."""
    client = pytest.importorskip("prometheus_client")
    exporter = pytest.importorskip("sadpath.export.collectors")
    remove = exporter.install(client.CollectorRegistry(), Census(dict))
    owners = [type(getattr(callback, "__self__", None)).__name__ for callback in gc.callbacks[-2:]]
    remove()
    assert owners == ["PauseRecorder", "LiveExceptionCounter"]
