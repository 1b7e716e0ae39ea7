r"""Two arms under the same load; the only difference is the path.

    locust -f loadtest/locustfile.py --reused-host http://127.0.0.1:8001 --factory-host http://127.0.0.1:8002 \
        --sadpath-watch reused=http://127.0.0.1:8001/metrics --sadpath-watch factory=http://127.0.0.1:8002/metrics

An arm is one running copy of the service. Each arm gets the same number of users at the same constant rate. During the
warm-up both take the factory path, so that afterwards only the raise differs. A 404 and a 401 are expected; any other
answer is a failure.

With `--twin SLUG` the arms get the leaky and the fixed variant of another twin of the catalogue, `GET /twins`.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from types import FrameType
from typing import Any

from locust import FastHttpUser, LoadTestShape, constant_throughput, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import Runner, WorkerRunner
from locust.user.users import User

from loadtest import HEADLINE, sessions
from loadtest.catalogue import Twin, described, read_twin
from loadtest.stage import LabStage, follow_changes
from sadpath.errors import CommandError, Status
from sadpath.plugins import locust as plugin


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    """Add the scenario's options; each is also an environment variable, and those of the load a field of the web UI."""
    hosts = parser.add_argument_group("The lab", "Where the arms are")
    hosts.add_argument(
        "--reused-host", default="http://127.0.0.1:8001", env_var="DEMO_REUSED_HOST", help="the arm that leaks (8001)"
    )
    hosts.add_argument(
        "--factory-host", default="http://127.0.0.1:8002", env_var="DEMO_FACTORY_HOST", help="the fixed arm (8002)"
    )
    hosts.add_argument("--twin", default=HEADLINE, env_var="TWIN", help=f"the twin to load ({HEADLINE})")
    add = parser.add_argument
    add("--rate", type=float, default=200.0, env_var="DEMO_RATE", help="requests per second to each arm (200)")
    add("--context-kb", type=int, default=16, env_var="DEMO_CONTEXT_KB", help="KiB that each raise holds (16)")
    add("--users-per-arm", type=int, default=20, env_var="DEMO_USERS_PER_ARM", help="users for each arm (20)")


@events.init.add_listener
def choose_twin(environment: Environment, runner: Runner, **_: Any) -> None:
    """Refuse to load a host that is not ours, before the first request; then ask the arms for the twin."""
    options, hosts = plugin.options_of(environment), hosts_of_arms(environment)
    plugin.refuse_strange_hosts(environment, hosts)
    follow_changes(environment, runner)
    if options.twin == HEADLINE or isinstance(runner, WorkerRunner):
        return
    try:
        options.twin_description, _ = (described(host, options.twin) for host in hosts)
    except CommandError as reason:
        sys.exit(f"locust: {reason.format_message()}")
    options.sadpath_about = options.sadpath_about or read_twin(options.twin_description).about


