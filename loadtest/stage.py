"""Bring the lab up on a stage, under Docker Compose: `make up` and `make down`.

Whatever would stop it half-way is looked for first, and said in one line with what to set. The standard library only:
who has Docker need not install anything else.

Exit status: 0 it is up · 2 the command is wrong · 4 it could not be brought up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest import HEADLINE
from loadtest.arms import is_free
from loadtest.data_source import why_no_query

MIB = 2**20
LEAST_LIMIT = 96 * MIB
"""An arm has about 57 MiB when it starts; with less than this the kernel would kill both, and show nothing."""

BESIDE_THE_ARMS = 1024 * MIB
"""What Locust with one worker (275 MiB), Prometheus and Grafana have together after an hour, and some air."""

AT_START = 57 * MIB
KEPT_PER_RAISE = 22 * 1024
"""Bytes that a raise of the reused error keeps beside the context: measured on CPython 3.13 with Starlette 1.10.0."""

WAIT_S = 300
TWINS = Path("service/twins")
FAILED, WRONG = 4, 2


class NotReady(Exception):  # noqa: N818 - for the person at the terminal
    """The lab cannot be brought up; the message says why, and what to set."""


@dataclass(frozen=True)
class Stage:
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
        kept_a_second = self.rate * (KEPT_PER_RAISE + self.context_kb * 1024)
        return self.warm_up_s + (self.limit - AT_START) / kept_a_second


def stage_of(config: dict[str, Any]) -> Stage:
    """Pick what we need from the output of `docker compose config --format json`. Raises `NotReady`."""
    services = config["services"]
    load = services["locust"]["environment"]
    stage = Stage(
        ports={name: int(ports[0]["published"]) for name, one in services.items() if (ports := one.get("ports"))},
        limit=int(services["reused"]["mem_limit"]),
        rate=_number("STAGE_RATE", load["LOCUST_RATE"]),
        context_kb=int(_number("STAGE_CONTEXT_KB", load["LOCUST_CONTEXT_KB"])),
        warm_up_s=_number("STAGE_WARM_UP", load["SADPATH_WARM_UP"]),
        twin=load["LOCUST_TWIN"],
        arms=sum("LAB_ARM" in (one.get("environment") or ()) for one in services.values()),
    )
    if stage.twin not in (twins := known_twins()):
        raise NotReady(f"there is no twin {stage.twin!r} for STAGE_TWIN; there are {', '.join(twins)}")
    if stage.rate <= 0:
        raise NotReady(f"a rate of {stage.rate:g} loads nothing; set STAGE_RATE=100")
    return stage


def known_twins(folder: Path = TWINS) -> list[str]:
    """Return the twins that there are, by their modules: no service runs yet that could be asked."""
    modules = [path for path in sorted(folder.glob("*.py")) if "TWIN = Twin(" in path.read_text(encoding="utf-8")]
    return [path.stem.replace("_", "-") for path in modules]


def _number(knob: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise NotReady(f"{knob}={value} is no number; .env.example shows one") from None


def check_memory(stage: Stage, memory: int) -> None:
    """Check that the arms can run, and that `memory`, the engine's, is enough. Raises `NotReady`."""
    if stage.limit < LEAST_LIMIT:
        raise NotReady(
            f"an arm does not start in {stage.limit // MIB} MiB; "
            f"give it {LEAST_LIMIT // MIB} or more, as in STAGE_MEMORY_LIMIT=256m"
        )
    needed = stage.arms * stage.limit + BESIDE_THE_ARMS
    if memory < needed:
        raise NotReady(
            f"the engine has {memory // MIB} MiB of memory, and {stage.arms} arms of {stage.limit // MIB} MiB with all "
            f"that is beside them need {needed // MIB}; "
            "give the engine more, or the arms less with STAGE_MEMORY_LIMIT=128m"
        )


def check_ports(stage: Stage, ours: set[int]) -> None:
    """Check that nobody else listens on our ports; `ours` are those of a lab that is up. Raises `NotReady`."""
    for service, port in stage.ports.items():
        if port not in ours and not is_free(port):
            raise NotReady(
                f"port {port}, for {service}, is taken; set another: STAGE_{service.upper()}_PORT={port + 10000}"
            )


def up() -> None:
    """Check, build, start, wait until all is healthy, query once, and say what to look at. Raises `NotReady`."""
    memory = _engine_memory()
    stage = stage_of(json.loads(_compose("config", "--format", "json")))
    ours = _own_ports()
    check_ports(stage, ours)
    if not ours:
        check_memory(stage, memory)
    command = ["docker", "compose", "up", "--build", "--detach", "--wait", "--wait-timeout", str(WAIT_S)]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own command
        raise NotReady(_why_not_up(stage))
    if reason := why_no_query(stage.ports["grafana"]):
        raise NotReady(reason)
    sys.stdout.write(what_to_look_at(stage))


