"""Ask Prometheus one query through Grafana's data source, as the panels do, and return what is wrong where that fails.

Grafana's /api/health does not cover it: since 13.2 the data source is a plugin, and a Grafana that has lost it is up,
with all panels empty (grafana/grafana#132528). The standard library only, as all that `make up` needs.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any

QUERY = "/api/datasources/proxy/uid/prometheus/api/v1/query?query=up"
"""The health check in docker-compose.yml asks the same. A query that finds nothing yet is a success too."""

TIMEOUT_S = 10.0
LONGEST_REASON = 200
GRAFANA_LOGS = "docker compose logs grafana"
NO_PROMETHEUS = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
"""What Grafana answers when it is Prometheus that does not."""


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


def why_no_query(port: int, timeout_s: float = TIMEOUT_S) -> str | None:
    """Return in one line why Grafana on this `port` cannot query Prometheus, and what to type; None if it can."""
    try:
        answer = _ask(port, timeout_s)
    except TimeoutError:
        return f"Grafana did not answer a query of Prometheus within {timeout_s:g} s; type {GRAFANA_LOGS}"
    except (OSError, HTTPException):
        return f"Grafana does not answer on port {port}; type {GRAFANA_LOGS}"
    if answer.is_success:
        return None
    reason = answer.reason or "which is not an answer of Prometheus"
    what = f"Grafana is up, but cannot query Prometheus: it answered {answer.status} {answer.phrase}, {reason}"
    return f"{what}; {_what_to_type(answer)}"


def _ask(port: int, timeout_s: float) -> GrafanaAnswer:
    """Ask as the anonymous Viewer. Follows no redirect, uses no proxy. Raises `OSError` or `HTTPException`."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=timeout_s)) as connection:
        connection.request("GET", QUERY)
        response = connection.getresponse()
        return GrafanaAnswer(response.status, response.reason, _object(response.read()))


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _what_to_type(answer: GrafanaAnswer) -> str:
    if answer.lacks_plugin:
        return f"its Prometheus plugin is not loaded: type make down, then make up; {GRAFANA_LOGS} shows why"
    return "type docker compose logs prometheus" if answer.status in NO_PROMETHEUS else f"type {GRAFANA_LOGS}"