@events.init.add_listener
def end_at_ctrl_c(environment: Environment, **_: Any) -> None:
    """Let one SIGINT end it all: where it starts the load itself, the load alone would end, and the web UI run on."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):  # it is ignored
        return

    def end(number: int, frame: FrameType | None) -> None:
        plugin.options_of(environment).autoquit = 0
        before(number, frame)

    signal.signal(signal.SIGINT, end)


@events.test_start.add_listener
def refuse_strange_arms(environment: Environment, **_: Any) -> None:
    """Look at the hosts again at each start, also on a worker, which gets them from its master."""
    plugin.refuse_load(environment, hosts_of_arms(environment))


def hosts_of_arms(environment: Environment) -> list[str]:
    """Return the addresses of both arms."""
    options = plugin.options_of(environment)
    return [options.reused_host, options.factory_host]


plugin.register(events, LabStage)  # after our own listener, which sets what the run is about


@events.quitting.add_listener
def refuse_other_answers(environment: Environment, **_: Any) -> None:
    """Set the exit status if most requests to an arm of a twin failed: an arm that only fails is flat, too."""
    if not twin_to_load(environment) or isinstance(environment.runner, WorkerRunner):
        return
    if any(2 * entry.num_failures > entry.num_requests for entry in environment.stats.entries.values()):
        environment.process_exit_code = Status.UNEXPECTED_ANSWERS


def twin_to_load(environment: Environment) -> Twin | None:
    """Return the twin to load, None for the headline. A worker has it from its master, with the other options."""
    description = getattr(plugin.options_of(environment), "twin_description", None)
    return description and read_twin(description)


class ArmUser(FastHttpUser):
    """A client of one arm that asks for what does not exist. `role` is the place of its variant in `Twin.arms`."""

    abstract = True
    arm = ""
    role = 0

    def __init__(self, environment: Environment) -> None:
        """Look the host up here, and check it: a worker that joins a load gets its users before its `init` event."""
        self.host = getattr(plugin.options_of(environment), f"{self.arm}_host")
        plugin.refuse_load(environment, [self.host])
        super().__init__(environment)
        self.twin = twin_to_load(environment)
        if self.twin:
            self.variant = list(self.twin.arms.values())[self.role]
            self.tasks = [ArmUser.request_of_twin]

    def wait_time(self) -> float:
        """Wait so that all users of the arm together reach the rate."""
        options = plugin.options_of(self.environment)
        return float(constant_throughput(options.rate / options.users_per_arm)(self))

    def on_start(self) -> None:
        """Start at a random moment, so that the users do not march in step."""
        self._started = time.monotonic()
        options = plugin.options_of(self.environment)
        time.sleep(random.random() * options.users_per_arm / options.rate)  # noqa: S311

    @task(9)
    def missing_user(self) -> None:
        """Ask for a user that does not exist."""
        self._expect(404, "users/42")

    @task(1)
    def bad_session(self) -> None:
        """Open a session without a token."""
        self._expect(401, "session")

    def request_of_twin(self) -> None:
        """Take the arm's path of the twin, in place of those above, under the name that the arm is watched by."""
        assert self.twin  # noqa: S101 - it is why this is a task
        variant = self.twin.arms[self.twin.fixed] if self._takes_fixed_path else self.variant
        watched = {name for name, _ in plugin.options_of(self.environment).sadpath_watch}
        name = f"{self.variant.slug if self.variant.slug in watched else self.arm} {self.twin.slug}"
        if self.twin.protocol == "websocket":
            url = f"{self.host}{variant.path}?context_kb={self._context_kb}"
            sessions.record(self.environment.events.request.fire, url, name, variant.status)
        else:
            self._get(variant.path, name, variant.status)

    def _expect(self, status: int, path: str) -> None:
        self._get(f"/{'factory' if self._is_warming_up else self.arm}/{path}", f"{self.arm} {path}", status)

    def _get(self, path: str, name: str, status: int) -> None:
        url = f"{path}?context_kb={self._context_kb}"
        with self.client.get(url, name=name, catch_response=True) as response:
            if response.status_code == status:
                response.success()
            else:
                response.failure(f"expected {status}, got {response.status_code}")

    @property
    def _takes_fixed_path(self) -> bool:
        """Whether every arm takes it: to warm up, or since the fix of a twin was applied on the live page."""
        return self._is_warming_up or getattr(plugin.options_of(self.environment), "takes_fixed_path", False)

    @property
    def _is_warming_up(self) -> bool:
        return time.monotonic() - self._started < float(plugin.options_of(self.environment).sadpath_warm_up)

    @property
    def _context_kb(self) -> int:
        return int(plugin.options_of(self.environment).context_kb)


class ReusedUser(ArmUser):
    """A client of the arm that raises the same object again and again."""

    arm = "reused"


class FactoryUser(ArmUser):
    """A client of the arm that raises a new object each time."""

    arm = "factory"
    role = 1


class SameForBoth(LoadTestShape):
    """All users of both arms at once, for `--run-time` or until stopped."""

    use_common_options = True

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        """Return the number of users, how many may start in a second, and their classes; None at the end."""
        assert self.runner is not None  # noqa: S101 - set by Locust
        options = plugin.options_of(self.runner.environment)
        if options.run_time and self.get_run_time() > options.run_time:
            return None
        users = 2 * options.users_per_arm
        return users, users, [ReusedUser, FactoryUser]
