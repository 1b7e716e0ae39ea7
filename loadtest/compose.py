"""The Compose demo: the lab with Prometheus and Grafana, under Docker Compose. `make up` and `make down`.

Whatever would stop it half-way is checked first, and reported in one line with the setting to change. Standard library
only: with Docker and Python, nothing has to be installed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import webbrowser
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from loadtest import HEADLINE
from loadtest.ports import is_free
from sadpath.errors import CommandError, Status

MIB = 2**20
LEAST_LIMIT = 96 * MIB
"""An arm has about 57 MiB when it starts; with less than this the kernel would kill both, and show nothing."""

BESIDE_THE_ARMS = 1024 * MIB
"""What Locust with one worker (275 MiB), Prometheus and Grafana have together after an hour, and a margin."""

AT_START = 57 * MIB
RETAINED_PER_RAISE = 22 * 1024
"""Bytes that a raise of the reused error retains besides the context, on CPython 3.13 with Starlette 1.10.0."""

WAIT_S = 300
TWINS = Path("service/twins")

QUERY = "/api/datasources/proxy/uid/prometheus/api/v1/query?query=up"
"""The health check in docker-compose.yml asks the same. A query that finds nothing yet is a success too."""

QUERY_TIMEOUT_S = 10.0
LONGEST_REASON = 200
GRAFANA_LOGS = "docker compose logs grafana"
NO_PROMETHEUS = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
"""What Grafana answers when it is Prometheus that does not."""


@dataclass(frozen=True)
class ComposeSettings:
    """What docker-compose.yml and .env ask for. Memory in bytes, the rate in requests a second for each arm."""

    ports: dict[str, int]
    limit: int
    rate: float
    context_kb: int
    warm_up_s: float
    arms: int = 2
    twin: str = HEADLINE

    @property
    def seconds_to_the_kill(self) -> float:
        """About how long after the load's start the leaking arm of the headline reaches its limit."""
        retained_a_second = self.rate * (RETAINED_PER_RAISE + self.context_kb * 1024)
        return self.warm_up_s + (self.limit - AT_START) / retained_a_second


def settings_of(config: dict[str, Any]) -> ComposeSettings:
    """Pick what we need from the output of `docker compose config --format json`. Raises `CommandError`."""
    services = config["services"]
    load = services["locust"]["environment"]
    settings = ComposeSettings(
        ports={name: int(ports[0]["published"]) for name, one in services.items() if (ports := one.get("ports"))},
        limit=int(services["reused"]["mem_limit"]),
        rate=_number("DEMO_RATE", load["DEMO_RATE"]),
        context_kb=int(_number("DEMO_CONTEXT_KB", load["DEMO_CONTEXT_KB"])),
        warm_up_s=_number("DEMO_WARM_UP", load["SADPATH_WARM_UP"]),
        twin=load["TWIN"],
        arms=sum("LAB_ARM" in (one.get("environment") or ()) for one in services.values()),
    )
    if settings.twin not in (twins := known_twins()):
        raise CommandError(f"unknown twin {settings.twin!r}; set TWIN to one of {', '.join(twins)}")
    if settings.rate <= 0:
        raise CommandError(f"a rate of {settings.rate:g} sends no requests; set DEMO_RATE=100")
    return settings


def known_twins(folder: Path = TWINS) -> list[str]:
    """Return the names of the twins, by their modules: no service runs yet that could be asked."""
    modules = [path for path in sorted(folder.glob("*.py")) if "TWIN = Twin(" in path.read_text(encoding="utf-8")]
    return [path.stem.replace("_", "-") for path in modules]


