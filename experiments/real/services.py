"""Services from the package index, started as their documentation says, with SQLite or in memory, without a network."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from experiments.measurement import Say
from experiments.twins.runtimes import Python
from loadtest.server import run_to_its_end
from sadpath.errors import CommandError

DONE = ".installed"
"""The file in an environment that records what was installed: without it, the environment is incomplete."""

SECRET = "a-secret-of-a-laptop"  # noqa: S105 - of services that run here for some minutes


@dataclass(frozen=True)
class RealService:
    """A released service; `also` is what has to be installed besides.

    In its commands, variables and options `{port}` stands for its port, and `{home}` for its folder. `prepare` are the
    commands that its documentation has before `start`. `settings` is the `sadpath.toml` that a team would write for it,
    `options` what it would type besides, and `said` is that in words.
    """

    name: str
    release: str
    start: str
    also: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    settings: str = ""
    options: tuple[str, ...] = ()
    said: str = "nothing"

    @property
    def requirements(self) -> tuple[str, ...]:
        """What is installed: the release, and what it needs besides."""
        return (self.release, *self.also)


AIRFLOW = RealService(
    name="airflow",
    release="apache-airflow==3.3.2",
    prepare=("airflow db migrate",),
    start="airflow api-server --host 127.0.0.1 --port {port}",
    variables={
        "AIRFLOW_HOME": "{home}",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": "{home}/passwords.json",
    },
    files={"passwords.json": f'{{"admin": "{SECRET}"}}'},
    settings=f'[auth]\npath = "/auth/token"\njson = {{username = "admin", password = "{SECRET}"}}\n',
    options=("--start-timeout", "300"),
    said="a login for a token",
)

PREFECT = RealService(
    name="prefect",
    release="prefect==3.9.1",
    start="prefect server start --host 127.0.0.1 --port {port}",
    variables={"PREFECT_HOME": "{home}", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"},
    options=("--start-timeout", "300"),
)

LABEL_STUDIO = RealService(
    name="label-studio",
    release="label-studio==1.23.2",
    start=f"label-studio start --no-browser --port {{port}} --data-dir {{home}} --username me@example.org "
    f"--password {SECRET} --user-token {SECRET} --enable-legacy-api-token",
    variables={"LABEL_STUDIO_BASE_DATA_DIR": "{home}", "COLLECT_ANALYTICS": "false", "LATEST_VERSION_CHECK": "false"},
    settings=f'headers = {{Authorization = "Token {SECRET}"}}\n',
    options=("--start-timeout", "600"),
    said="a header with the user's token",
)

LITELLM = RealService(
    name="litellm",
    release="litellm[proxy]==1.106.12",
    start="litellm --config config.yaml --host 127.0.0.1 --port {port}",
    variables={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "LITELLM_MASTER_KEY": SECRET},
    files={
        "config.yaml": "model_list:\n"
        "  - model_name: local\n"
        "    litellm_params: {model: openai/local, api_base: http://127.0.0.1:9/v1, api_key: none}\n"
    },
    settings=f'headers = {{Authorization = "Bearer {SECRET}"}}\n',
    options=("--start-timeout", "300"),
    said="a header with the master key",
)

EVIDENTLY = RealService(
    name="evidently",
    release="evidently==0.7.23",
    also=("pandas<3",),
    start="evidently ui --workspace {home}/workspace --port {port}",
    variables={"DO_NOT_TRACK": "1"},
    options=("--start-timeout", "300"),
)

KINTO = RealService(
    name="kinto",
    release="kinto==26.5.0",
    prepare=("kinto init --ini kinto.ini --backend memory --cache-backend memory --host 127.0.0.1",),
    start="kinto start --ini kinto.ini --port {port}",
    options=("--schema", "http://127.0.0.1:{port}/v1/__api__"),
    said="where its description is",
)

FLOWER = RealService(
    name="flower",
    release="flower==2.2.0",
    start=f"celery --broker=memory:// flower --address=127.0.0.1 --port={{port}} --basic-auth=me:{SECRET}",
    settings='headers = {Authorization = "Basic bWU6YS1zZWNyZXQtb2YtYS1sYXB0b3A="}\n',
    said="a header with the user and the password",
)

SERVICES = (AIRFLOW, PREFECT, LABEL_STUDIO, LITELLM, EVIDENTLY, KINTO, FLOWER)


@dataclass(frozen=True)
class Place:
    """Where a service is: `home` has its environment, and `work` below it all that it writes."""

    service: RealService
    home: Path
    port: int

    @property
    def work(self) -> Path:
        """The folder that it runs in."""
        return self.home / "work"

    @property
    def settings(self) -> Path:
        """The `sadpath.toml` that a team would write."""
        return self.home / "sadpath.toml"

    @property
    def variables(self) -> dict[str, str]:
        """Its environment variables: ours, with its commands first on the path, and its own."""
        own = {name: self._filled(value) for name, value in self.service.variables.items()}
        return {**os.environ, **own, "PATH": f"{self.home}/env/bin:{os.environ['PATH']}"}

    def words(self, command: str) -> list[str]:
        """Return the words of one of its commands, the first of them a path."""
        name, *words = shlex.split(self._filled(command))
        return [f"{self.home}/env/bin/{name}", *words]

    @property
    def options(self) -> list[str]:
        """What a team would type for `sadpath check`, besides."""
        return list(map(self._filled, self.service.options))

    def install(self, python: Python, say: Say) -> None:
        """Install its packages, unless they are. Raises `CommandError`."""
        done, wanted = self.home / DONE, f"{python.version} {' '.join(self.service.requirements)}\n"
        if done.exists() and done.read_text() == wanted:
            return
        say(f"Installing {self.service.release} into {self.home} …")
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self._run([python.executable, "-m", "venv", f"{self.home}/env"])
        self._run([f"{self.home}/env/bin/python", "-m", "pip", "install", "--quiet", *self.service.requirements])
        done.write_text(wanted)

    def prepare(self) -> None:
        """Begin in an empty folder, as after an installation. Raises `CommandError`."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        self.settings.write_text(self.service.settings)
        for name, text in self.service.files.items():
            (self.work / name).write_text(text)
        for command in self.service.prepare:
            self._run(["env", "-C", str(self.work), *self._assignments(), *self.words(command)])

    def _filled(self, text: str) -> str:
        return text.replace("{port}", str(self.port)).replace("{home}", str(self.work))

    def _assignments(self) -> list[str]:
        return [f"{name}={self._filled(value)}" for name, value in self.service.variables.items()]

    def _run(self, command: list[str]) -> None:
        status, last_line = run_to_its_end(command, self.home / "install.log")
        if status:
            raise CommandError(f"{self.service.name}: {' '.join(command)} failed: {last_line}")
