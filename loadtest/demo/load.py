"""Locust's command line: the one place that knows the plugin's options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

WATCH, WARM_UP, REPORTS = "--sadpath-watch", "--sadpath-warm-up", "--sadpath-reports"


def watch_options(services: Mapping[str, str], reports: Path, warm_up_s: float) -> list[str]:
    """Return the options that make the plugin watch `services`, addresses by name."""
    watched = [option for name, url in services.items() for option in (WATCH, f"{name}={url}/metrics")]
    return [*watched, REPORTS, str(reports), WARM_UP, str(warm_up_s)]
