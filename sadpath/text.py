r"""Text of others in a medium of ours: what a service says reaches a terminal, a log, a page or a file as text alone.

An exception's message, a class, a path, a version, a line of output may hold anything: sequences that move a terminal's
cursor, newlines, marks that turn the direction of writing, halves of a surrogate pair, commands of a CI's log. So each
medium has one function here, which is called where text enters it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MOST = 2000
"""Characters of one text that are shown, and of a line in which it is."""

_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\w*\[)")
"""Where a CI would read a command in a line: `::error::`, `##[group]`, `##vso[task.complete]`, `##teamcity[…]`."""

_MARKUP = re.compile(r"[^0-9A-Za-z ]")


def visible(text: str, most: int = MOST) -> str:
    r"""Return the text in one line without anything that cannot be seen, for XML and HTML, which escape their own.

    A character that does not print becomes the escape that `repr` writes for it: `\x1b`, `\n`, `\u202e`, `\ud800`.
    Of a long text the first `most` characters are returned, and its length.
    """
    shown = text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"
    return shown if shown.isprintable() else "".join(map(_visible, shown))


def _visible(character: str) -> str:
    is_seen = character.isprintable() or unicodedata.category(character) == "Zs"  # the spaces of other languages
    return character if is_seen else ascii(character)[1:-1]


def terminal(text: str) -> str:
    """Return the text as a line of a terminal or of a log; no CI reads a command in it."""
    return _COMMAND.sub(lambda found: f"{found[1] or ''}\\x{ord(found[0][-1]):x}", visible(text))


def markdown(text: str) -> str:
    """Return the text as code in a line or a cell of Markdown.

    An entity is never markup, and in code GitHub looks for no emoji, no name and no address.
    """
    return f"<code>{_MARKUP.sub(lambda found: f'&#{ord(found[0])};', visible(text))}</code>"


def markdown_block(lines: Iterable[str]) -> str:
    """Return lines as a block of code in Markdown, fenced by more backticks than any of them has in a row."""
    inside = [visible(line) for line in lines]
    longest = max((len(run) for line in inside for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence, *inside, fence])


def workflow_message(lines: Iterable[str]) -> str:
    """Return lines as the message of a workflow command of GitHub Actions."""
    return "%0A".join(terminal(line).replace("%", "%25") for line in lines)


def workflow_property(text: str) -> str:
    """Return the text as a property of a workflow command of GitHub Actions."""
    return workflow_message([text]).replace(":", "%3A").replace(",", "%2C")
