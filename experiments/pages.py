"""The pages for people in `docs`: each is a template, and has figures as people write them and aligned tables."""

from __future__ import annotations

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


def page(template: str, **values: object) -> str:
    """Return a page as Markdown."""
    return _TEMPLATES.get_template(template).render(**values)


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


def table(headings: Sequence[str], lines: Sequence[Sequence[str]], figures_from: int = 1) -> str:
    """Return a table in Markdown with columns that are aligned in plain text; figures go to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(headings, *lines, strict=True)]
    places = ["<" if number < figures_from else ">" for number in range(len(widths))]
    rule = [
        f"{'-' * (width - (place == '>'))}{':' * (place == '>')}" for width, place in zip(widths, places, strict=True)
    ]
    return "\n".join(_line(cells, widths, places) for cells in [headings, rule, *lines])


def _line(cells: Sequence[str], widths: Sequence[int], places: Sequence[str]) -> str:
    padded = (f"{cell:{place}{width}}" for cell, width, place in zip(cells, widths, places, strict=True))
    return f"| {' | '.join(padded)} |"
