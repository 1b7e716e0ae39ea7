"""What holds for every test."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sadpath.interrupts import SIGNALS
from tests.tracing import untraced

PROBE = Path(__file__).parent / "probe"
COUNTS_ITS_OWN_STEPS = {PROBE / "test_census.py", PROBE / "test_census_places.py"}


def pytest_configure() -> None:
    """Let signals be as in a terminal: what a shell runs before `&` ignores some, and so does all that it starts."""
    for number in (*SIGNALS, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests that would not run: of several with one id pytest-xdist runs one."""
    twice = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"{len(twice)} ids of tests stand twice, such as {twice[0]}")


@pytest.fixture(autouse=True)
def steps_of_its_own(request: pytest.FixtureRequest) -> Iterator[None]:
    """Measure no coverage of the census in its own tests: a tracer on each frame changes the steps that they count."""
    if request.path not in COUNTS_ITS_OWN_STEPS:
        yield
        return
    with untraced():
        yield


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """Give the handlers back: a command that has ended ignores signals, and what the next test starts inherits that."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
