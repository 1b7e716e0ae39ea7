"""What runs around each fork and at the exit: there is no thread of ours then, and a child has a socket of its own.

Nothing takes a hook at forks away again, so this is a module of its own that holds nothing once the probe has ended.
"""

import atexit
import os
from typing import Any, List

agents: List[Any] = []
"""The agent of this process; empty when the probe has ended."""


def register() -> None:
    """Let the agents pause at each fork and at the exit.

    A thread that is left at the exit is ended by force, which aborts the process where no descriptor is free.
    """
    atexit.register(_pause)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_pause, after_in_parent=_resume, after_in_child=_resume)


def forget() -> None:
    """Do nothing any more."""
    agents.clear()
    atexit.unregister(_pause)


def _pause() -> None:
    for agent in agents:
        agent.pause()


def _resume() -> None:
    for agent in agents:
        agent.resume()
