"""What `make up` checks before anything starts. That it starts is in end_to_end/test_compose.py."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadtest.compose import MIB, ComposeSettings, check_memory, check_ports, settings_of, what_to_look_at
from sadpath.errors import CommandError
from tests.loadtest.grafana_answers import LOST, SUCCESS, grafana_that_answers

ROOT = Path(__file__).parents[2]
GIB = 1024 * MIB
PORTS = {"reused": 8001, "factory": 8002, "locust": 8089, "prometheus": 9090, "grafana": 3000}
SETTINGS = ComposeSettings(PORTS, 256 * MIB, rate=100, context_kb=16, warm_up_s=5)
Make = Callable[..., tuple[int, str]]


def config(**settings: str) -> dict[str, Any]:
    """The output of `docker compose config --format json`, as recorded from Compose 2.26, without what is not read."""
    load = {"TWIN": "asgi-middleware", "DEMO_RATE": "100", "DEMO_CONTEXT_KB": "16", "SADPATH_WARM_UP": "5"}
    services: dict[str, Any] = {
        name: {"ports": [{"host_ip": "127.0.0.1", "target": 1, "published": str(port)}]} for name, port in PORTS.items()
    }
    services["reused"]["mem_limit"] = "268435456"
    services["locust"]["environment"] = {**load, **settings}
    services["reused"]["environment"] = services["factory"]["environment"] = {"LAB_ARM": "one"}
    return {"services": {**services, "worker": {"environment": None}}}


def test_the_output_of_compose_is_understood() -> None:
    """Also that a worker publishes no port."""
    assert settings_of(config()) == SETTINGS


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("DEMO_RATE", "fast", "expected a number, got DEMO_RATE=fast; .env.example shows one"),
        ("SADPATH_WARM_UP", "long", "expected a number, got DEMO_WARM_UP=long; .env.example shows one"),
        ("DEMO_RATE", "0", "a rate of 0 sends no requests; set DEMO_RATE=100"),
    ],
)
def test_an_impossible_setting_is_one_clear_line(name: str, value: str, line: str) -> None:
    """The variable, what is wrong with it, and what would be right."""
    with pytest.raises(CommandError) as refusal:
        settings_of(config(**{name: value}))
    assert str(refusal.value) == line


def test_enough_memory_is_no_problem() -> None:
    """Two arms, and a gibibyte for the rest."""
    check_memory(SETTINGS, 1536 * MIB)


def test_too_little_memory_says_how_much_is_missing_and_what_to_set() -> None:
    """Before anything starts to swap in front of an audience."""
    with pytest.raises(CommandError, match=r"has 1000 MiB .* need 1536; .*DEMO_MEMORY_LIMIT_MB=128"):
        check_memory(SETTINGS, 1000 * MIB)


def test_more_arms_need_more_memory() -> None:
    """The profile `framework` adds two."""
    with pytest.raises(CommandError, match=r"4 arms of 256 MiB, .* need 2048;"):
        check_memory(replace(SETTINGS, arms=4), 1536 * MIB)


def test_a_limit_below_what_an_arm_needs_to_start_is_refused() -> None:
    """Both arms would be killed at once, which shows nothing."""
    with pytest.raises(CommandError, match=r"does not start in 64 MiB; .*DEMO_MEMORY_LIMIT_MB=256"):
        check_memory(ComposeSettings(PORTS, 64 * MIB, 100, 16, 5), 64 * GIB)


def test_a_port_that_is_taken_is_named_with_what_to_set() -> None:
    """Which port, whose, and the variable."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"port {port}, for grafana, is in use; .*: DEMO_GRAFANA_PORT=\d+$"):
            check_ports(replace(SETTINGS, ports={"grafana": port}), ours=set())
        with pytest.raises(CommandError, match=rf"port {port}, for locust, is in use; .*: DEMO_PORT=\d+$"):
            check_ports(replace(SETTINGS, ports={"locust": port}), ours=set())
        check_ports(replace(SETTINGS, ports={"grafana": port}), ours={port})  # by a demo that is up


def test_the_kill_comes_sooner_with_more_load() -> None:
    """It was measured 60 s after the load's start with the defaults."""
    assert SETTINGS.seconds_to_the_kill == pytest.approx(60, abs=5)
    assert ComposeSettings(PORTS, 256 * MIB, 200, 16, 5).seconds_to_the_kill == pytest.approx(32, abs=3)


def test_it_prints_what_to_look_at() -> None:
    """The addresses, the live page's first, and what will happen when."""
    text = what_to_look_at(SETTINGS)
    assert re.findall(r"http://127\.0\.0\.1:\S+", text) == [
        "http://127.0.0.1:8089/sadpath",
        *(f"http://127.0.0.1:{port}" for port in (3000, 8089, 9090, 8001, 8002)),
    ]
    assert "59 s after the load's start it reaches 256 MiB" in text


def test_for_another_twin_it_prints_where_it_is_described() -> None:
    """When the kill comes was measured for the headline alone, and some twins are never killed."""
    text = what_to_look_at(settings_of(config(TWIN="retry-worker")))
    assert "http://127.0.0.1:8001/twins/retry-worker describes" in text
    assert "is killed" not in text


def test_an_unknown_twin_is_an_error_before_anything_starts() -> None:
    """With the names of the twins: Locust would only log it, again and again."""
    with pytest.raises(CommandError, match=r"^unknown twin 'nosuch'; set TWIN to one of asgi-middleware, "):
        settings_of(config(TWIN="nosuch"))


