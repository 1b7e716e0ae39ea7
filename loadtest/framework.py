"""Load for the two arms of Compose's profile `framework`: the same error path on an old and on a new Starlette.

locust -f loadtest/framework.py --headless --users 20 --spawn-rate 20
"""

from __future__ import annotations

import os

from locust import FastHttpUser, constant_throughput, task

RATE = float(os.environ.get("DEMO_RATE", "100"))
CONTEXT_KB = os.environ.get("DEMO_CONTEXT_KB", "16")
USERS_PER_ARM = 10


class FrameworkUser(FastHttpUser):
    """A client of one arm that asks for what the framework answers with a reused error."""

    abstract = True
    wait_time = constant_throughput(RATE / USERS_PER_ARM)

    @task
    def missing_user(self) -> None:
        """A 404 is what is asked for; anything else is a failure."""
        url = f"/twins/http-exception/reused?context_kb={CONTEXT_KB}"
        with self.client.get(url, name=f"{self.host} users/42", catch_response=True) as response:
            if response.status_code == 404:  # noqa: PLR2004
                response.success()


class OldUser(FrameworkUser):
    """A client of the arm with Starlette 1.9.0."""

    host = "http://framework-old:8000"
    fixed_count = USERS_PER_ARM


class NewUser(FrameworkUser):
    """A client of the arm with the Starlette of the lock."""

    host = "http://framework-new:8000"
    fixed_count = USERS_PER_ARM
