"""Write the dashboards as classic JSON, which every Grafana since 11.6 provisions and imports."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.build import divergence, one_service

DASHBOARDS = Path(__file__).parents[1] / "dashboards"


def dashboards() -> dict[str, str]:
    """Return the text of each file by its name. The same code always gives the same text."""
    return {
        "divergence.json": _as_json(divergence.dashboard()),
        "one_service.json": _as_json(one_service.dashboard()),
    }


def _as_json(dashboard: Dashboard) -> str:
    return json.dumps(dashboard, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all files."""
    DASHBOARDS.mkdir(exist_ok=True)
    for name, text in dashboards().items():
        (DASHBOARDS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
