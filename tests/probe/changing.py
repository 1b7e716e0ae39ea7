"""A process whose objects change all the time while the probe reads them: for `tests.probe.test_changing`."""

import json
import sys
import threading
import types
from collections import Counter, OrderedDict, deque
from typing import Any, Callable, Dict, Iterator, List, Set

from sadpath.probe import agent


class Held(Exception):  # noqa: N818
    """What is held, for a moment."""


class Row:
    """Gets and loses attributes."""


MAPPING: Dict[Any, Any] = {}
ORDERED: "OrderedDict[Any, Any]" = OrderedDict()
LISTED: List[Any] = []
MEMBERS: Set[Any] = set()
QUEUE: "deque[Any]" = deque()
ROW = Row()
REUSED = Held("reused")


def generated() -> Iterator[Held]:
    """Hold another exception with each step."""
    while True:
        held = Held("in a generator")
        yield held


GENERATOR = generated()


def change_containers(number: int) -> None:
    """Fill and empty them."""
    for one in (MAPPING, ORDERED):
        one[number] = [Held(number)]
    LISTED.append({number: Held(number)})
    MEMBERS.add((number, Held(number)))
    QUEUE.append(Held(number))
    if number % 500 == 499:
        for container in (MAPPING, ORDERED, LISTED, MEMBERS, QUEUE):
            container.clear()


def change_names(number: int) -> None:
    """Attributes of an instance and a class, modules, and globals."""
    name = f"name_{number % 100}"
    for owner in (ROW, Row, sys.modules[__name__]):
        setattr(owner, name, Held(name))
        delattr(owner, name)
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name])["held"] = Held(name)
    del sys.modules[name]


def change_frames(_: int) -> None:
    """Step a generator, and raise."""
    next(GENERATOR)
    try:
        raise REUSED
    except Held:
        REUSED.with_traceback(None)


def answers_while_it_changes(times: int) -> Dict[str, int]:
    """Ask everything so often while three threads change what is read; return how often each was answered, and how."""
    done = threading.Event()

    def work(change: Callable[[int], None]) -> None:
        number = 0
        while not done.is_set():
            change(number)
            number += 1

    changes = (change_containers, change_names, change_frames)
    threads = [threading.Thread(target=work, args=(change,)) for change in changes]
    sys.setswitchinterval(1e-5)
    for thread in threads:
        thread.start()
    try:
        return dict(Counter(answer for _ in range(times) for answer in asked()))
    finally:
        done.set()
        for thread in threads:
            thread.join()


def asked() -> Iterator[str]:
    """Ask everything once."""
    for op in ("looks.hello", "growth.begin", "cycles.begin", "cycles.end", "routes.routes"):
        yield answered(op)
    yield answered("looks.settle", begins_round=False)
    held = [id(one) for container in (LISTED, QUEUE) for one in list(container)[-3:]]
    yield answered("explain.explain", ids=[id(REUSED), *held])
    for op in ("growth.kept", "growth.grown"):
        yield answered(op, limit=5)


def answered(op: str, **arguments: Any) -> str:
    """Return the question, and what went wrong."""
    answer = json.loads(agent.answer(json.dumps({"op": op, **arguments}).encode()))
    return f"{op} {answer.get('error', 'is answered')}"
