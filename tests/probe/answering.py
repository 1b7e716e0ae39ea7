"""A process in which the probe has something to tell, and its answers. Runs on Python 3.9."""

import json
from typing import Any, Dict, List, Tuple

from sadpath.probe import agent
from sadpath.probe.explain import explain
from sadpath.probe.wire import ExplainedException
from tests.probe.raising import count_by_hand, raise_many


class Route:
    """A route, as Starlette has them."""

    def __init__(self) -> None:
        self.path, self.methods, self.endpoint = "/users/{user_id}", ["GET"], None


class Router:
    """A router, as Starlette has it."""

    def __init__(self) -> None:
        self.routes = [Route()]


class Starlette:
    """An application, as Starlette has it: an attribute `router` with `routes`."""

    def __init__(self) -> None:
        self.router = Router()


Starlette.__module__ = "starlette.applications"

app = Starlette()
held = ValueError("held here")
kept: List[ValueError] = []
rows: List[str] = []


def leave_something() -> None:
    """An exception that a local of its own traceback holds, some in a list, one that is held, and texts."""
    raise_many(ValueError(), 1)
    kept.extend(ValueError() for _ in range(50))
    rows.extend(map(str, range(100)))
    raise_many(held, 3)


def explained_after(raises: int) -> Tuple[List[ExplainedException], Tuple[int, int]]:
    """Return what is known of an exception that was raised as often and of one that has gone, and a count by hand."""
    raise_many(held, raises, payload=1000)
    return explain([id(held), id(object())]), count_by_hand(held)


def ask(op: str, **arguments: Any) -> Any:
    """Ask as it is asked over the socket."""
    return json.loads(agent.answer(json.dumps({"op": op, **arguments}).encode()))["ok"]


def answers() -> Dict[str, Any]:
    """Return an answer to each question."""
    found = {op: ask(op) for op in ("looks.hello", "growth.begin", "cycles.begin")}
    leave_something()
    found["cycles.end"] = ask("cycles.end")
    found["looks.settle"] = ask("looks.settle", begins_round=False, watched_s=0.01)
    found["glance.glance"] = ask("glance.glance", census=True)
    found["explain.explain"] = ask("explain.explain", ids=[id(held)])
    found.update((op, ask(op, limit=5)) for op in ("growth.kept", "growth.grown"))
    found.update((op, ask(op)) for op in ("growth.end", "routes.routes", "agent.stop"))
    return found
