"""`sadpath check` on released software: libraries that raise a constant, their fixed releases, and two Starlettes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadtest.ports import free_port
from sadpath.errors import Status
from tests.check.conftest import HERE, Checked, check
from tests.check.environments import environment

pytestmark = pytest.mark.slow

RUNNING = "{}.{}".format(*sys.version_info)
SERVICES = HERE / "services"

Checks = Callable[..., Checked]


@pytest.fixture
def checks(tmp_path: Path) -> Checks:
    """Checks a command in an environment that has these packages."""

    def run(packages: list[str], *command: str, options: tuple[str, ...]) -> Checked:
        commands = environment(tmp_path, RUNNING, *packages)
        words = [word.format(bin=commands, port=free_port()) for word in command]
        return check(tmp_path, "--budget", "30", *options, "--", *words, cwd=SERVICES)

    return run


def blamed(found: Checked) -> dict[str, Any]:
    """The cause of the only leak."""
    (leak,) = [one for one in found.summary["paths"] if one["verdict"] == "leaks"]
    return dict(leak["cause"])


def test_pyserial_3_4_leaks(checks: Checks) -> None:
    """Its `portNotOpenError` is one object for all."""
    script = ("{bin}/python", "libraries.py", "{port}")
    found = checks(["pyserial==3.4"], *script, options=("--request", "GET /port"))
    assert found.status == Status.LEAKS
    assert blamed(found)["held_by"].startswith("serial.serialutil.portNotOpenError")
    assert blamed(found)["message"] == "Attempting to use a port that is not open"
    sites = [site["function"] for site in blamed(found)["raised_at"]]
    assert sites == ["read_a_port", "Serial.read"]


@pytest.mark.exhaustive
def test_pyserial_3_5_is_flat(checks: Checks) -> None:
    """It constructs a `PortNotOpenError` where it raises."""
    script = ("{bin}/python", "libraries.py", "{port}")
    found = checks(["pyserial==3.5"], *script, options=("--request", "GET /port"))
    assert (found.status, found.summary["verdict"]) == (Status.OK, "flat")


@pytest.mark.exhaustive
def test_pickledb_0_9_2_leaks(checks: Checks) -> None:
    """Its `key_string_error` is an attribute of its class."""
    script = ("{bin}/python", "libraries.py", "{port}")
    found = checks(["pickledb==0.9.2"], *script, options=("--request", "GET /key"))
    assert found.status == Status.LEAKS
    assert blamed(found)["held_by"].startswith("pickledb.PickleDB.key_string_error")


@pytest.mark.parametrize(
    ("starlette", "status"), [("1.9.0", Status.LEAKS), pytest.param("1.10.0", Status.OK, marks=pytest.mark.exhaustive)]
)
def test_a_module_level_http_exception_leaks_before_starlette_1_10(
    starlette: str, status: Status, checks: Checks
) -> None:
    """Since then the framework removes the traceback, and the report says so."""
    packages = ["fastapi", f"starlette=={starlette}", "uvicorn"]
    command = ("{bin}/uvicorn", "fast:app", "--port", "{port}")
    found = checks(packages, *command, options=("--include", "/items/*"))
    assert found.status == status, found.out + found.err
    assert found.summary["environment"]["starlette"] == starlette
    if status == Status.LEAKS:
        assert blamed(found)["held_by"] == "fast.NOT_FOUND"
        assert "since 1.10.0 it removes the traceback" in blamed(found)["details"][-1]
