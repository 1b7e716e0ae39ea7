"""`sadpath check` on the servers that people start, in environments and on Pythons other than ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes.util import find_library
from pathlib import Path

import pytest

from experiments.pythons import LAB, NEWEST, PROBE
from loadtest.ports import free_port
from sadpath.check.service.listening import is_taken
from sadpath.errors import Status
from tests.check.conftest import HERE, Checked, check
from tests.check.environments import environment
from tests.representatives import some
from tests.required import missing
from tests.waiting import until

pytestmark = pytest.mark.slow

SERVICES = HERE / "services"
SERVERS = ["uvicorn", "gunicorn", "gevent", "packaging", "hypercorn", "granian", "waitress", "flask", "django"]
OLDEST, ATTACHES = PROBE[0], "3.14"
"""The oldest Python that takes a probe, and the first to which one can be attached."""

COMMANDS = {
    "uvicorn": "{bin}/uvicorn plain:asgi --port {port}",
    "uvicorn with workers": "{bin}/uvicorn plain:asgi --port {port} --workers 2 --no-access-log",
    "uvicorn that reloads": "{bin}/uvicorn plain:asgi --port {port} --reload",
    "gunicorn": "{bin}/gunicorn plain:wsgi --bind 127.0.0.1:{port}",
    "gunicorn with workers": "{bin}/gunicorn plain:wsgi --workers 3 --bind 127.0.0.1:{port}",
    "gunicorn that forks the app": "{bin}/gunicorn plain:wsgi --workers 2 --preload --bind 127.0.0.1:{port}",
    "gunicorn that freezes the app": "{bin}/gunicorn plain:wsgi --config frozen.py --bind 127.0.0.1:{port}",
    "gunicorn with threads": "{bin}/gunicorn plain:wsgi --worker-class gthread --threads 4 --bind 127.0.0.1:{port}",
    "gunicorn with gevent": "{bin}/gunicorn plain:wsgi --worker-class gevent --bind 127.0.0.1:{port}",
    "gunicorn with uvicorn": "{bin}/gunicorn plain:asgi -k uvicorn.workers.UvicornWorker --bind 127.0.0.1:{port}",
    "hypercorn": "{bin}/hypercorn plain:asgi --bind 127.0.0.1:{port}",
    "granian, ASGI": "{bin}/granian plain:asgi --interface asgi --port {port}",
    "granian, WSGI": "{bin}/granian plain:wsgi --interface wsgi --port {port}",
    "waitress": "{bin}/waitress-serve --listen=127.0.0.1:{port} plain:wsgi",
    "a script": "{bin}/python plain.py {port}",
    "a module": "{bin}/python -m uvicorn plain:asgi --port {port}",
    "a wrapper": "env SOME=thing {bin}/python plain.py {port}",
    "a shell": "sh -c '{bin}/python plain.py {port}; true'",
    "uv run": "{uv} run --no-project --python {bin}/python plain.py {port}",
}


FEW = ["a script", "uvicorn", "gunicorn with workers"]


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the environments that are made."""
    return tmp_path_factory.mktemp("environments")


def words(command: str, commands: Path, port: int) -> list[str]:
    """The words of a command, as a shell would split them."""
    uv = Path(sys.executable).with_name("uv")
    parts = command.format(bin=commands, port=port, uv=uv).split("'")
    return [word for i, part in enumerate(parts) for word in ([part] if i % 2 else part.split())]


def checked(folder: Path, command: Sequence[str], *options: str) -> Checked:
    """Check one of our services there."""
    return check(folder, "--budget", "40", *options, "--", *command, cwd=SERVICES, PYTHONPATH=str(SERVICES))


def assert_that_it_leaks(found: Checked, holder: str = "plain.Errors.refused") -> None:
    """The constant is named, and its twin is flat."""
    assert found.status == Status.LEAKS, found.err
    leak = found.path("GET /leak 403")
    assert (leak["verdict"], leak["cause"]["kind"]) == ("leaks", "reused exception")
    assert holder in (leak["cause"]["held_by"], leak["cause"]["held_by"].replace("__main__", "plain"))
    assert leak["cause"]["raised_at"][0]["source"] == "raise Errors.refused"
    assert found.path("GET /fresh 403")["verdict"] == "flat"


@pytest.mark.parametrize("name", some(COMMANDS, on_every_change=["uvicorn with workers", "gunicorn"]))
def test_a_server_is_started_with_the_probe_in_it(name: str, environments: Path, tmp_path: Path) -> None:
    """In an environment of its own, on the newest Python."""
    command = words(COMMANDS[name], environment(environments, NEWEST, *SERVERS), free_port())
    assert_that_it_leaks(checked(tmp_path, command, "--request", "GET /leak", "--request", "GET /fresh"))


