"""The routes of the live page: what it is told, what it may do, and what it has at the end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import pytest
from flask import Flask
from flask.testing import FlaskClient

from sadpath.sources import Reading
from sadpath.watch.live.page import LivePage
from sadpath.watch.live.stage import Act, Action, Choice, Done, Field, Refused
from sadpath.watch.report import write_report
from sadpath.watch.run import Run
from sadpath.watch.sample_file import Sample, SampleFile


@dataclass
class Load:
    """A load that the tests move on."""

    folder: Path
    run: Run = field(default_factory=Run)
    names: Sequence[str] = ("reused", "factory")
    about: str = "A worker\nreused = /twins/<it>"
    is_running: bool = True
    concluded: Run | None = None
    marks: list[tuple[str, list[str]]] = field(default_factory=list)

    def mark(self, words: str, arms: Iterable[str]) -> None:
        """Remember it."""
        self.marks.append((words, list(arms)))

    def end(self) -> None:
        """End it; the files of its report are empty."""
        self.is_running, self.concluded = False, self.run
        for name in ("report.html", "memory.png"):
            (self.folder / name).touch()

    def end_with_a_report(self) -> None:
        """End it, and judge it."""
        file = SampleFile(self.folder / "samples.csv")
        for sample in self.run.samples:
            file.append(sample)
        file.close()
        self.is_running, self.concluded = False, write_report(self.folder)


class Kettle:
    """A stage on which one can make tea, but not too much."""

    actions: Sequence[Action] = (Action("boil", "b", "boil"),)
    fields: Sequence[Field] = (Field("cups", "cups", "cups", 1, 4),)
    choices: Sequence[Choice] = ()
    acts: Sequence[Act] = (Act("Tea", "It boils.", "Wait.", "boil"),)
    cups = 1.0

    def state(self) -> Mapping[str, Any]:
        """How many cups it makes."""
        return {"cups": self.cups}

    def do(self, name: str, value: str) -> Done:
        """Boil, or set the cups."""
        if name == "cups":
            self.cups = self.fields[0].read(value)
        return Done(f"{name} done", ["reused"])

    def code(self) -> Sequence[Mapping[str, Any]]:
        """A line."""
        return [{"variant": "leaky", "html": "<b>raise</b>"}]

    def cause(self) -> Mapping[str, Any] | None:
        """Not to be had."""
        raise Refused("The kettle does not answer.")


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Forty seconds of two arms, one of which grows."""
    run = Run()
    for second in range(40):
        for arm, growth in (("reused", 35_000), ("factory", 0)):
            memory = 6e7 + 100 * second * growth
            reading = Reading(memory, memory, 5e8, 0.0, 100.0 * second, 0.0, 19.0 * 100 * second if growth else 0.0)
            run.add(Sample(float(second), arm, "measured", reading))
    return Load(tmp_path, run)


