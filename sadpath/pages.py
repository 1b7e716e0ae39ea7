"""Pages of HTML from templates: each slice has its own, and all extend `templates/base.html`."""

from __future__ import annotations

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from sadpath.text import visible


def templates(package: str, folder: str = "templates") -> Environment:
    """Return the templates in a folder of a package, and those that all share. A name that is unknown is an error.

    What a template puts into a page is text: its markup is escaped, and what cannot be seen is written out.
    """
    loader = ChoiceLoader([PackageLoader(package, folder), PackageLoader("sadpath")])
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_shown)


def _shown(value: Any) -> Any:
    """Return what a page shows of a value. `safe` and `tojson` return no plain string."""
    return visible(value) if type(value) is str else value
