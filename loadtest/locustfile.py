r"""Two arms under the same load; the only difference is the path.

    locust -f loadtest/locustfile.py --reused-host http://127.0.0.1:8001 --factory-host http://127.0.0.1:8002 \
        --watch reused=http://127.0.0.1:8001/metrics --watch factory=http://127.0.0.1:8002/metrics

Each arm gets the same number of users at the same constant rate. While the arms warm up both take the factory path, so
that what differs afterwards is the raise alone. A 404 and a 401 are what is asked for; anything else is a failure.
"""

from __future__ import annotations

import random
import time
from typing import Any

from locust import FastHttpUser, LoadTestShape, constant_throughput, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.user.users import User

from sadpath import locust_plugin

locust_plugin.register(events)


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    """Add the scenario's options; each is also an environment variable, and those of the load a field of the web UI."""
    hosts = parser.add_argument_group("The lab", "Where the arms are")
    hosts.add_argument("--reused-host", default="http://127.0.0.1:8001", env_var="LOCUST_REUSED_HOST", help="(8001)")
    hosts.add_argument("--factory-host", default="http://127.0.0.1:8002", env_var="LOCUST_FACTORY_HOST", help="(8002)")
    add = parser.add_argument
    add("--rate", type=float, default=200.0, env_var="LOCUST_RATE", help="requests a second, for each arm (200)")
    add("--context-kb", type=int, default=16, env_var="LOCUST_CONTEXT_KB", help="KiB that each raise holds (16)")
    add("--users-per-arm", type=int, default=20, env_var="LOCUST_USERS_PER_ARM", help="users for each arm (20)")


@events.init.add_listener
def check_hosts(environment: Environment, **_: Any) -> None:
    """Refuse to load what is not ours, before the first request."""
    options = locust_plugin.options_of(environment)
    locust_plugin.refuse_strange_hosts(environment, [options.reused_host, options.factory_host])


class ArmUser(FastHttpUser):
    """A client of one arm that asks for what is not there."""

    abstract = True
    arm = ""

    def __init__(self, environment: Environment) -> None:
        """Look the host up here: a worker that joins a load which runs gets its users before its `init` event."""
        self.host = getattr(locust_plugin.options_of(environment), f"{self.arm}_host")
        super().__init__(environment)

    def wait_time(self) -> float:
        """Wait so that all users of the arm together keep the rate."""
        options = locust_plugin.options_of(self.environment)
        return float(constant_throughput(options.rate / options.users_per_arm)(self))

    def on_start(self) -> None:
        """Start at a random moment, so that the users do not march in step."""
        self._started = time.monotonic()
        options = locust_plugin.options_of(self.environment)
        time.sleep(random.random() * options.users_per_arm / options.rate)  # noqa: S311

    @task(9)
    def missing_user(self) -> None:
        """Ask for a user that there is not."""
        self._expect(404, "users/42")

    @task(1)
    def bad_session(self) -> None:
        """Open a session without a token."""
        self._expect(401, "session")

    def _expect(self, status: int, path: str) -> None:
        options = locust_plugin.options_of(self.environment)
        variant = "factory" if time.monotonic() - self._started < options.watch_warm_up else self.arm
        url = f"/{variant}/{path}?context_kb={options.context_kb}"
        with self.client.get(url, name=f"{self.arm} {path}", catch_response=True) as response:
            if response.status_code == status:
                response.success()
            else:
                response.failure(f"expected {status}, got {response.status_code}")


class ReusedUser(ArmUser):
    """A client of the arm that raises the same object again and again."""

    arm = "reused"


class FactoryUser(ArmUser):
    """A client of the arm that raises a fresh object each time."""

    arm = "factory"


class SameForBoth(LoadTestShape):
    """All users of both arms at once, for `--run-time` or until stopped."""

    use_common_options = True

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        """Return the number of users, how many may start in a second, and their classes; None at the end."""
        assert self.runner is not None  # noqa: S101 - set by Locust
        options = locust_plugin.options_of(self.runner.environment)
        if options.run_time and self.get_run_time() > options.run_time:
            return None
        users = 2 * options.users_per_arm
        return users, users, [ReusedUser, FactoryUser]