def down() -> None:
    """Stop everything and remove the containers, the network and the volume. Raises `NotReady`."""
    _engine_memory()
    command = ["docker", "compose", "--profile", "*", "down", "--volumes", "--remove-orphans"]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own command
        raise NotReady("not everything was removed; see above")
    sys.stdout.write(
        "All is removed but the images, for the next time, and Locust's report. The images too:\n"
        "  docker image rm sadpath-service sadpath-loadtest\n"
    )


def what_to_look_at(stage: Stage) -> str:
    """Return what to say once the lab is up."""
    address = {service: f"http://127.0.0.1:{port}" for service, port in stage.ports.items()}
    leaky = "the arm that leaks" if stage.twin == HEADLINE else "the leaky variant"
    return f"""
The lab is up: two copies of one service under the same load, {stage.rate:g} requests a second each.

  {address["grafana"]:<24} Grafana: look here
  {address["locust"]:<24} Locust, with the samples at /sadpath
  {address["prometheus"]:<24} Prometheus
  {address["reused"]:<24} {leaky}; {address["factory"]} is its twin

{_what_will_happen(stage)} make down ends it and leaves Locust's report in reports/compose.
"""


def _what_will_happen(stage: Stage) -> str:
    """Return what to wait for: of the headline we have measured it, and of another twin the catalogue tells."""
    if stage.twin != HEADLINE:
        address = f"http://127.0.0.1:{stage.ports['reused']}/twins/{stage.twin}"
        return (
            f"They raise the errors of the twin {stage.twin};\n{address} says what its leaky and its fixed variant do."
        )
    return (
        f"The memory of reused grows at once; about {stage.seconds_to_the_kill:.0f} s after the load's start it "
        f"reaches {stage.limit // MIB} MiB, is killed\nand comes back. That of factory stays where it is."
    )


def _engine_memory() -> int:
    """Return the engine's memory in bytes. Raises `NotReady` if there is no engine, or none that we may ask."""
    try:
        asked = _run("docker", "info", "--format", "{{.MemTotal}}")
    except FileNotFoundError:
        raise NotReady("there is no docker command here; install Docker, or type make demo, which needs none") from None
    if "permission denied" in asked.stderr:
        raise NotReady("the Docker engine does not let you in; type sudo usermod -aG docker $USER and log in again")
    if asked.returncode or not int(asked.stdout or 0):
        raise NotReady(
            "no Docker engine answers; start Docker Desktop, or type sudo systemctl start docker, or set DOCKER_HOST"
        )
    if _run("docker", "compose", "version").returncode:
        raise NotReady("docker has no compose here; install Docker's Compose plugin, version 2.20 or later")
    return int(asked.stdout)


def _own_ports() -> set[int]:
    """Return the ports that a lab which is up has published: `make up` may be typed again."""
    said = _compose("ps", "--format", "json").strip()
    # A list until Compose 2.20, and one object a line since.
    found = json.loads(said) if said.startswith("[") else [json.loads(line) for line in said.splitlines()]
    return {port["PublishedPort"] for container in found for port in container["Publishers"] or ()}


def _why_not_up(stage: Stage) -> str:
    """Return in words which container is not well. Of a Grafana that runs we ask what its health check asked."""
    unwell = _compose("ps", "--all", "--format", "{{.Service}} {{.Status}}").splitlines()
    bad = [line for line in unwell if "(healthy)" not in line and "Exited (0)" not in line]
    if any(line.startswith("grafana Up") for line in bad) and (reason := why_no_query(stage.ports["grafana"])):
        return reason
    names = "not well: " + "; ".join(bad) if bad else "docker compose up failed"
    return f"{names}; see docker compose logs, and make down removes what was started"


def _compose(*command: str) -> str:
    """Ask Compose something, and return what it says. Raises `NotReady` with its reason."""
    asked = _run("docker", "compose", *command)
    if asked.returncode:
        reason = [line for line in asked.stderr.splitlines() if line.strip()]
        raise NotReady(f"{reason[-1] if reason else 'docker compose failed'}; look into .env, as .env.example shows")
    return asked.stdout


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own command


def main(arguments: list[str]) -> int:
    """Do what the command line says, and return the exit status."""
    commands = {"up": up, "down": down}
    if len(arguments) != 1 or arguments[0] not in commands:
        sys.stderr.write("stage: type python -m loadtest.stage up, or down\n")
        return WRONG
    if not Path("docker-compose.yml").exists():
        sys.stderr.write("stage: there is no docker-compose.yml here; go to the root of the repository\n")
        return WRONG
    try:
        commands[arguments[0]]()
    except NotReady as reason:
        sys.stderr.write(f"stage: {reason}\n")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
