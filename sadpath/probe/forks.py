"""What runs around each fork: while the process forks there is no thread of ours, and a child has a socket of its own.

Nothing takes such a hook away again, so this is a module of its own that holds nothing once the probe has ended.
"""

import os
from typing import Any, List

agents: List[Any] = []
"""The agent of this process; empty when the probe has ended."""


def register() -> None:
    """Let the agent pause at each fork, also one that begins to listen later."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_pause, after_in_parent=_resume, after_in_child=_resume)


def _pause() -> None:
    for agent in agents:
        agent.pause()


def _resume() -> None:
    for agent in agents:
        agent.resume()
