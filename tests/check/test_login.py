"""What is behind a login is found and measured, with `[auth]` in sadpath.toml."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.errors import Status
from tests.check.conftest import Checked, check
from tests.check.guarded import PASSWORD

JSON = '[auth]\npath = "/auth/token"\njson = { username = "me", password = "${SHOP_PASSWORD}" }\n'
FORM = '[auth]\npath = "/login"\ncsrf = "/login"\nform = { user = "me", password = "${SHOP_PASSWORD}" }\n'


def checked(folder: Path, settings: str, *options: str, good_for: int = 0) -> Checked:
    """Check the guarded service with these settings."""
    file = folder / "sadpath.toml"
    file.write_text(settings)
    command = [sys.executable, "-m", "uvicorn", "guarded:app", "--port", str(free_port()), "--no-access-log"]
    return check(folder, "--config", file, *options, "--", *command, SHOP_PASSWORD=PASSWORD, GOOD_FOR=str(good_for))


@pytest.mark.parametrize("settings", [JSON, FORM], ids=["json", "form"])
def test_a_leak_behind_a_login_is_named(settings: str, tmp_path: Path) -> None:
    """With a token of an answer in JSON, and with the cookie of a form that has a CSRF token."""
    found = checked(tmp_path, settings, "--request", "GET /orders/9", "--html", str(tmp_path / "page.html"))
    leak = found.path("GET /orders/9 404")
    assert leak["verdict"] == "leaks"
    assert leak["cause"]["type"] == "guarded.NoSuchOrderError"
    assert found.status == Status.LEAKS


@pytest.mark.parametrize("settings", [JSON, f'{JSON}keep = "data.token"', FORM], ids=["token", "field", "form"])
def test_what_is_behind_a_login_is_found(settings: str, tmp_path: Path) -> None:
    """Beside what is refused without one."""
    found = checked(tmp_path, settings, "--list", "--include", "/orders/*")
    assert "GET /orders/{number} 404" in found.out
    assert "GET /orders/{number} 401" in found.out
    assert f"logged in by POST {'/login' if settings == FORM else '/auth/token'}\n" in found.err
    assert PASSWORD not in found.out + found.err
