"""Every query of the committed dashboards and rules, and what a sane answer is."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tests.grafana.lab import LIMIT_MB, ROOT, Series

MIB = 2**20
DASHBOARDS = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
RULES = sorted((ROOT / "grafana" / "prometheus" / "rules").glob("*.yml"))


@dataclass(frozen=True)
class Sane:
    """What an answer must be: every value from `floor` to `high`, and one of them at least `low`."""

    low: float
    high: float
    floor: float = 0.0


@dataclass(frozen=True)
class Question:
    """One expression, where it is used, and the answer that it must get."""

    where: str
    expr: str
    sane: Sane


MEMORY = Sane(30 * MIB, LIMIT_MB * MIB)
LIMIT = Sane(LIMIT_MB * MIB, LIMIT_MB * MIB)
PER_ERROR = Sane(5_000, 200_000, floor=-20_000)  # a flat arm's memory varies
LATENCY = Sane(0.0005, 10)
RATE = Sane(20, 200)
RETAINED = Sane(1_000, 10_000_000)
SHARE = Sane(0.00001, 1)
MAY_BE_NONE = Sane(0, 100_000)

PANELS = {
    ("The divergence", "reused: resident memory"): [MEMORY],
    ("The divergence", "factory: resident memory"): [MEMORY],
    ("The divergence", "Until the memory limit"): [Sane(1, 3600)],
    ("The divergence", "Restarts in the last hour"): [MAY_BE_NONE],
    ("The divergence", "Same service, same requests, same rate: resident memory"): [MEMORY, LIMIT],
    ("The divergence", "Traceback entries retained"): [RETAINED],
    ("The divergence", "Latency: p99, and p50 dashed"): [LATENCY, LATENCY],
    ("The divergence", "Memory retained per error"): [PER_ERROR],
    ("The divergence", "Time paused in GC"): [SHARE],
    ("The divergence", "Full collections"): [MAY_BE_NONE],
    ("The divergence", "Objects freed by GC"): [MAY_BE_NONE],
    ("The divergence", "Errors"): [RATE],
    ("The divergence", "Locust's users"): [Sane(40, 40)],
    ("The divergence", "Failures"): [MAY_BE_NONE],
    ("One service", "Resident memory"): [MEMORY],
    ("One service", "Resident memory in one hour"): [Sane(LIMIT_MB * MIB, 1000 * 2**30)],
    ("One service", "Memory growth per error"): [PER_ERROR],
    ("One service", "Uptime"): [Sane(15, 300)],
    ("One service", "Resident memory over time"): [MEMORY, LIMIT],
    ("One service", "Traceback entries retained"): [RETAINED],
    ("One service", "Memory retained, by exception object"): [Sane(MIB, LIMIT_MB * MIB)],
    ("One service", "Requests, and errors dashed"): [RATE, RATE],
    ("One service", "Latency: p99, and p50 dashed"): [LATENCY, LATENCY],
    ("One service", "Objects freed by GC"): [MAY_BE_NONE],
    ("One service", "Full collections"): [MAY_BE_NONE],
    ("One service", "Time paused in GC"): [SHARE],
}

ALERTS = {
    "MemoryWillCrossItsLimit": Sane(LIMIT_MB * MIB, 1000 * 2**30),
    "ErrorsRetainMemory": Sane(5_000, 200_000),
    "TracebackGrows": Sane(1_000, 10_000_000),
    "RestartLoop": Sane(3, 3),
}


def check(answer: Sequence[Series], sane: Sane) -> None:
    """Fail unless an answer has data of a sane size and sign."""
    values = [value for series in answer for value in series.values]
    assert values, "no data"
    assert all(map(math.isfinite, values)), f"not all are numbers: {values}"
    assert min(values) >= sane.floor, f"{min(values)} is below {sane.floor}"
    assert max(values) <= sane.high, f"{max(values)} is above {sane.high}"
    assert max(values) >= sane.low, f"nothing reaches {sane.low}; the largest is {max(values)}"


def boards() -> list[dict[str, Any]]:
    """Return the committed dashboards."""
    return [json.loads(path.read_text()) for path in DASHBOARDS]


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a dashboard's panels, also those in a row that is closed."""
    return [panel for one in board["panels"] for panel in ([*one["panels"]] if one["type"] == "row" else [one])]


def of_panels() -> Iterator[Question]:
    """Return the panels' queries; the tables above must match the committed dashboards."""
    for board in boards():
        for panel in panels(board):
            where = (board["title"], panel["title"])
            exprs = [target["expr"] for target in panel.get("targets", [])]
            for expr, sane in zip(exprs, PANELS.get(where, []), strict=True):
                yield Question(" / ".join(where), for_the_lab(expr), sane)


def of_alerts() -> Iterator[Question]:
    """Return the alert rules' queries."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                yield Question(rule["alert"], for_the_lab(rule["expr"]), ALERTS[rule["alert"]])


def annotations() -> list[tuple[str, str, str]]:
    """Return the annotations: dashboard, name, expression."""
    return [
        (board["title"], one["name"], for_the_lab(one["expr"]))
        for board in boards()
        for one in board["annotations"]["list"]
    ]


def variables() -> list[tuple[str, str, str]]:
    """Return the variables' queries: the variable, the label, the series that have it."""
    found = []
    for board in boards():
        for variable in board["templating"].get("list", []):
            if variable["type"] == "query":
                asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
                assert asked, variable
                found.append((variable["name"], asked[2], for_the_lab(asked[1])))
    return found


def for_the_lab(expr: str) -> str:
    """Replace Grafana's variables, and make five minutes 15 s, since the lab runs for about a minute only."""
    filled = expr.replace("$job", "lab").replace("$instance", ".+").replace("$__rate_interval", "15s")
    return filled.replace("[5m]", "[15s]").replace("> 300", "> 15")