def _number(setting: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise CommandError(f"expected a number, got {setting}={value}; .env.example shows one") from None


def check_memory(settings: ComposeSettings, memory: int) -> None:
    """Check that the arms can run, and that `memory`, the engine's, is enough. Raises `CommandError`."""
    if settings.limit < LEAST_LIMIT:
        raise CommandError(
            f"an arm does not start in {settings.limit // MIB} MiB; "
            f"give it {LEAST_LIMIT // MIB} or more, as in DEMO_MEMORY_LIMIT_MB=256"
        )
    needed = settings.arms * settings.limit + BESIDE_THE_ARMS
    if memory < needed:
        raise CommandError(
            f"the engine has {memory // MIB} MiB of memory; {settings.arms} arms of {settings.limit // MIB} MiB, "
            f"Locust, Prometheus and Grafana need {needed // MIB}; "
            "give the engine more, or the arms less with DEMO_MEMORY_LIMIT_MB=128"
        )


def check_ports(settings: ComposeSettings, ours: set[int]) -> None:
    """Check that our ports are free; `ours` are those of a demo that is up. Raises `CommandError`."""
    for service, port in settings.ports.items():
        if port not in ours and not is_free(port):
            name = "DEMO_PORT" if service == "locust" else f"DEMO_{service.upper()}_PORT"
            raise CommandError(f"port {port}, for {service}, is in use; set another: {name}={port + 10000}")


def up() -> None:
    """Check, build, start, wait until all is healthy, query once, and print what to look at. Raises `CommandError`."""
    memory = _engine_memory()
    settings = settings_of(json.loads(_compose("config", "--format", "json")))
    ours = _own_ports()
    check_ports(settings, ours)
    if not ours:
        check_memory(settings, memory)
    command = ["docker", "compose", "up", "--build", "--detach", "--wait", "--wait-timeout", str(WAIT_S)]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own command
        raise CommandError(_why_not_up(settings))
    if reason := why_no_query(settings.ports["grafana"]):
        raise CommandError(reason)
    sys.stdout.write(what_to_look_at(settings))
    if os.environ.get("DEMO_OPEN", "0") not in {"", "0"} and not webbrowser.open(page_of(settings)):
        sys.stdout.write("No browser was found: open the live page yourself.\n")


def down() -> None:
    """Stop everything and remove the containers, the network and the volume. Raises `CommandError`."""
    _engine_memory()
    command = ["docker", "compose", "--profile", "*", "down", "--volumes", "--remove-orphans"]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own command
        raise CommandError("not everything was removed; see above")
    sys.stdout.write(
        "Everything is removed but the images, for the next time, and Locust's report. To remove the images:\n"
        "  docker image rm sadpath-service sadpath-loadtest\n"
    )


def page_of(settings: ComposeSettings) -> str:
    """Return the address of the live page."""
    return f"http://127.0.0.1:{settings.ports['locust']}/sadpath"


def what_to_look_at(settings: ComposeSettings) -> str:
    """Return what to print once the demo is up."""
    address = {service: f"http://127.0.0.1:{port}" for service, port in settings.ports.items()}
    leaky = "reused, which leaks" if settings.twin == HEADLINE else f"the leaky variant of {settings.twin}"
    fixed = "factory, which is flat" if settings.twin == HEADLINE else "its fixed variant"
    return f"""
The Compose demo is up: two copies of one service under the same load, {settings.rate:g} requests per second each.

  {page_of(settings):<30} the live page: show this
  {address["grafana"]:<30} Grafana: or this
  {address["locust"]:<30} Locust
  {address["prometheus"]:<30} Prometheus
  {address["reused"]:<30} {leaky}
  {address["factory"]:<30} {fixed}

{_what_will_happen(settings)} make down stops it and leaves Locust's report in reports/compose.
"""


def _what_will_happen(settings: ComposeSettings) -> str:
    """Return what to wait for: for the headline it was measured; for another twin the catalogue has it."""
    if settings.twin != HEADLINE:
        address = f"http://127.0.0.1:{settings.ports['reused']}/twins/{settings.twin}"
        return (
            f"They raise the errors of the twin {settings.twin};\n{address} describes its leaky and its fixed variant."
        )
    return (
        f"The memory of reused grows at once; about {settings.seconds_to_the_kill:.0f} s after the load's start it "
        f"reaches {settings.limit // MIB} MiB, is killed\nand is restarted. The memory of factory stays flat."
    )


def _engine_memory() -> int:
    """Return the engine's memory in bytes. Raises `CommandError` if no engine answers, or it refuses us."""
    try:
        asked = _run("docker", "info", "--format", "{{.MemTotal}}")
    except FileNotFoundError:
        raise CommandError(
            "no docker command found; install Docker, or type make demo, which does not need it"
        ) from None
    if "permission denied" in asked.stderr:
        raise CommandError("the Docker engine denies you access; type sudo usermod -aG docker $USER and log in again")
    if asked.returncode or not int(asked.stdout or 0):
        raise CommandError(
            "no Docker engine answers; start Docker Desktop, or type sudo systemctl start docker, or set DOCKER_HOST"
        )
    if _run("docker", "compose", "version").returncode:
        raise CommandError("docker compose is missing; install Docker's Compose plugin, version 2.20 or later")
    return int(asked.stdout)


def _own_ports() -> set[int]:
    """Return the ports that a demo which is up has published: `make up` may be typed again."""
    listed = _compose("ps", "--format", "json").strip()
    # A list until Compose 2.20, and one object a line since.
    containers = json.loads(listed) if listed.startswith("[") else [json.loads(line) for line in listed.splitlines()]
    return {port["PublishedPort"] for container in containers for port in container["Publishers"] or ()}


def _why_not_up(settings: ComposeSettings) -> str:
    """Return which containers are unhealthy. A Grafana that runs is asked what its health check asked."""
    unwell = _compose("ps", "--all", "--format", "{{.Service}} {{.Status}}").splitlines()
    bad = [line for line in unwell if "(healthy)" not in line and "Exited (0)" not in line]
    if any(line.startswith("grafana Up") for line in bad) and (reason := why_no_query(settings.ports["grafana"])):
        return reason
    names = "unhealthy: " + "; ".join(bad) if bad else "docker compose up failed"
    return f"{names}; see docker compose logs, and make down removes what was started"


def _compose(*command: str) -> str:
    """Run a Compose command, and return its output. Raises `CommandError` with its reason."""
    asked = _run("docker", "compose", *command)
    if asked.returncode:
        reason = [line for line in asked.stderr.splitlines() if line.strip()]
        raise CommandError(
            f"{reason[-1] if reason else 'docker compose failed'}; check .env; .env.example shows the settings"
        )
    return asked.stdout


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own command


@dataclass(frozen=True)
class GrafanaAnswer:
    """What Grafana answered. The content is empty where it is not a JSON object."""

    status: int
    phrase: str
    content: dict[str, Any]

    @property
    def is_success(self) -> bool:
        """Whether Prometheus has answered the query."""
        return self.status == HTTPStatus.OK and self.content.get("status") == "success"

    @property
    def reason(self) -> str:
        """The reason that Grafana, or Prometheus, gives: one short line, empty without one."""
        reason = self.content.get("message") or self.content.get("error") or ""
        identifier = f" ({self.content['messageId']})" if self.content.get("messageId") else ""
        return " ".join(str(reason).split())[:LONGEST_REASON] + identifier

    @property
    def lacks_plugin(self) -> bool:
        """Whether Grafana knows the data source, and lacks its plugin."""
        return self.status == HTTPStatus.NOT_FOUND and "plugin" in self.reason.lower()


def why_no_query(port: int, timeout_s: float = QUERY_TIMEOUT_S) -> str | None:
    """Return in one line why Grafana on this `port` cannot query Prometheus, and what to type; None if it can.

    One query through its data source, as the panels ask. /api/health does not cover it: since 13.2 the data source is a
    plugin, and a Grafana that has lost it is up, with all panels empty (grafana/grafana#132528).
    """
    try:
        answer = _query(port, timeout_s)
    except TimeoutError:
        return f"Grafana did not answer a query of Prometheus within {timeout_s:g} s; type {GRAFANA_LOGS}"
    except (OSError, HTTPException):
        return f"Grafana does not answer on port {port}; type {GRAFANA_LOGS}"
    if answer.is_success:
        return None
    reason = answer.reason or "which is not an answer of Prometheus"
    what = f"Grafana is up, but cannot query Prometheus: it answered {answer.status} {answer.phrase}, {reason}"
    return f"{what}; {_what_to_type(answer)}"


def _query(port: int, timeout_s: float) -> GrafanaAnswer:
    """Ask as the anonymous Viewer. Follows no redirect, uses no proxy. Raises `OSError` or `HTTPException`."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=timeout_s)) as connection:
        connection.request("GET", QUERY)
        response = connection.getresponse()
        return GrafanaAnswer(response.status, response.reason, _object(response.read()))


def _object(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _what_to_type(answer: GrafanaAnswer) -> str:
    if answer.lacks_plugin:
        return f"its Prometheus plugin is not loaded: type make down, then make up; {GRAFANA_LOGS} shows why"
    return "type docker compose logs prometheus" if answer.status in NO_PROMETHEUS else f"type {GRAFANA_LOGS}"


def main(arguments: Sequence[str]) -> None:
    """Run `up` or `down`. Raises `CommandError`."""
    parser = argparse.ArgumentParser("python -m loadtest", epilog="All other commands need what `make demo` installs.")
    parser.add_argument(
        "command", choices=COMMANDS, help="start or stop the Compose demo; .env.example has its settings"
    )
    name = parser.parse_args(arguments).command
    if not Path("docker-compose.yml").exists():
        raise CommandError("no docker-compose.yml here; change to the root of the repository", Status.WRONG_COMMAND)
    COMMANDS[name]()


COMMANDS = {"up": up, "down": down}
