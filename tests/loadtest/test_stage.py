"""What the live page can do to the lab, with two real arms, but without Locust and a browser.

Locust is not imported here: it patches the process that does.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from loadtest import HEADLINE
from loadtest.ports import free_port
from loadtest.server import Server
from loadtest.stage import SCRIPT, LabStage
from sadpath.watch.live.stage import Refused

PRESENTING = Path(__file__).parents[2] / "docs" / "presenting.md"


@pytest.fixture
def stage(arms: Sequence[Server]) -> LabStage:
    return LabStage(environment(options(arms[0].url, arms[1].url)))


def options(reused: str, factory: str, twin: str = HEADLINE) -> Namespace:
    watched = [("reused", reused), ("factory", factory)]
    return Namespace(
        reused_host=reused,
        factory_host=factory,
        twin=twin,
        rate=200.0,
        context_kb=16,
        sadpath_watch=watched,
        sadpath_about="",
    )


def environment(load: Namespace) -> Any:
    """What the stage needs of Locust's environment: its options, and no runner."""
    return SimpleNamespace(parsed_options=load, runner=None)


def lab(arm: Server) -> dict[str, Any]:
    with urlopen(f"{arm.url}/lab", timeout=60) as answer:
        return dict(json.load(answer))


def raise_some(arm: Server, times: int = 20) -> None:
    for _ in range(times):
        with pytest.raises(HTTPError) as raised:
            urlopen(f"{arm.url}/reused/users/42", timeout=60)
        raised.value.close()


def test_the_fix_is_made_in_the_service_and_taken_back(arms: Sequence[Server], stage: LabStage) -> None:
    """And each of the two can be done only where the other was."""
    assert stage.do("fix", "").words == "fix applied"
    assert (lab(arms[0])["strategy"], stage.state()["possible"]) == ("factory", {"fix": False, "unfix": True})
    assert list(stage.do("unfix", "").arms) == ["reused"]
    assert (lab(arms[0])["strategy"], stage.state()["possible"]) == ("reused", {"fix": True, "unfix": False})


def test_a_release_frees_what_both_arms_retain(arms: Sequence[Server], stage: LabStage) -> None:
    """And says how much that was."""
    raise_some(arms[0])
    assert lab(arms[0])["retained"]
    assert stage.do("release", "").words.startswith("released ")
    assert lab(arms[0])["retained"] == {}


def test_the_cause_is_what_the_leaky_arm_retains(arms: Sequence[Server], stage: LabStage) -> None:
    """Nothing, before it raises."""
    stage.do("release", "")
    assert stage.cause() is None
    raise_some(arms[0], times=3)
    cause = stage.cause()
    assert cause
    assert cause["error"] == "user_not_found"


def test_the_code_is_coloured_and_marked(stage: LabStage) -> None:
    """One line of each variant; what is markup in the source is text."""
    leaky, fixed = stage.code()
    assert [one["html"].count('class="line marked"') for one in (leaky, fixed)] == [1, 1]
    assert '<span class="k">raise</span>' in leaky["html"]
    assert "-&gt;" in leaky["html"]


@pytest.mark.parametrize(("field", "value", "kept"), [("rate", "12.5", 12.5), ("context_kb", "0", 0)])
def test_the_load_follows_a_field(stage: LabStage, field: str, value: str, kept: float) -> None:
    """Its requests read the options anew."""
    stage.do(field, value)
    assert float(stage.state()[field]) == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("rate", value) for value in ("0", "-1", "2001", "nan", "1e9", "", "ten")),
        *(("context_kb", value) for value in ("-1", "4097", "1.5", "inf")),
    ],
)
def test_a_value_out_of_range_is_refused_with_a_sentence(stage: LabStage, field: str, value: str) -> None:
    """Which says what can be set; nothing changes."""
    before = stage.state()
    with pytest.raises(Refused, match=r"^Set a (whole )?number from [\d.]+ to [\d,]+ .*\.$") as refused:
        stage.do(field, value)
    assert refused.value.field == field
    assert stage.state() == before


@pytest.mark.parametrize(("name", "value"), [("explode", ""), ("twin", "nosuch"), ("", "")])
def test_what_there_is_not_is_refused(stage: LabStage, name: str, value: str) -> None:
    """With its name."""
    with pytest.raises(Refused, match=r"^There is no "):
        stage.do(name, value)


def test_every_twin_can_be_chosen(stage: LabStage) -> None:
    """And says what it is about."""
    (twins,) = stage.choices
    assert {slug for slug, _ in twins.options} >= {HEADLINE, "error-cache", "websocket"}
    stage.do("twin", "error-cache")
    assert "A cache of exceptions by key" in stage.state()["about"]
    assert [one["variant"] for one in stage.code()] == ["held", "copied"]
    stage.do("twin", HEADLINE)
    assert (stage.state()["twin"], stage.state()["about"]) == (HEADLINE, "")


def test_a_demo_that_ends_with_its_load_keeps_its_twin(arms: Sequence[Server]) -> None:
    """Another twin begins another load; the sentence says how."""
    load = options(arms[0].url, arms[1].url)
    load.autoquit = 0
    with pytest.raises(Refused, match="DEMO_SECONDS=0"):
        LabStage(environment(load)).do("twin", "error-cache")
    assert load.twin == HEADLINE


def test_the_fix_of_another_twin_is_made_in_the_load(arms: Sequence[Server]) -> None:
    """Its routes have no strategy: the requests take the fixed path."""
    load = options(arms[0].url, arms[1].url, "error-cache")
    LabStage(environment(load)).do("fix", "")
    assert load.takes_fixed_path is True
    assert lab(arms[0])["strategy"] == "reused"


def test_an_arm_that_does_not_answer_is_named() -> None:
    """With what to do."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    stage = LabStage(environment(options(nowhere, nowhere)))
    with pytest.raises(Refused, match=r"^reused does not answer \(.*refused.*\): try again\.$"):
        stage.do("fix", "")
    assert stage.state()["possible"]["fix"] is True


def test_the_pages_table_of_acts_is_the_script() -> None:
    """In its order."""
    acts = [line.split("|")[1].strip() for line in PRESENTING.read_text().splitlines() if line.startswith("| ")]
    assert [act for act in acts if act in {one.title for one in SCRIPT}] == [one.title for one in SCRIPT]


def test_everything_that_the_script_does_can_be_done() -> None:
    """An act names an action, or a panel of the page."""
    panels = {"chart", "code", "cause", "ending"}
    assert (
        {one.does for one in SCRIPT} - panels == {"fix", "release", "unfix"} <= {one.name for one in LabStage.actions}
    )
