"""The command line of `sadpath check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sadpath.check.login.log_in import merged
from sadpath.check.report import Files
from sadpath.check.run import init, run
from sadpath.check.service.target import STARTS_WITHIN_S, TargetSpec
from sadpath.check.settings import FILE, Settings, overridden, read_settings, size, statuses
from sadpath.check.settings import request as parsed_request
from sadpath.hosts import basic_authorization, without_user
from sadpath.sources import SourceSpec
from sadpath.verdict.verdict import FLAT_BELOW_EXACT

CHECK_HELP = """Find the error paths of a service, measure which of them leak, and name the exception object to blame.

Give the command that starts your server after two dashes. It is started with a probe in it, which opens no port and
changes no answer; your environment needs nothing of ours. Without --, name an ASGI app, or the address of a service
that runs.

\b
Examples:
  sadpath check -- uvicorn shop.main:app --port 8000
  sadpath check -- gunicorn shop.wsgi --bind 127.0.0.1:8000
  sadpath check -- python manage.py runserver 8000
  sadpath check shop.main:app
  sadpath check http://127.0.0.1:8000 --pid 4242
  sadpath check http://127.0.0.1:8000 --container shop
  sadpath check http://127.0.0.1:8000 --metrics http://127.0.0.1:8000/metrics

The error paths come from the service's OpenAPI description or, without one, from the routes of the running app. Methods
that may change data are only sent what cannot reach their operations. Load goes to this machine and private networks
alone.

Exit status: 0 every path is flat, 1 a path leaks, 2 the command is wrong, 3 inconclusive within the budget, 4 the
service did not start, did not answer, or died, 70 Sadpath itself is at fault, 130 interrupted; what was measured until
then is reported.
"""

SERVICE = typer.Argument(metavar="[-- COMMAND | MODULE:APP | URL]", help="The service.", show_default=False)
Service = Annotated[list[str], SERVICE]


def check(  # noqa: PLR0913 - one for each thing that a check depends on
    service: Service,
    *,
    url: Annotated[str, typer.Option(help="Where the service listens, if that cannot be found out.")] = "",
    request: Annotated[
        list[str] | None, typer.Option(metavar="'GET /users/999'", help="Check this request; may be given again.")
    ] = None,
    schema: Annotated[str, typer.Option(metavar="URL|FILE", help="The OpenAPI description.")] = "",
    include: Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="Only such paths: '/users/*'.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="No such paths.")] = None,
    status: Annotated[
        list[str] | None, typer.Option(metavar="STATUS", help="Measure these statuses: 404, 2xx (4xx,5xx).")
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings; by default sadpath.toml.")] = None,
    writes: Annotated[bool, typer.Option("--writes", help="Also repeat what may change data.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before that.")] = False,
    budget: Annotated[float | None, typer.Option(metavar="SECONDS", help="Seconds to measure for (60).")] = None,
    bytes_per_request: Annotated[
        float | None, typer.Option(metavar="BYTES", help=f"Growth below this is flat ({FLAT_BELOW_EXACT:g}).")
    ] = None,
    concurrency: Annotated[int | None, typer.Option(metavar="N", help="Connections (1).")] = None,
    memory_limit: Annotated[
        str, typer.Option(metavar="SIZE", help="End when the service needs more (half of what is free).")
    ] = "",
    list_only: Annotated[bool, typer.Option("--list", help="List the error paths, and stop.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the results as JSON.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page.")] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Accept the leaks of this earlier --json FILE; fail on new ones."),
    ] = None,
    pid: Annotated[int | None, typer.Option(help="The process of a service that runs.")] = None,
    container: Annotated[str, typer.Option(metavar="NAME", help="The container of a service that runs.")] = "",
    metrics: Annotated[str, typer.Option(metavar="URL", help="The metrics page of a service that runs.")] = "",
    start_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Seconds for the service to listen.")
    ] = STARTS_WITHIN_S,
    log: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep what the service prints.")] = None,
    i_own_this_host: Annotated[
        bool, typer.Option("--i-own-this-host", help="Allow a host outside of this machine and private networks.")
    ] = False,
) -> None:
    """Check a service."""
    read = read_settings(config)
    settings = overridden(
        read,
        headers=merged(read.headers, basic_authorization(url or service[0])),
        requests=tuple(map(parsed_request, request)) if request else None,
        schema=schema or None,
        include=tuple(include) if include else None,
        exclude=tuple(exclude) if exclude else None,
        status=statuses(status) if status else None,
        writes=writes or None,
        budget_s=budget,
        bytes_per_request=bytes_per_request,
        concurrency=concurrency,
        memory_limit=size(memory_limit) if memory_limit else None,
    )
    source = SourceSpec(pid, container, metrics)
    spec = TargetSpec(
        _words(service),
        without_user(url),
        source,
        i_own_this_host=i_own_this_host,
        starts_within_s=start_timeout,
        log=log,
    )
    files = {"json": json_file, "junit": junit, "html": html}
    named = Files({name: file for name, file in files.items() if file})
    raise typer.Exit(run(spec, settings, named, baseline, list_only=list_only, is_agreed=yes))


def _words(service: list[str]) -> tuple[str, ...]:
    """Return what was typed, of an address without its user; the words of a command are its own."""
    return (without_user(service[0]),) if len(service) == 1 else tuple(service)


INIT_HELP = """Write sadpath.toml, the settings of `sadpath check`, with a comment for each.

Name the service as for `sadpath check`, and the error paths that are found in it are listed in the file.

\b
Examples:
  sadpath init
  sadpath init -- uvicorn shop.main:app --port 8000
"""


def write_settings(
    service: Annotated[list[str] | None, SERVICE] = None,
    *,
    url: Annotated[str, typer.Option(help="Where the service listens, if that cannot be found out.")] = "",
    config: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.")] = FILE,
) -> None:
    """Write the settings file."""
    raise typer.Exit(init(TargetSpec(_words(service), without_user(url)) if service else None, Settings(), config))
