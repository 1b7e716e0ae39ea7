"""Whatever a service says, each output of a check shows it, is well-formed, and has no meaning of the service's own."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from sadpath.check.driver import Request
from sadpath.check.events import DecidedPath, Ended, PathsDecided, Standing
from sadpath.check.find import ErrorPath, Plan
from sadpath.check.report import Files
from sadpath.check.report.console import PIPE_WIDTH, Progress, Result
from sadpath.check.report.github import error_commands, summary
from sadpath.check.report.junit import junit
from sadpath.check.report.page import page
from sadpath.check.result import Background, Cause, CauseKind, Check, PathResult, RaiseSite, read_baseline
from sadpath.check.run import listed
from sadpath.errors import CommandError
from sadpath.text import visible
from sadpath.verdict.verdict import Verdict
from tests.generated import examples
from tests.hostile_text import HOSTILE

SO_FAR = Standing(1, 2, 3, 4.0)


def check_of(text: str) -> Check:
    """A check with this text wherever there is one that is not ours."""
    path = ErrorPath("GET", f"/{text}", 404, Request("GET", f"/{text}"))
    site = RaiseSite(text, 1, text, 2, text)
    cause = Cause(CauseKind.REUSED, text, text, text, (site, replace(site, file=f"/a/{text}")), 1, 2, 3, text, (text,))
    leak = PathResult(path, Verdict("leaks", text, bytes_per_request=1000.0, ci95=(1.0, 2.0)), (cause,), (text,))
    others = [
        PathResult(replace(path, method=f"PUT{text}"), Verdict("inconclusive", text), notes=(text,)),
        PathResult(replace(path, method="POST"), Verdict("flat", text)),
    ]
    versions = {"python": text, "starlette": text}
    grows = Background(1000.0, (1.0, 2.0), causes=(cause,))
    return Check(text, text, (leak, *others), versions, (text,), no_probe=text, ended_early=text, background=grows)


PLAIN = check_of("plain")
LIVE = re.compile(r"\x1b\[(\?25[lh]|2K|1A)|\r")
"""What rich itself writes to move the lines of progress."""


def printed(check: Check, console: Console) -> None:
    """Let a check run to its end in a terminal, and list its paths."""
    decided = check.results[1]
    with Progress(console) as progress:
        path = DecidedPath(decided.path, distinct=True, verdict=decided.verdict)
        progress.handle(PathsDecided(decided.path.name, (path,), check, SO_FAR))
    Result(console).handle(Ended(check))
    listed(Plan(tuple(one.path for one in check.results), check.notes), console)


def see_a_terminal(text: str, *, is_terminal: bool) -> None:
    """All that is printed can be seen, and no line is a command to a CI."""
    out = io.StringIO()
    width = 100 if is_terminal else PIPE_WIDTH
    printed(check_of(text), Console(file=out, width=width, force_terminal=is_terminal, color_system=None))
    lines = (LIVE.sub("", out.getvalue()) if is_terminal else out.getvalue()).split("\n")
    assert {character for line in lines for character in line if visible(character) != character} == set()
    assert not [line for line in lines if line.lstrip().startswith("::") or "##[" in line or "##vso[" in line]


def see_json(text: str) -> None:
    """It is JSON for every reader, of which programs get what the service said."""
    content = json.dumps(check_of(text).as_json, indent=2, allow_nan=False)
    assert content.isascii()
    assert json.loads(content)["paths"][0]["cause"]["message"] == text


def see_junit(text: str) -> None:
    """It is XML, with the test cases and elements of any check."""
    content = ET.tostring(junit(check_of(text)))
    suite = ET.fromstring(content)  # noqa: S314 - our own
    assert [one.tag for one in suite.iter()] == TAGS
    assert suite[0].get("classname") == visible(text)
    assert visible(f"  held by {text}") in (suite[0][0].text or "")


class Elements(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its text."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.text = ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count an element."""
        self.found[tag, tuple(name for name, _ in attrs)] += 1

    def handle_data(self, data: str) -> None:
        """Add to the text."""
        self.text += data


def see_html(text: str) -> None:
    """It has the elements of any check, and shows the text."""
    content = page(check_of(text))
    seen = Elements(content.encode().decode())
    assert seen.found == PAGE
    assert visible(text) in seen.text
    assert {character for character in content if visible(character) != character} <= {"\n"}


def see_annotations(text: str) -> None:
    """Each is one command in one line, with the properties and the lines of any check's."""
    (command,) = error_commands(check_of(text))
    assert visible(command) == command or len(command) > 2000
    assert command.startswith("::error ")
    properties, _, message = command.removeprefix("::error ").partition("::")
    assert [one.partition("=")[0] for one in properties.split(",")] in (["file", "line", "title"], ["title"])
    assert message.count("%0A") == ANNOTATION.count("%0A")
    assert "##[" not in command


def elements(check: Check) -> list[str]:
    """Return what a reader of Markdown makes of the summary."""
    tokens = MarkdownIt("commonmark").enable("table").parse("\n".join(summary(check)))
    found = [one for token in tokens for one in (token.children or [token]) if one.type != "softbreak"]
    return [one.content if one.type == "html_inline" else one.type for one in found]


def see_the_summary(text: str) -> None:
    """It is Markdown with the table and the blocks of any check."""
    assert elements(check_of(text)) == ELEMENTS
    assert visible(f"/{text} 404")[:1000] in unescape("\n".join(summary(check_of(text))))


def see_an_error(text: str) -> None:
    """It is one line."""
    out = io.StringIO()
    CommandError(f"the service did not start: {text}").show(out, text)
    (line, nothing) = out.getvalue().split("\n")
    assert visible(line) == line or len(line) > 2000
    assert nothing == ""
    assert not line.lstrip().startswith("::")


TAGS = [one.tag for one in junit(PLAIN).iter()]
PAGE = Elements(page(PLAIN)).found
(ANNOTATION,) = error_commands(PLAIN)
ELEMENTS = elements(PLAIN)
"""What the outputs of any check are made of."""

OUTPUTS: dict[str, Callable[[str], None]] = {
    "terminal": lambda text: see_a_terminal(text, is_terminal=True),
    "pipe": lambda text: see_a_terminal(text, is_terminal=False),
    "json": see_json,
    "junit": see_junit,
    "html": see_html,
    "annotations": see_annotations,
    "summary": see_the_summary,
    "error": see_an_error,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
def test_what_a_service_says_is_text_and_nothing_else(output: Callable[[str], None], text: str) -> None:
    """In each output, wherever it stands there."""
    output(text)


def test_a_baseline_knows_the_path_whatever_it_is_called(tmp_path: Path) -> None:
    """What was written is what is read again."""
    for text in HOSTILE.values():
        check = check_of(text)
        Files({"json": tmp_path / "check.json"}).handle(Ended(check))
        assert read_baseline(tmp_path / "check.json") == {check.results[0].path.name}


ANY = st.text(st.characters(), min_size=1, max_size=100)
"""Any text, also with halves of surrogate pairs, which no encoding can write."""
SHORT = [text for text in HOSTILE.values() if len(text) < 1000]
ODD = st.lists(ANY | st.sampled_from(SHORT), min_size=1, max_size=3).map("".join)


def all_outputs(text: str) -> None:
    """Look at each."""
    for output in OUTPUTS.values():
        output(text)


@given(ODD)
@examples(25)
def test_any_text_is_text(text: str) -> None:
    """A few dozen of all that there is."""
    all_outputs(text)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@given(ODD)
@examples(3_000)
def test_any_text_of_thousands_is_text(text: str) -> None:
    """As above."""
    all_outputs(text)