def test_a_server_with_another_malloc_is_measured_in_pages(tmp_path: Path) -> None:
    """With jemalloc preloaded glibc counts nothing. The same is found, with more requests."""
    library = find_library("jemalloc") or missing("jemalloc", "apt-get install libjemalloc2")
    command = ["env", f"LD_PRELOAD={library}", sys.executable, "plain.py", str(free_port())]
    found = checked(tmp_path, command, "--request", "GET /leak", "--request", "GET /fresh")
    assert_that_it_leaks(found)
    assert found.path("GET /fresh 403")["requests"] > 1000  # with glibc: 150


@pytest.mark.exhaustive
def test_workers_that_are_replaced_all_the_time(environments: Path, tmp_path: Path) -> None:
    """Each lives for some hundred requests: a traceback convicts all the same, the drift of a cold process does not."""
    command = words(COMMANDS["gunicorn"], environment(environments, NEWEST, *SERVERS), free_port())
    options = ["--request", "GET /leak", "--request", "GET /fresh", "--budget", "12"]
    found = checked(tmp_path, [*command, "--max-requests", "130"], *options)
    assert found.path("GET /leak 403")["cause"]["held_by"] == "plain.Errors.refused"
    assert found.path("GET /fresh 403")["verdict"] in ("flat", "inconclusive")
    assert sum(one["restarts"] for one in found.summary["paths"]) > 0


@pytest.mark.parametrize("version", some(PROBE[:-1], on_every_change=[OLDEST]))
@pytest.mark.parametrize("name", some(FEW, on_every_change=["uvicorn"]))
def test_a_server_on_another_python(name: str, version: str, environments: Path, tmp_path: Path) -> None:
    """From 3.9 on."""
    command = words(COMMANDS[name], environment(environments, version, "uvicorn", "gunicorn"), free_port())
    assert_that_it_leaks(checked(tmp_path, command, "--request", "GET /leak", "--request", "GET /fresh"))


@pytest.mark.parametrize(
    ("command", "status", "holder"),
    [
        ("{bin}/flask --app flasked run --port {port}", 410, "flasked.GONE"),
        pytest.param(
            "{bin}/flask --app flasked run --debug --port {port}", 410, "flasked.GONE", marks=pytest.mark.exhaustive
        ),
        ("{bin}/python manage.py runserver {port}", 403, "manage.DENIED and __main__.DENIED"),
        pytest.param(
            "{bin}/gunicorn manage:application --bind 127.0.0.1:{port}",
            403,
            "manage.DENIED",
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_a_service_without_a_description_is_read_from_its_routes(
    command: str, status: int, holder: str, environments: Path, tmp_path: Path
) -> None:
    """Of Flask and Django."""
    commands = environment(environments, NEWEST, *SERVERS)
    found = checked(tmp_path, words(command, commands, free_port()), "--exclude", "/static/*")
    leaks = {one["path"] for one in found.summary["paths"] if one["verdict"] == "leaks"}
    assert leaks == {"/leak/{item}"}
    leak = found.path(f"GET /leak/{{item}} {status}")
    assert leak["cause"]["held_by"] == holder
    assert "routes were read in the running app" in found.out


@contextmanager
def running(command: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A service that somebody has started."""
    process = subprocess.Popen(command, cwd=SERVICES, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(lambda: is_taken(port), 300, "it listens")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(300)


@pytest.mark.parametrize("version", some(LAB[LAB.index(ATTACHES) :], on_every_change=[NEWEST]))
@pytest.mark.parametrize("name", some(["a script", "gunicorn with workers"], on_every_change=["a script"]))
def test_a_probe_is_attached_to_a_service_that_runs(
    name: str, version: str, environments: Path, tmp_path: Path
) -> None:
    """And taken off in the end: the service runs on, and may be checked again."""
    if Path("/proc/sys/kernel/yama/ptrace_scope").exists() and os.getuid():
        missing("ptrace", "run as root, or allow ptrace")
    port = free_port()
    command = words(COMMANDS[name], environment(environments, version, "uvicorn", "gunicorn"), port)
    with running(command, port) as service:
        options = ["--request", "GET /leak", "--request", "GET /fresh", "--budget", "40", "--pid", str(service.pid)]
        for _ in range(2):
            assert_that_it_leaks(check(tmp_path, *options, f"http://127.0.0.1:{port}"))
        assert service.poll() is None


def test_a_service_that_runs_on_an_older_python_is_measured_from_outside(tmp_path: Path) -> None:
    """The report says which Python it would take."""
    port = free_port()
    with running([sys.executable, "plain.py", str(port)], port) as service:
        options = ["--request", "GET /leak", "--budget", "10", "--pid", str(service.pid)]
        found = check(tmp_path, *options, f"http://127.0.0.1:{port}")
    if sys.version_info >= (3, 14):
        assert found.summary["probe"]
    else:
        assert "a probe attaches to 3.14 and later; let us start it: sadpath check -- COMMAND" in found.out
        assert found.path("GET /leak 403")["verdict"] in ("leaks", "inconclusive")
