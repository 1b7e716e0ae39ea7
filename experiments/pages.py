"""The pages for people in `docs`: each is a template, and has figures as people write them and aligned tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from loadtest.catalogue import Range
from sadpath.files import write_whole

NONE = "–"

_TEMPLATES = Environment(
    loader=PackageLoader("experiments"),
    autoescape=False,  # noqa: S701 - Markdown of our own
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def render(template: str, **values: object) -> str:
    """Return a page as Markdown, its tables with columns that are aligned in plain text too."""
    text = _TEMPLATES.get_template(template).render(**values)
    return re.sub(r"(?:^\|.*\n)+", lambda table: _aligned(table[0].splitlines()), text, flags=re.MULTILINE)


def _aligned(lines: Sequence[str]) -> str:
    """Return a table with each column as wide as its widest cell; the rule says which go to the right."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    places = [">" if cell.endswith(":") else "<" for cell in rows.pop(1)]
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * (width - 1) + (":" if place == ">" else "-") for width, place in zip(widths, places, strict=True)]
    rows.insert(1, rule)
    return "".join(f"| {' | '.join(map('{:{}{}}'.format, row, places, widths))} |\n" for row in rows)


def write_page(path: Path, text: str) -> None:
    """Write a page, whole. Raises `OSError`."""
    write_whole(path, text.encode())


def count(value: float) -> str:
    """Return a counted figure: to a tenth where it is no whole number."""
    text = f"{value:,.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def counts(bounds: Range) -> str:
    """Return the range of a counted figure, one figure where both ends are the same."""
    return _range(*map(count, bounds))


def bytes_range(bounds: Range) -> str:
    """Return a range of bytes."""
    return _range(*(f"{round(bound):,}" for bound in bounds))


def figure(value: float, bounds: Range) -> str:
    """Return a figure in bytes with its interval in brackets."""
    return f"{round(value):,} ({bytes_range(bounds)})"


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


_TEMPLATES.filters |= {"counts": counts, "bytes_range": bytes_range, "figure": figure}
