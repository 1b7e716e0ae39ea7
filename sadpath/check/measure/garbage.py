"""Whether anything in a service collects garbage: a service may switch the collector off, and collect by itself.

Garbage of a request is a leak only where nothing ever frees it. We free it ourselves at each count, so that is known by
how often others collected, in the whole check; and for its last seconds we do not collect, since a service may look at
how much there is before it does.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sadpath.check.measure.explain import Asked
from sadpath.probe.wire import HelloAnswer

WATCHED_S = 30.0
"""Seconds without a collection, from the beginning of a check, from which on nothing collects."""

UNDISTURBED_S = 5.0
"""Of these, the last ones, in which we do not collect either."""

REQUESTS_AT_ONCE, PAUSE_S = 25, 0.2
"""Few requests, since their garbage stays: some MB with 10 KB a request."""


class Collections:
    """Counts who collects garbage in the processes of a service that have their collector off, but us.

    `is_off` is whether there is such a process.
    """

    def __init__(self, probes: Asked) -> None:
        self._probes, self._began = probes, time.monotonic()
        hellos = self._hello()
        self._before = {pid: hello["collections"] for pid, hello in hellos.items()}
        self.is_off = not all(hello["gc_enabled"] for hello in hellos.values())

    def seen(self) -> bool:
        """Whether one was seen since the beginning."""
        off = {pid: hello["collections"] for pid, hello in self._hello().items() if not hello["gc_enabled"]}
        return any(count > self._before.get(pid, count) for pid, count in off.items())

    def wait(self, load: Callable[[int], object], until: float) -> bool | None:
        """Return whether one is seen while some requests are sent; None where there is no time to be sure of it.

        `until` is when the budget ends, by the monotonic clock.
        """
        enough = max(self._began + WATCHED_S, time.monotonic() + UNDISTURBED_S)
        while not self.seen():
            if time.monotonic() > enough:
                return False
            if enough > until + UNDISTURBED_S:
                return None
            load(REQUESTS_AT_ONCE)
            time.sleep(PAUSE_S)
        return True

    def _hello(self) -> dict[int, HelloAnswer]:
        return dict(self._probes.ask("looks.hello"))
