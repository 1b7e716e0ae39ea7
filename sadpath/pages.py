"""Pages of HTML from templates: each slice has its own, and all extend `templates/base.html`."""

from __future__ import annotations

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def templates(package: str, folder: str = "templates") -> Environment:
    """Return the templates in a folder of a package, and those that all share. A name that is unknown is an error."""
    loader = ChoiceLoader([PackageLoader(package, folder), PackageLoader("sadpath")])
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
