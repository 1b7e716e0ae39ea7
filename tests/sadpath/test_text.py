"""Text of others in each medium: it is shown as it is where it can be seen, and never means anything there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from markdown_it import MarkdownIt

from sadpath.text import MOST, markdown, markdown_block, terminal, visible, workflow_message, workflow_property
from tests.hostile_text import HOSTILE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /größe/{id} \N{ROCKET} a\N{NO-BREAK SPACE}b", "GET /größe/{id} \N{ROCKET} a\N{NO-BREAK SPACE}b"),
        ("\x1b[31m \x07 \x7f \x9b", r"\x1b[31m \x07 \x7f \x9b"),
        ("one\r\ntwo\tthree\u2028four", r"one\r\ntwo\tthree\u2028four"),
        ("abc\u202egnp.exe\u2066\u200b\ufeff", r"abc\u202egnp.exe\u2066\u200b\ufeff"),
        ("half \ud800, none \uffff \U000e0041", r"half \ud800, none \uffff \U000e0041"),
        ("a\\b 'c' \"d\"", "a\\b 'c' \"d\""),
    ],
)
def test_what_cannot_be_seen_is_written_as_an_escape(text: str, shown: str) -> None:
    """As `repr` writes it; letters and spaces of any language stay, and so do quotes and backslashes."""
    assert visible(text) == shown


def test_of_a_long_text_the_beginning_is_shown() -> None:
    """And how long it is."""
    assert visible("x" * 10_000_000) == f"{'x' * MOST}… (10,000,000 characters)"
    assert visible("x" * MOST) == "x" * MOST


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::x", r"\x3a:error::x"),
        ("  ::stop-commands::token", r"  \x3a:stop-commands::token"),
        ("note: ::error::x", "note: ::error::x"),
        ("a ##[error]x ###[group]y", r"a \x23#[error]x #\x23#[group]y"),
        ("##vso[task.complete] ##teamcity[x]", r"\x23#vso[task.complete] \x23#teamcity[x]"),
        ("## a heading, #1", "## a heading, #1"),
    ],
)
def test_no_line_is_a_command_to_a_ci(text: str, shown: str) -> None:
    """GitHub reads `::` where a line begins, and `##[` wherever it stands; Azure and TeamCity theirs."""
    assert terminal(text) == shown


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_markdown_shows_a_text_and_nothing_of_it_is_markup(text: str) -> None:
    """In a line, in a cell, and in a block, as it is seen elsewhere."""
    cell = f"| a | b |\n|---|---|\n| {markdown(text)} | end |"
    page = MarkdownIt("commonmark").enable("table").parse(f"**{markdown(text)}**\n\n{cell}\n\n{markdown_block([text])}")
    kinds = [one.type for token in page for one in (token.children or [token])]
    assert kinds.count("fence") == 1
    assert kinds.count("td_open") == 2
    assert not {"link_open", "image", "heading_open", "code_inline", "em_open"} & set(kinds)
    words = [one.content for token in page for one in token.children or [] if one.type == "text"]
    assert "".join(words) == f"{visible(text)}ab{visible(text)}end"
    assert [one.content for one in page if one.type == "fence"] == [f"{visible(text)}\n"]
    html = {one.content for token in page for one in token.children or [] if one.type == "html_inline"}
    assert html == {"<code>", "</code>"}


@pytest.mark.parametrize(
    ("escape", "text", "escaped"),
    [
        (lambda text: workflow_message(["50%", text]), "\r\n::error::", r"50%25%0A\r\n::error::"),
        (workflow_property, "50%\na:b,c", r"50%25\na%3Ab%2Cc"),
    ],
)
def test_a_workflow_command_ends_where_we_end_it(escape: Callable[[str], str], text: str, escaped: str) -> None:
    """Lines of ours are lines of the message."""
    assert escape(text) == escaped
