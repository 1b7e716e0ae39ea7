"""The whole Compose demo: real containers, a real kill by the kernel. Needs a Docker engine, and two minutes.

Everything has its own project name and free ports, so a demo that is up is left alone.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import docker
import pytest
from docker.models.containers import Container as EngineContainer

from loadtest.compose import QUERY
from sadpath.sources.container import Container
from tests.end_to_end.browser import chromium
from tests.waiting import until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MIB = 2**20
PORTS = ("REUSED", "FACTORY", "LOCUST", "PROMETHEUS", "GRAFANA")
SERVICES = {"reused", "factory", "locust", "worker", "prometheus", "grafana"}


def engine_or_skip() -> docker.DockerClient:
    """The engine; without one the tests are skipped, with the reason."""
    program = shutil.which("docker")
    if not program:
        pytest.skip("no docker command found")
    asked = subprocess.run([program, "version"], capture_output=True, text=True, check=False)
    if asked.returncode:
        pytest.skip(f"no Docker engine answers: {' '.join(asked.stderr.split())}")
    return docker.from_env()


@dataclass
class Lab:
    """A lab that `make up` brought up."""

    engine: docker.DockerClient
    project: str
    reports: Path
    ports: dict[str, int]
    environment: dict[str, str]
    healthy_at: float = 0.0
    printed: str = ""

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Do what `make up` and `make down` do, well or not."""
        return subprocess.run(
            [sys.executable, "-m", "loadtest", command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def make(self, command: str) -> str:
        """Do what `make up` and `make down` do; what they printed."""
        done = self.run(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def containers(self) -> dict[str, EngineContainer]:
        """All containers by service, those that ended too."""
        found = self.engine.containers.list(all=True, filters=self.ours)
        return {container.labels["com.docker.compose.service"]: container for container in found}

    @property
    def ours(self) -> dict[str, str | list[str] | bool]:
        """The label of our containers, networks and volumes."""
        return {"label": f"com.docker.compose.project={self.project}"}

    def get(self, service: str, path: str) -> str:
        """A page of one of the services."""
        with urlopen(f"http://127.0.0.1:{self.ports[service]}{path}", timeout=5) as response:
            return str(response.read().decode())

    @property
    def has_placeholder(self) -> bool:
        """Whether this Grafana is a stand-in, where the real image cannot be pulled."""
        return bool(json.loads(self.get("GRAFANA", "/api/health"))["version"] == "placeholder")

    def sign_in(self, user: str, password: str) -> int:
        """Sign in to Grafana, as its form does, and return the status of the answer."""
        form = json.dumps({"user": user, "password": password}).encode()
        address = f"http://127.0.0.1:{self.ports['GRAFANA']}/login"
        try:
            with urlopen(Request(address, form, {"Content-Type": "application/json"}), timeout=60) as answer:
                return int(answer.status)
        except HTTPError as refusal:
            return refusal.code

    def ask(self, expression: str) -> dict[str, float]:
        """What Prometheus answers, by arm."""
        answer = json.loads(self.get("PROMETHEUS", f"/api/v1/query?query={quote(expression)}"))
        return {one["metric"]["arm"]: float(one["value"][1]) for one in answer["data"]["result"]}

    def memory(self) -> dict[str, float]:
        """The arms' memory as Prometheus has it."""
        return self.ask('process_resident_memory_bytes{arm!=""}')

    def lifetime_of(self, arm: str) -> float | None:
        """When the process of an arm that answers was started, as Prometheus has it; None while none answers."""
        return self.ask('process_start_time_seconds{arm!=""} and on (instance) (up == 1)').get(arm)

    def arm(self, name: str) -> Container:
        """One of the arms, as the instrument sees it."""
        container_name = self.containers()[name].name
        assert container_name
        return Container(container_name)


@contextmanager
def new_lab(reports: Path, override: Path | None = None) -> Iterator[Lab]:
    """A lab that is not up yet, with this override file. Whatever happens with it, nothing of it is left."""
    engine = engine_or_skip()
    project, ports = f"sadpath-test-{os.getpid()}-{reports.name.replace('_', '-')}".lower(), _free_ports()
    settings = {f"DEMO_{service}_PORT": str(port) for service, port in ports.items()}
    settings["DEMO_PORT"] = settings.pop("DEMO_LOCUST_PORT")
    environment = {**os.environ, **settings, "COMPOSE_PROJECT_NAME": project, "DEMO_REPORTS": str(reports)}
    if override:
        environment["COMPOSE_FILE"] = f"docker-compose.yml:{override}"
    lab = Lab(engine, project, reports, ports, environment)
    try:
        yield lab
    finally:
        lab.make("down")
        engine.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that is up and healthy."""
    with new_lab(tmp_path_factory.mktemp("reports")) as lab:
        lab.printed = lab.make("up")
        lab.healthy_at = time.monotonic()
        yield lab


def test_everything_is_healthy(lab: Lab) -> None:
    """Everything that runs is healthy; the container that prepares the reports' folder has ended with 0."""
    containers = lab.containers()
    healthy = {
        name for name, one in containers.items() if one.attrs["State"].get("Health", {}).get("Status") == "healthy"
    }
    assert healthy == SERVICES
    assert containers["reports"].attrs["State"]["ExitCode"] == 0


def test_it_prints_where_to_look(lab: Lab) -> None:
    """The live page's address first, then all the others; each of them answers."""
    printed = [int(port) for port in re.findall(r"http://127\.0\.0\.1:(\d+)", lab.printed)]
    services = ("LOCUST", "GRAFANA", "LOCUST", "PROMETHEUS", "REUSED", "FACTORY")
    assert printed == [lab.ports[service] for service in services]
    health = ("/sadpath", "/api/health", "/", "/-/ready", "/healthz", "/healthz")
    for port, page in zip(printed, health, strict=True):
        assert urlopen(f"http://127.0.0.1:{port}{page}", timeout=10).status == 200


def test_nobody_runs_as_root_or_could_become_it(lab: Lab) -> None:
    """No capability, no way to gain one, a file system that cannot be written, and an end to the processes."""
    for name in SERVICES:
        container = lab.containers()[name]
        host = container.attrs["HostConfig"]
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["ReadonlyRootfs"]
        assert host["PidsLimit"] == 512
        assert container.exec_run(["id", "-u"]).output != b"0\n"


def test_nothing_is_published_but_on_loopback(lab: Lab) -> None:
    """A venue's network must not reach a service that leaks on request."""
    published = [
        binding
        for container in lab.containers().values()
        for bindings in container.attrs["HostConfig"]["PortBindings"].values()
        for binding in bindings
    ]
    assert len(published) == len(PORTS)
    assert {binding["HostIp"] for binding in published} == {"127.0.0.1"}


def test_the_two_memories_diverge_within_half_a_minute(lab: Lab) -> None:
    """40 MiB and more, in Prometheus, without a click."""
    left_s = lab.healthy_at + 30 - time.monotonic()
    until(lambda: _gap(lab.memory()) >= 40 * MIB, left_s, "the memories to diverge by 40 MiB")


def test_the_limit_is_that_of_the_container(lab: Lab) -> None:
    """Read by the service from its control group: the line that the panel draws."""
    assert lab.ask('sadpath_memory_limit_bytes{arm!=""}') == {"reused": 256 * MIB, "factory": 256 * MIB}


def test_the_leaking_arm_is_killed_for_its_memory_and_comes_back(lab: Lab) -> None:
    """Within 150 s; its twin keeps running, and both answer."""
    first_lifetime, first_of_factory = lab.lifetime_of("reused"), lab.lifetime_of("factory")
    left_s = lab.healthy_at + 150 - time.monotonic()
    until(lambda: lab.arm("reused").state().restarts, left_s, "the kernel to kill the arm reused")
    assert lab.arm("reused").state().killed_for_memory
    until(lambda: lab.lifetime_of("reused") not in {None, first_lifetime}, 30, "the arm reused to come back")
    assert (lab.arm("factory").state().restarts, lab.arm("factory").state().killed_for_memory) == (0, False)
    assert lab.lifetime_of("factory") == first_of_factory


def test_the_instrument_sees_a_container_as_the_engine_does(lab: Lab) -> None:
    """Memory in use below the limit, and of the size that the process itself reports."""
    reading = lab.arm("factory").read()
    assert reading.limit_bytes == 256 * MIB
    assert reading.anonymous_bytes is not None
    assert 20 * MIB < reading.anonymous_bytes <= reading.resident_bytes < 128 * MIB
    assert lab.memory()["factory"] == pytest.approx(reading.resident_bytes, rel=0.5)


def test_grafana_passes_a_query_on(lab: Lab) -> None:
    """To the source that is provisioned, without a login: so do its panels."""
    answer = json.loads(lab.get("GRAFANA", QUERY))
    assert answer["status"] == "success"
    assert {"reused", "factory"} <= {one["metric"].get("arm") for one in answer["data"]["result"]}


def test_grafanas_administrator_cannot_be_guessed(lab: Lab) -> None:
    """Not with the password of its manual, nor with the name of the file that it is read from."""
    setting = "$__file{/proc/sys/kernel/random/uuid}"
    assert f"GF_SECURITY_ADMIN_PASSWORD={setting}" in lab.containers()["grafana"].attrs["Config"]["Env"]
    if lab.has_placeholder:
        pytest.skip("this Grafana is a placeholder that nobody signs in to")
    for password in ("admin", setting):
        assert lab.sign_in("admin", password) == 401


def test_grafana_draws_it_without_a_click(lab: Lab) -> None:
    """Its address alone shows charts. The picture stays in reports/compose/grafana.png, for people."""
    if lab.has_placeholder:
        pytest.skip("this Grafana is a placeholder that draws nothing")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(f"http://127.0.0.1:{lab.ports['GRAFANA']}/")
        try:
            page.locator("canvas").first.wait_for(timeout=60_000)
            page.wait_for_timeout(3_000)  # until the panels beside the first have drawn, too
        finally:
            page.screenshot(path=ROOT / "reports" / "compose" / "grafana.png")


def test_down_leaves_nothing_but_a_whole_report(lab: Lab) -> None:
    """Although the load was still running."""
    lab.make("down")
    assert lab.containers() == {}
    assert lab.engine.networks.list(filters=lab.ours) == []
    assert lab.engine.volumes.list(filters=lab.ours) == []
    assert (lab.reports / "locust.html").read_text().rstrip().endswith("</html>")
    assert (lab.reports / "report.html").read_text().rstrip().endswith("</html>")
    arms = json.loads((lab.reports / "summary.json").read_text())["arms"]
    assert (arms["reused"]["verdict"], arms["factory"]["verdict"]) == ("leaks", "flat")
    assert arms["reused"]["restarts"] >= 1


def test_the_whole_script_is_played_with_the_right_arrow(tmp_path: Path) -> None:
    """On the live page, in the containers: the fix, the release and the way back, and the verdict at the end."""
    with new_lab(tmp_path / "script") as lab, chromium() as browser:
        lab.reports.mkdir()
        lab.make("up")
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"http://127.0.0.1:{lab.ports['LOCUST']}/sadpath")

        def of_reused() -> dict[str, Any]:
            return dict(json.loads(lab.get("REUSED", "/lab")))

        until(lambda: of_reused()["retained"], 60, "entries")
        done = {
            "The code": lambda: page.locator("#code .marked").count() == 2,
            "The cause": lambda: page.locator("#cause li").count() > 5,
            "The fix, live": lambda: of_reused()["strategy"] == "factory",
            "Release": lambda: not of_reused()["retained"],
            "And back": lambda: of_reused()["strategy"] == "reused",
        }
        for act in page.evaluate("page.acts"):
            page.keyboard.press("ArrowRight")
            until(done.get(act["title"], lambda: True), 40, act["title"])
        page.locator("#ending h2").wait_for(timeout=60_000)
        assert "The verdict: " in page.locator("#ending h2").inner_text()
        assert (lab.reports / "report.html").exists()


UNHEALTHY = {"start_period": "1s"}
LOST_AFTER_ITS_HEALTH_CHECK = {"test": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3000/api/health"]}


@pytest.mark.parametrize(
    ("health_check", "health"), [(UNHEALTHY, "unhealthy"), (LOST_AFTER_ITS_HEALTH_CHECK, "healthy")]
)
def test_a_grafana_without_its_plugin_is_one_last_line(tmp_path: Path, health_check: object, health: str) -> None:
    """Whether its health check notices, and nothing else comes up, or `make up` alone does: what, and what to type."""
    override = tmp_path / "lost.yml"
    grafana = {"environment": {"PLACEHOLDER_LOSES_PLUGINS": "1"}, "healthcheck": health_check}
    override.write_text(json.dumps({"services": {"grafana": grafana}}))
    with new_lab(tmp_path, override) as lab:
        done = lab.run("up")
        if not lab.has_placeholder:
            pytest.skip("a real Grafana does not lose its plugin when told to")
        assert lab.containers()["grafana"].attrs["State"]["Health"]["Status"] == health
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1] == (
        "up: Grafana is up, but cannot query Prometheus: it answered 404 Not Found, Plugin not found "
        "(plugin.notRegistered); its Prometheus plugin is not loaded: type make down, then make up; "
        "docker compose logs grafana shows why"
    )
    assert "The Compose demo is up" not in done.stdout


def _gap(memory: dict[str, float]) -> float:
    return memory.get("reused", 0.0) - memory.get("factory", 0.0) if len(memory) == 2 else 0.0


def _free_ports() -> dict[str, Any]:
    sockets = {service: socket.create_server(("127.0.0.1", 0)) for service in PORTS}
    try:
        return {service: one.getsockname()[1] for service, one in sockets.items()}
    finally:
        for one in sockets.values():
            one.close()