@pytest.fixture
def page(load: Load) -> LivePage:
    return LivePage(Flask("live"), load, Kettle())


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page counts as open, and is waited for, however long this machine takes."""
    for name in ("OPEN_S", "ENDING_WITHIN_S"):
        monkeypatch.setattr(f"sadpath.watch.live.page.{name}", 600.0)


@pytest.fixture
def client(page: LivePage) -> FlaskClient:
    return page.app.test_client()


def state(client: FlaskClient, reader: str = "") -> dict[str, Any]:
    return dict(client.get(f"/sadpath/rows?reader={reader}").json or {})


def do(client: FlaskClient, content: object, token: str | None = None) -> tuple[int, dict[str, Any]]:
    return send(client, json.dumps(content).encode(), token)


def send(client: FlaskClient, body: bytes, token: str | None = None) -> tuple[int, dict[str, Any]]:
    """Send a body with the token that the page has, as the page does."""
    found = re.search(r'"token": ?"([^"]+)"', client.get("/sadpath").text)
    assert found
    headers = {"X-Sadpath-Token": found[1] if token is None else token}
    answer = client.post("/sadpath/do", data=body, headers=headers, content_type="application/json")
    return answer.status_code, dict(answer.json or {})


def test_the_page_says_what_is_measured(client: FlaskClient) -> None:
    """What others wrote is text on it, not markup."""
    text = client.get("/sadpath").text
    assert "A worker reused = /twins/&lt;it&gt;" in text
    assert "<it>" not in text


def test_a_page_that_is_opened_late_has_the_whole_history(client: FlaskClient) -> None:
    """Each poll has all rows, so two browsers see the same."""
    rows = state(client)["rows"]
    assert [row["elapsed_s"] for row in rows if row["arm"] == "reused"] == list(range(40))
    assert state(client)["rows"] == rows


def test_eight_hours_are_some_hundred_rows(load: Load, client: FlaskClient) -> None:
    """A browser holds and draws no more of them."""
    for second in range(40, 8 * 3600):
        load.run.add(Sample(float(second), "reused", "measured", Reading(6e7 + second, None, 5e8, 0.0, second)))
    answer = client.get("/sadpath/rows")
    assert len((answer.json or {})["rows"]) < 1100
    assert len(answer.data) < 400_000


def test_nothing_is_asked_of_another_host(client: FlaskClient) -> None:
    """Scripts, styles and the chart library come from here: a venue has no network."""
    pages = [client.get(f"/sadpath{path}").text for path in ("", "/live.js", "/stage.js", "/live.css")]
    assert not re.findall(r"(?:src|href|url|fetch|import)[=(\s\"']+https?:", "".join(pages))


def test_an_action_is_done_and_marked(load: Load, client: FlaskClient) -> None:
    """In the words of whoever did it."""
    status, answer = do(client, {"name": "boil"})
    assert (status, answer["message"]) == (200, "boil done")
    assert load.marks == [("boil done", ["reused"])]


def test_a_value_can_be_set(client: FlaskClient) -> None:
    """The next state has it."""
    assert do(client, {"name": "cups", "value": "3"})[0] == 200
    assert state(client)["stage"] == {"cups": 3}


@pytest.mark.parametrize("value", [0, 5, "many", "nan", "inf", [1], ""])
def test_a_value_out_of_range_is_refused_beside_its_field(load: Load, client: FlaskClient, value: object) -> None:
    """With a sentence; nothing is done, and nothing is marked."""
    status, answer = do(client, {"name": "cups", "value": value})
    assert (status, answer["field"], answer["message"][-1]) == (400, "cups", ".")
    assert (state(client)["stage"], load.marks) == ({"cups": 1}, [])


@pytest.mark.parametrize("content", [None, [], "boil", {}, {"name": 4}])
def test_what_is_no_action_is_refused(load: Load, client: FlaskClient, content: object) -> None:
    """With a sentence."""
    assert do(client, content)[0] == 400
    assert load.marks == []


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"name":' * 100_000,
        b'{"name": "boil", "value": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"name": "boil", "value": ' + b"9" * 10_000 + b"}",
        b'{"name": "b\xe9"}',
        '{"name": "boil"}'.encode("utf-16")[1:],
        b"\0",
        b"",
    ],
    ids=[
        "lists",
        "whole lists",
        "objects",
        "a deep value",
        "a long number",
        "latin-1",
        "half utf-16",
        "NUL",
        "nothing",
    ],
)
def test_a_body_that_cannot_be_read_is_refused(load: Load, client: FlaskClient, body: bytes) -> None:
    """With the same sentence, however deep it is, or however it is encoded."""
    status, answer = send(client, body)
    assert (status, answer["message"]) == (400, "Expected the name of an action.")
    assert load.marks == []


@pytest.mark.parametrize("depth", range(940, 1000, 5))
def test_a_value_is_text_or_a_number(client: FlaskClient, depth: int) -> None:
    """A list just shallow enough to be read is none: it is refused beside its field, and not written out."""
    body = b'{"name": "cups", "value": ' + b"[" * depth + b"]" * depth + b"}"
    assert send(client, body)[0] == 400


@pytest.mark.parametrize("token", ["", "x", "é"])
def test_only_the_page_itself_may_do_something(load: Load, client: FlaskClient, token: str) -> None:
    """It has a token; what has none, or another, is refused."""
    status, answer = do(client, {"name": "boil"}, token.encode().decode("latin-1"))
    assert (status, "reload" in answer["message"]) == (403, True)
    assert load.marks == []


def test_what_an_arm_does_not_answer_is_said(client: FlaskClient) -> None:
    """In a sentence, which the page shows."""
    answer = client.get("/sadpath/cause")
    assert (answer.status_code, answer.json) == (502, {"message": "The kettle does not answer."})


def test_without_a_stage_the_page_only_shows(load: Load) -> None:
    """As for the service of a user."""
    client = LivePage(Flask("live"), load).app.test_client()
    assert client.get("/sadpath/code").json is None
    assert do(client, {"name": "boil"})[0] == 404


def test_while_the_load_goes_on_there_is_no_ending(client: FlaskClient) -> None:
    """It is asked for when there is one."""
    assert state(client)["has_ending"] is False
    assert client.get("/sadpath/ending").status_code == 409
    assert client.get("/sadpath/report.html").status_code == 404


def test_the_ending_is_the_verdict_the_report_and_the_picture(load: Load, client: FlaskClient) -> None:
    """Those that are in the folder."""
    load.end_with_a_report()
    assert (state(client)["state"], state(client)["has_ending"]) == ("ended", True)
    ending = client.get("/sadpath/ending").json or {}
    assert ending["headline"] == "reused leaks, factory is flat"
    assert "35,000 bytes retained per request" in ending["verdicts"][0]["sentence"]
    assert client.get("/sadpath/report.html").data == (load.folder / "report.html").read_bytes()
    assert client.get("/sadpath/memory.png").data.startswith(b"\x89PNG")


@pytest.mark.usefixtures("patient")
def test_an_end_waits_until_an_open_page_has_its_report(load: Load, page: LivePage, client: FlaskClient) -> None:
    """Locust quits then; the page stays complete without it."""
    state(client, "browser")
    load.end()
    state(client, "browser")
    waits = gevent.spawn(page.wait_for_readers)
    waits.join(0.3)
    assert not waits.dead
    for name in ("report.html", "memory.png"):
        client.get(f"/sadpath/{name}?reader=browser")
    waits.join(60)
    assert waits.dead


@pytest.mark.usefixtures("patient")
def test_an_end_waits_for_no_program(load: Load, page: LivePage, client: FlaskClient) -> None:
    """What asks for rows without a number of its own is no page."""
    state(client)
    load.end()
    waits = gevent.spawn(page.wait_for_readers)
    waits.join(60)
    assert waits.dead


@pytest.mark.usefixtures("patient")
def test_the_next_load_has_its_own_ending(load: Load, page: LivePage, client: FlaskClient) -> None:
    """The files of the one before do not count for it."""
    state(client, "browser")
    load.end()
    for name in ("report.html", "memory.png"):
        client.get(f"/sadpath/{name}?reader=browser")
    load.run, load.is_running, load.concluded = Run(), True, None
    assert (state(client, "browser")["state"], state(client)["has_ending"]) == ("running", False)
    waits = gevent.spawn(page.wait_for_readers)
    waits.join(0.3)
    assert not waits.dead
    waits.kill()
