"""`sadpath check --writes` on released libraries that leak on an error path behind the body of a POST.

The service around each is of ten lines, in services/posted. Nothing but `--writes` is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.errors import Status
from tests.check.conftest import HERE, check
from tests.check.environments import environment

pytestmark = pytest.mark.slow

SERVICES = HERE / "services" / "posted"
UVICORN = "{bin}/uvicorn %s:app --port {port} --no-access-log"
SCRIPT = "{bin}/python %s.py {port}"


@dataclass(frozen=True)
class Posted:
    """A service and the Python and the packages that it needs; `leaks` is the error path that does."""

    leaks: str
    service: str
    python: str
    packages: tuple[str, ...]
    command: str = UVICORN


FASTAPI = ("fastapi", "uvicorn")
LIBRARIES = {
    "orjson": Posted("POST /items 409", "orjson_labels", "3.11", ("orjson==3.9.0", *FASTAPI)),
    "ujson": Posted("POST /notes 507", "ujson_notes", "3.12", ("ujson==5.12.0", "flask"), SCRIPT),
    "pydantic": Posted("POST /users 409", "pydantic_users", "3.12", ("pydantic==2.9.2", *FASTAPI)),
    "graphql-core": Posted(
        "POST /orders/search 404", "graphql_orders", "3.9", ("graphql-core==2.0", "rx<3", "flask"), SCRIPT
    ),
    "openapi-spec-validator": Posted(
        "POST /documents 409", "openapi_documents", "3.12", ("openapi-spec-validator==0.9.0", *FASTAPI)
    ),
    "python-socketio": Posted(
        "POST /sessions 401",
        "socketio_sessions",
        "3.9",
        ("python-socketio==1.8.1", "python-engineio<2", "flask"),
        SCRIPT,
    ),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_leak_behind_a_body_is_found_with_writes_alone(library: str, tmp_path: Path) -> None:
    """No request is named, and no body."""
    one = LIBRARIES[library]
    commands = environment(tmp_path, one.python, *one.packages)
    words = (one.command % one.service).format(bin=commands, port=free_port()).split()
    found = check(tmp_path, "--writes", "--yes", "--budget", "60", "--", *words, cwd=SERVICES)
    assert found.status == Status.LEAKS, found.out + found.err
    assert one.leaks in [f"{leak['method']} {leak['path']} {leak['status']}" for leak in leaking(found.summary)]


def leaking(summary: dict[str, object]) -> list[dict[str, object]]:
    """The paths that leak."""
    paths = summary["paths"]
    assert isinstance(paths, list)
    return [path for path in paths if path["verdict"] == "leaks"]
