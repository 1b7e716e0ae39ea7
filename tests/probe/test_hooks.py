"""The probe calls no code of a user's: every hook of every kind notes who calls it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.probe.other_process import other_process

ROOT = Path(__file__).parents[2]

A_CALL = """
import json
from tests.probe import hooked
for name, calls in (("shop.probe.holders", 0), ("sadpath.probe.holders", 8)):
    exec("repr(Thing()), Error().args, len(GROWN), Thing.__name__", {**vars(hooked), "__name__": name})
    assert len(hooked.CALLS) == calls
print(json.dumps([call.split()[0] for call in hooked.CALLS]))
"""

HELD_BY = {
    "held by reused": "HERE.REUSED",
    "held by dict": "HERE.HELD['dict'][Outer.Thing]",
    "held by list": "HERE.HELD['list'][0]",
    "held by attribute": "HERE.HELD['attribute'][HERE.Text]",
    "held by slot": "HERE.HELD['slot'].inner",
    "held by function": "default of argument 'keyword' of odd",
    "held by generator": "local 'value' of suspended generator odd generator",
    "held by buffer": "HERE.HELD['buffer'].raw.error",
    "held by cause": "HERE.HELD['cause'].__cause__",
    "held by module": "tests.probe.odd_module.error",
    "held by class": "hooked.Holder[HERE.Text]",
    "held by variable": "context variable 'odd variable'",
}


@pytest.fixture(scope="module")
def found() -> Dict[str, Any]:
    """The answers to all questions, and the calls that they made."""
    with other_process() as call:
        answers: Dict[str, Any] = call("tests.probe.hooked.answers")
        return answers


def test_no_code_of_the_users_is_called(found: Dict[str, Any]) -> None:
    """By any question, on classes, metaclasses, keys, names, codes and modules that define all that can be defined."""
    assert found["calls"] == []


def test_what_the_interpreter_calls_by_itself_may_run_in_the_probes_thread(found: Dict[str, Any]) -> None:
    """What a collection calls, and what watches imports and the interpreter: nothing else."""
    by_collections = ["__del__", "gc.callbacks", "weakref.ref"]
    assert found["by_the_interpreter"] == sorted([*by_collections, "sys.addaudithook", "sys.meta_path"])


def test_exceptions_that_watch_are_named_all_the_same(found: Dict[str, Any]) -> None:
    """By what holds them; what a watching class says of itself is not asked."""
    names = {
        one["message"]: one["held_by"][0].replace("tests.probe.hooked", "HERE") for one in found["explain.explain"]
    }
    assert {way: names.get(way) for way in HELD_BY} == HELD_BY


def test_what_grows_what_closes_circles_and_routes_are_found_too(found: Dict[str, Any]) -> None:
    """The containers, the local, and the templates."""
    assert found["growth.kept"][0]["held_by"] == "tests.probe.hooked.KEPT"
    assert found["growth.grown"][0]["held_by"] == "tests.probe.hooked.GROWN"
    assert found["cycles.end"]["circles"][0]["local"] == "local"
    assert not found["routes.routes"]["notes"]
    paths = {one["path"] for one in found["routes.routes"]["routes"]}
    by_id = ("star", "flask", "django", "aiohttp", "sanic", "litestar", "bottle", "pyramid", "falcon")
    others = {"/tornado/{arg}", "/lazy/", "/re/django/{id}", "/", "/twisted", "/shop/cherrypy"}
    assert paths == {f"/{name}/{{id}}" for name in by_id} | others


def test_a_call_from_the_probe_would_be_noted() -> None:
    """And one from anywhere else is not."""
    command = [sys.executable, "-c", A_CALL]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    assert {"object.__repr__", "Exception.args", "list.__len__", "type.__name__"} <= set(json.loads(result.stdout))
