"""What the probe is asked and what it answers is what its types say."""

import inspect
import pkgutil
import subprocess
import sys
from importlib import import_module
from typing import Any, Callable, Dict, get_args, get_type_hints

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
    assert answers.keys() == QUESTIONS.keys() == wire.ANSWERS.keys()
    for op, answer in answers.items():
        kind = wire.ANSWERS[op]
        assert kind == get_type_hints(function_of(op), vars(wire))["return"]
        assert answer or kind is wire.EmptyAnswer, op
        assert wire.is_as_typed(answer, kind), (op, answer, kind)


STARTED = "import sys, sadpath.probe.agent; print(*sorted(name for name in sys.modules if name.startswith('sadpath.')))"


def test_the_agent_imports_nothing_of_ours_at_its_start() -> None:
    """What answers is imported when it is asked: what is imported before gevent patches it stays unpatched."""
    done = subprocess.run([sys.executable, "-S", "-c", STARTED], cwd=ROOT, capture_output=True, text=True, check=True)
    ours = ["sadpath.probe", "sadpath.probe.agent", "sadpath.probe.forks", "sadpath.probe.own_socket"]
    assert done.stdout.split() == ours
