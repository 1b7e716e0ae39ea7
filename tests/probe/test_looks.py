"""The collector is off while a round is measured, and on again in any case."""

import gc
from typing import Iterator

import pytest

from sadpath.probe import looks
from tests.waiting import until


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """On, before and after."""
    gc.enable()
    yield
    looks.switch_on()
    gc.enable()


def test_it_is_off_for_a_round_and_then_on() -> None:
    """Twice in a row too."""
    for _ in range(2):
        looks.switch_off()
        looks.switch_off()
        assert not gc.isenabled()
        assert looks.collector_is_on()
        looks.switch_on()
        assert gc.isenabled()


def test_a_collector_that_the_process_has_switched_off_stays_off() -> None:
    """It is the process's own decision."""
    gc.disable()
    looks.switch_off()
    assert not looks.collector_is_on()
    looks.switch_on()
    assert not gc.isenabled()


def test_it_comes_on_again_when_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one who asked may have been killed."""
    monkeypatch.setattr(looks._Switch, "is_watched", False)  # noqa: SLF001 - by a thread of an earlier test
    monkeypatch.setattr(looks, "OFF_AT_MOST_S", 0.05)
    looks.switch_off()
    until(gc.isenabled, 10, "the collector is on")
    assert looks.collector_is_on()
