"""Source code as HTML: for the live page, and for slides."""

from __future__ import annotations

from collections.abc import Collection

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer


def coloured(code: str, marked: Collection[int]) -> str:
    """Return Python source as HTML: a span for each line, of the class `marked` for those lines, counted from 1."""
    lines = highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)).splitlines()
    return "".join(
        f'<span class="line{" marked" * (number in marked)}">{line}</span>'
        for number, line in enumerate(lines, start=1)
    )
