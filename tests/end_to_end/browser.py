"""A real browser for the end-to-end tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

from tests.required import missing
from tests.waiting import PATIENCE_S

expect.set_options(timeout=1000 * PATIENCE_S)


@contextmanager
def chromium(*options: str) -> Iterator[Browser]:
    """Run Debian's Chromium, or Chrome; without one, skip or fail the test (`missing`)."""
    program = (
        shutil.which("chromium") or shutil.which("google-chrome") or missing("browser", "apt-get install chromium")
    )
    arguments = ["--no-sandbox", *options]
    with sync_playwright() as browsers, browsers.chromium.launch(executable_path=program, args=arguments) as browser:
        yield browser
