"""A websocket session as one request of Locust."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from loadtest import sessions
from loadtest.sessions import Unexpected, WebsocketSession


@pytest.fixture
def _no_collection() -> Iterator[None]:
    """Nothing is freed but by its last reference."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collection")
def test_a_failed_session_leaves_no_reference_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is freed with the session, without the garbage collector: the lab does not do what it warns of."""
    monkeypatch.setattr(sessions, "hold", lambda _: WebsocketSession(500, received=3))
    failures: list[weakref.ref[Unexpected]] = []
    lengths = []

    def fire(*, exception: Unexpected, response_length: int, **_: object) -> None:
        failures.append(weakref.ref(exception))
        lengths.append(response_length)

    sessions.record(fire, "http://127.0.0.1", "reused session", 101)
    assert [failure() for failure in failures] == [None]
    assert lengths == [3]
