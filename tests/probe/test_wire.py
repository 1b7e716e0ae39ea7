"""What the probe is asked and what it answers is what its types say."""

import inspect
import pkgutil
import subprocess
import sys
from importlib import import_module
from typing import Any, Callable, Dict, Union, get_args, get_origin, get_type_hints

import sadpath.probe
from sadpath.probe import wire
from tests.probe.other_process import ROOT, other_process

QUESTIONS: Dict[str, Any] = {get_args(get_type_hints(one)["op"])[0]: one for one in get_args(wire.Question)}
"""Each question that may be asked, by its op."""


def function_of(op: str) -> Callable[..., Any]:
    """The function that answers a question."""
    module, _, name = op.partition(".")
    function: Callable[..., Any] = getattr(import_module(f"sadpath.probe.{module}"), name)
    return function


def is_as_typed(value: Any, kind: Any) -> bool:
    """Whether what came as JSON is what a type says: of a `TypedDict` exactly its keys; a sequence is a list."""
    inner = get_args(kind)
    if get_origin(kind) is Union:
        return any(is_as_typed(value, one) for one in inner)
    if get_origin(kind) is tuple:
        return len(value) == len(inner) and all(map(is_as_typed, value, inner))
    if inner:
        return isinstance(value, list) and all(is_as_typed(one, inner[0]) for one in value)
    if not hasattr(kind, "__required_keys__"):
        return isinstance(value, kind)
    hints = get_type_hints(kind)
    has_its_keys = kind.__required_keys__ <= value.keys() <= hints.keys()
    return has_its_keys and all(is_as_typed(one, hints[key]) for key, one in value.items())


def test_each_op_has_its_question() -> None:
    """With the arguments of the function that answers it; an op is what `OPS` of a module says."""
    modules = [import_module(f"sadpath.probe.{one.name}") for one in pkgutil.iter_modules(sadpath.probe.__path__)]
    ops = {f"{module.__name__.rpartition('.')[2]}.{name}" for module in modules for name in getattr(module, "OPS", ())}
    assert ops == QUESTIONS.keys()
    for op, question in QUESTIONS.items():
        assert {"op", *inspect.signature(function_of(op)).parameters} == get_type_hints(question).keys(), op


def test_each_answer_is_what_its_type_says() -> None:
    """Exactly its keys, with values of its types, and every list has something in it."""
    with other_process() as call:
        answers = call("tests.probe.answering.answers")
    assert answers.keys() == QUESTIONS.keys()
    for op, answer in answers.items():
        kind = get_type_hints(function_of(op), vars(wire))["return"]
        assert answer or kind is wire.EmptyAnswer, op
        assert is_as_typed(answer, kind), (op, answer, kind)


STARTED = "import sys, sadpath.probe.agent; print(*sorted(name for name in sys.modules if name.startswith('sadpath.')))"


def test_the_agent_imports_nothing_of_ours_at_its_start() -> None:
    """What answers is imported when it is asked: what is imported before gevent patches it stays unpatched."""
    done = subprocess.run([sys.executable, "-S", "-c", STARTED], cwd=ROOT, capture_output=True, text=True, check=True)
    ours = ["sadpath.probe", "sadpath.probe.agent", "sadpath.probe.forks", "sadpath.probe.own_socket"]
    assert done.stdout.split() == ours
