"""The token by which a service knows that a form is its own: on a page, in the JSON of one, or in a cookie."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from html.parser import HTMLParser

TOKEN = re.compile("csrf|xsrf|^authenticity_token$", re.IGNORECASE)
"""The name of a field, a `meta` element or a cookie that has one."""

HEADERS = ("X-CSRFToken", "X-CSRF-Token", "X-XSRF-Token")
"""Headers in which frameworks look for one: Django, Flask-WTF, Litestar; Pyramid, Flask-JWT; Tornado."""


LONGEST_PAGE = 1 << 18
"""Characters that are read: Python's parser takes longer with each that is left open."""


class Page(HTMLParser):
    """What a login page has: `fields` with a token, by name, `meta` elements likewise, and whether it `asks` to log in.

    A field of a form is sent along in the form; a token of a `meta` element or of JSON goes in a header alone.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.others: dict[str, str] = _in_json(text)
        self.asks = False
        with suppress(AssertionError):  # of a declaration that Python's parser does not know
            self.feed(text[:LONGEST_PAGE])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a token, and of a field for a password."""
        have = {name: value or "" for name, value in attrs}
        name = have.get("name", "")
        if tag == "input":
            self.asks |= have.get("type", "").lower() == "password"
            if TOKEN.search(name):
                self.fields[name] = have.get("value", "")
        elif tag == "meta" and TOKEN.search(name):
            self.others[name] = have.get("content", "")


def token(*sources: Mapping[str, str]) -> str:
    """Return the token of the first source that has one; nothing where none has."""
    return next((value for source in sources for name, value in source.items() if TOKEN.search(name) and value), "")


def is_token(name: str) -> bool:
    """Whether a cookie of this name has one, which is set without a login too."""
    return bool(TOKEN.search(name))


def _in_json(text: str) -> dict[str, str]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    named = content.items() if isinstance(content, dict) else ()
    return {name: value for name, value in named if TOKEN.search(name) and isinstance(value, str)}
