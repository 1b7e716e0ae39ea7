"""What other people's code may import is what the docs list."""

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "production.md"
ROWS = dict(re.findall(r"^\| `(sadpath[a-z.]*)` \| (.*) \|$", PAGE.read_text(), re.MULTILINE))


@pytest.mark.parametrize("module", ROWS)
def test_what_the_docs_list_is_what_a_module_gives(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name is there, and no other is said to be public."""
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # the other tests need their sockets and threads as they are
    public = import_module(module)
    assert sorted(public.__all__) == sorted(re.findall("`([a-zA-Z_]+)`", ROWS[module]))
    assert all(hasattr(public, name) for name in public.__all__)
