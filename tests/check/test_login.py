"""What is behind a login is found and measured, with `[auth]` in sadpath.toml."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.errors import Status
from tests.check.answering import serving
from tests.check.conftest import HERE, Checked, check
from tests.check.environments import environment
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
    written = [(tmp_path / name).read_text() for name in ("check.json", "page.html")]
    assert not any(secret in text for secret in (PASSWORD, "t0ken-") for text in (found.out, found.err, *written))


@pytest.mark.slow
def test_a_token_that_runs_out_is_renewed_while_a_path_is_measured(tmp_path: Path) -> None:
    """As often as needed; each round has all its answers."""
    found = checked(tmp_path, JSON, "--request", "GET /orders/9", "--request", "GET /invoices/9", good_for=75)
    assert found.path("GET /orders/9 404")["verdict"] == "leaks"
    assert found.path("GET /invoices/9 404")["requests"] > 75


def test_a_stranger_gets_no_password(tmp_path: Path) -> None:
    """As where another service listens on the port."""
    (tmp_path / "sadpath.toml").write_text(JSON)
    elsewhere = [sys.executable, "-c", "import time; time.sleep(600)"]
    with serving() as server, subprocess.Popen(elsewhere) as measured:
        try:
            options = ("--pid", str(measured.pid), "--config", tmp_path / "sadpath.toml")
            found = check(tmp_path, server.url, *options, SHOP_PASSWORD=PASSWORD)
        finally:
            measured.kill()
    assert found.status == Status.INCONCLUSIVE
    assert f"go to process {os.getpid()} (" in found.err
    assert not any(PASSWORD.encode() in head for head in server.heads)


def test_a_wrong_password_is_one_line(tmp_path: Path) -> None:
    """Before anything is looked for; it is not shown."""
    found = checked(tmp_path, JSON.replace("${SHOP_PASSWORD}", "wr0ng-password"), "--list")
    says = "sadpath: [auth]: POST /auth/token was answered with 401; see whether the user and the password are right\n"
    assert (found.status, found.out) == (Status.WRONG_COMMAND, "")
    assert found.err.endswith(says)


@pytest.mark.parametrize("settings", [JSON, f'{JSON}keep = "data.token"', FORM], ids=["token", "field", "form"])
def test_what_is_behind_a_login_is_found(settings: str, tmp_path: Path) -> None:
    """Beside what is refused without one."""
    found = checked(tmp_path, settings, "--list", "--include", "/orders/*")
    assert "GET /orders/{number} 404" in found.out
    assert "GET /orders/{number} 401" in found.out
    assert f"logged in by POST {'/login' if settings == FORM else '/auth/token'}\n" in found.err
    assert PASSWORD not in found.out + found.err


@pytest.mark.slow
def test_a_leak_behind_djangos_own_login_is_named(tmp_path: Path) -> None:
    """Its form has a CSRF token that another takes the place of with the login, and a page sends others to it."""
    settings = '[auth]\npath = "/accounts/login/"\ncsrf = "/accounts/login/"\n'
    form = 'form = { username = "me", password = "${SHOP_PASSWORD}" }\n'
    (tmp_path / "sadpath.toml").write_text(settings + form)
    python = environment(tmp_path, "3.12", "django") / "python"
    requests = ("--request", "GET /orders/9", "--request", "POST /orders")
    command = ["--", str(python), "accounts.py", str(free_port())]
    options = ("--config", tmp_path / "sadpath.toml", *requests, "--budget", "20")
    found = check(tmp_path, *options, *command, cwd=HERE / "services", SHOP_PASSWORD=PASSWORD)
    assert found.path("GET /orders/9 404")["cause"]["type"].endswith("NoSuchOrder")
    assert found.path("POST /orders 409")
