"""Ask Prometheus one query through Grafana's data source, as the panels do, and say what is wrong where that fails.

Grafana's own health tells nothing of it: since 13.2 the data source is a plugin that Grafana can lose while it runs, and then
it is up with all panels empty (grafana/grafana#132528). The standard library only, as all that `make up` needs.
"""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any

QUERY = "/api/datasources/proxy/uid/prometheus/api/v1/query?query=up"
"""Any query does: one that finds nothing yet is a success too. `prometheus` is the uid in grafana/provisioning."""

PATIENCE_S = 10.0
LONGEST_REASON = 200
GRAFANA_LOGS = "docker compose logs grafana"
GATEWAY = range(502, 505)
"""What Grafana answers when it is Prometheus that does not."""


def why_no_query(port: int, patience_s: float = PATIENCE_S) -> str | None:
    """Return in one line why Grafana on `port` of this machine cannot query Prometheus, and what to type; None if it can."""
    try:
        status, text = _ask(port, patience_s)
    except TimeoutError:
        return f"Grafana did not answer a query of Prometheus within {patience_s:g} s; type {GRAFANA_LOGS}"
    except (OSError, HTTPException):
        return f"Grafana does not answer on port {port}; type {GRAFANA_LOGS}"
    answer = _object(text)
    if status == 200 and answer.get("status") == "success":
        return None
    what = f"Grafana is up, but cannot query Prometheus: it answered {status}, {_reason(answer)}"
    return f"{what}; {_what_to_type(status, answer)}"


def _ask(port: int, patience_s: float) -> tuple[int, str]:
    """Return status and text. No redirect is followed, no proxy asked. Raises `OSError` or `HTTPException`."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=patience_s)) as connection:
        connection.request("GET", QUERY)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")


def _object(text: str) -> dict[str, Any]:
    """Return the JSON object, or an empty one where the text is something else."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _reason(answer: dict[str, Any]) -> str:
    """Return what Grafana or Prometheus says itself, as one short line."""
    said = answer.get("message") or answer.get("error")
    if not said:
        return "without a reason"
    identifier = f" ({answer['messageId']})" if answer.get("messageId") else ""
    return " ".join(str(said).split())[:LONGEST_REASON] + identifier


def _what_to_type(status: int, answer: dict[str, Any]) -> str:
    if status == 404 and "plugin" in _reason(answer).lower():
        return f"its Prometheus plugin is not loaded: type make down, then make up, or {GRAFANA_LOGS} to see why"
    return "type docker compose logs prometheus" if status in GATEWAY else f"type {GRAFANA_LOGS}"
