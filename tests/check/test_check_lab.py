"""`sadpath check` on the lab, as the README shows it: each leak is named, and nothing else leaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.errors import Status
from tests.check.conftest import Checked, check
from tests.docs.pages import ROOT

pytestmark = pytest.mark.slow

HEADLINE = ["--include", "/reused/*", "--include", "/factory/*"]

LEAKS = {
    "GET /reused/session 401": "service.errors.Errors.invalid_token",
    "GET /reused/users/{user_id} 404": "service.errors.Errors.user_not_found",
    "GET /twins/asgi-middleware/reused 404": "service.errors.Errors.user_not_found",
    "GET /twins/dependency/reused 401": "service.twins.dependency.not_signed_in",
    "GET /twins/endpoint/frames-cleared 409": "service.twins.endpoint.seat_taken",
    "GET /twins/endpoint/reused 409": "service.twins.endpoint.seat_taken",
    "GET /twins/thread-pool/reused 404": "service.twins.thread_pool.report_missing",
    "GET /twins/unhandled/reused 500": "service.twins.unhandled.connection_lost",
    "GET /twins/yield-dependency/cleared-and-raised 423": "service.twins.yield_dependency.row_locked",
    "GET /twins/yield-dependency/reused 423": "service.twins.yield_dependency.row_locked",
}
"""The paths that leak with identical requests on the newest Starlette, and the name of the object."""


def lab(folder: Path, *options: str, **settings: str) -> Checked:
    """Check the lab."""
    command = [str(ROOT / ".venv/bin/uvicorn"), "service.app:app", "--port", str(free_port()), "--no-access-log"]
    return check(folder, *options, "--", *command, cwd=ROOT, **settings)


def verdicts(found: Checked) -> dict[str, str]:
    """Each path's verdict."""
    return {one["name"]: one["verdict"] for one in found.summary["paths"]}


def test_every_leak_is_named_and_nothing_else_leaks(tmp_path: Path) -> None:
    """Of about a hundred error paths."""
    found = lab(tmp_path, "--budget", "120")
    held = {name: found.path(name)["cause"]["held_by"] for name, one in verdicts(found).items() if one == "leaks"}
    assert held == LEAKS
    assert len(found.summary["paths"]) >= 90
    assert found.status == Status.LEAKS


def test_the_headline_leaks_and_its_twin_is_flat(tmp_path: Path) -> None:
    """With the name in service/errors.py, and the raise site in service/lookups.py."""
    found = lab(tmp_path, *HEADLINE)
    cause = found.path("GET /reused/users/{user_id} 404")["cause"]
    assert cause["held_by"] == "service.errors.Errors.user_not_found"
    assert cause["raised_at"][0]["file"].endswith("service/lookups.py")
    assert cause["raised_at"][0]["source"].startswith("raise Errors.user_not_found")
    assert found.path("GET /factory/users/{user_id} 404")["verdict"] == "flat"
    assert found.path("GET /factory/session 401")["verdict"] == "flat"
    assert found.status == Status.LEAKS


def test_with_the_fix_everything_is_flat(tmp_path: Path) -> None:
    """The strategy `factory` raises fresh exceptions at the same routes."""
    found = lab(tmp_path, *HEADLINE, LAB_STRATEGY="factory")
    assert set(verdicts(found).values()) == {"flat"}
    assert found.status == Status.OK
