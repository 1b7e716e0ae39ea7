"""The commands of `python -m loadtest`, and what they share: an error is one line, and an exit status."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from loadtest import compose
from loadtest.catalogue import twins_at
from loadtest.demo import demo
from loadtest.ports import free_port
from loadtest.server import running, service
from loadtest.slides import slides
from sadpath.command_line import app_of, run_app
from sadpath.temporary import temporary_folder


def up() -> int:
    """Start the Compose demo, with Prometheus and Grafana.

    Needs Docker. The settings are in .env.example.
    """
    compose.main(["up"])
    return 0


def down() -> int:
    """Stop the Compose demo; Locust's report stays.

    The report is in reports/compose. Containers, network and volume are removed, the images stay.
    """
    compose.main(["down"])
    return 0


def twins() -> int:
    """List the twins, one line each, for `make demo TWIN=…`."""
    with temporary_folder("twins-") as folder:
        server = service("twins", folder, free_port())
        with running(server):
            typer.echo(twins_at(server.url))
    return 0


app = app_of("Load the lab's service, and watch its memory.", (demo, twins, up, down, slides))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit status."""
    return run_app(app, "loadtest", arguments)
