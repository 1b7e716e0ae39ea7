"""A table of figures for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text


def terminal_table(
    headings: Sequence[str], rows: Iterable[Sequence[str | Text]], caption: str, names: Sequence[str] = ("arm",)
) -> Table:
    """Return a table whose columns of figures are aligned to the right, those of `names` to the left."""
    view = Table(caption=caption, caption_justify="left", caption_style="")
    for heading in headings:
        view.add_column(heading, justify="left" if heading in names else "right", no_wrap=" " not in heading)
    for row in rows:
        view.add_row(*row)
    return view