@pytest.fixture
def compose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Run the command with a docker on the path that answers as given, or without one."""

    def run(*arguments: str, docker: str | None = None, folder: Path = ROOT) -> tuple[int, str]:
        if docker is not None:
            program = tmp_path / "docker"
            program.write_text(f"#!/bin/sh\n{docker}\n")
            program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/nowhere")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-S", "-m", "loadtest", *arguments]  # -S: the standard library alone
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    return run


# The answers of the docker command, as recorded.
UP_TO_THE_PORTS = """
case "$*" in
  info*) echo 25276502016 ;;
  "compose version"*) echo "Docker Compose version 2.26.1" ;;
  "compose config"*) echo '{config}' ;;
  "compose ps"*) ;;
  "compose up"*) exit 1 ;;
esac"""


@pytest.mark.parametrize(
    ("docker", "line"),
    [
        (None, "no docker command found; install Docker, or type make demo"),
        ("echo 0; echo 'Cannot connect to the Docker daemon' >&2; exit 1", "no Docker engine answers; start"),
        ("echo 'permission denied while trying to connect' >&2; exit 1", "denies you access; type sudo usermod"),
        ('test "$1" = info && echo 25276502016', "docker compose is missing; install Docker's Compose plugin"),
        (
            'case "$*" in info*) echo 9;; *config*) echo "Invalid hostPort: abc" >&2; exit 1;; esac',
            "Invalid hostPort: abc; check .env",
        ),
    ],
)
def test_what_is_missing_is_one_line(compose: Make, docker: str | None, line: str) -> None:
    """What, and what to do; status 4, and no traceback."""
    status, said = compose("up", docker=docker)
    assert status == 4
    assert said.startswith("up: ")
    assert line in said
    assert said.count("\n") == 1


def test_too_little_memory_ends_it_before_anything_is_built(compose: Make) -> None:
    """The engine reports how much it has."""
    docker = UP_TO_THE_PORTS.replace("25276502016", str(GIB)).format(config=json.dumps(_on_free_ports()))
    assert compose("up", docker=docker)[1].startswith("up: the engine has 1024 MiB of memory")


def test_what_did_not_become_healthy_is_named(compose: Make) -> None:
    """With the next thing to type."""
    docker = UP_TO_THE_PORTS.format(config=json.dumps(_on_free_ports())).replace(
        '"compose ps"*) ;;',
        '"compose ps --all"*) echo "reused Up 9 seconds (healthy)"; echo "grafana Restarting (1) 2 seconds ago";;'
        ' "compose ps"*) ;;',
    )
    status, said = compose("up", docker=docker)
    assert status == 4
    assert "up: unhealthy: grafana Restarting (1) 2 seconds ago; see docker compose logs" in said


@pytest.mark.parametrize(
    ("compose_up", "unwell"),
    [("exit 0", ":"), ("exit 1", "echo 'grafana Up 9 seconds (unhealthy)'; echo 'locust Created'")],
    ids=["healthy for a moment", "unhealthy"],
)
def test_a_grafana_that_cannot_query_prometheus_is_one_line(compose: Make, compose_up: str, unwell: str) -> None:
    """Lost before its first health check or after it: the reason is the same, and names no other container."""
    with grafana_that_answers(404, LOST) as port:
        status, said = compose("up", docker=_docker_with_grafana_on(port, compose_up, unwell))
    assert status == 4
    assert said.startswith(
        "up: Grafana is up, but cannot query Prometheus: it answered 404 Not Found, Plugin not found"
    )
    assert said.count("\n") == 1


def test_a_grafana_that_queries_prometheus_is_not_blamed_for_another(compose: Make) -> None:
    """Its health check was only late."""
    unwell = "echo 'grafana Up 1 second (health: starting)'; echo 'locust Exited (1) 1 second ago'"
    with grafana_that_answers(200, SUCCESS) as port:
        status, said = compose("up", docker=_docker_with_grafana_on(port, "exit 1", unwell))
    assert status == 4
    assert said.startswith("up: unhealthy: grafana Up 1 second (health: starting); locust Exited (1)")


def test_a_lab_that_can_be_queried_is_up(compose: Make) -> None:
    """No complaint, status 0."""
    with grafana_that_answers(200, SUCCESS) as port:
        assert compose("up", docker=_docker_with_grafana_on(port, "exit 0")) == (0, "")


@pytest.mark.parametrize("arguments", [[], ["sideways"], ["up", "down"]])
def test_an_unknown_command_prints_what_to_type(compose: Make, arguments: list[str]) -> None:
    """Status 2, with the two commands that need no environment."""
    status, said = compose(*arguments)
    assert status == 2
    assert "usage: python -m loadtest [-h] {up,down}" in said


def test_elsewhere_than_in_the_root(compose: Make, tmp_path: Path) -> None:
    """It prints where to change to."""
    assert compose("up", folder=tmp_path) == (
        2,
        "up: no docker-compose.yml here; change to the root of the repository\n",
    )


def _on_free_ports() -> dict[str, Any]:
    """The same, but that another lab on this machine is not in the way."""
    free = config()
    for service in free["services"].values():
        for port in service.get("ports", ()):
            with socket.create_server(("127.0.0.1", 0)) as one:
                port["published"] = str(one.getsockname()[1])
    return free


def _docker_with_grafana_on(port: int, compose_up: str, unwell: str = ":") -> str:
    """A docker command with a demo whose Grafana is published on this port."""
    lab = _on_free_ports()
    lab["services"]["grafana"]["ports"][0]["published"] = str(port)
    publishers = json.dumps({"Publishers": [{"PublishedPort": port}]})
    answers = f"""
  "compose ps --all"*) {unwell} ;;
  "compose ps"*) echo '{publishers}' ;;
  "compose up"*) {compose_up} ;;"""
    return UP_TO_THE_PORTS.format(config=json.dumps(lab)).replace('"compose ps"*) ;;', answers)
