"""The plugin's options: each is also an environment variable."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from sadpath.hosts import urlsplit_or_none
from sadpath.verdict.verdict import FLAT_BELOW_IN_PAGES

if TYPE_CHECKING:
    from locust.argument_parser import LocustArgumentParser
    from locust.env import Environment

I_OWN_THIS_HOST = "--sadpath-i-own-this-host"
LOOKS_LIKE = "for example shop=http://127.0.0.1:8000/metrics"


def add_options(parser: LocustArgumentParser) -> None:
    """Add the plugin's options to Locust's, as a group of their own in its help.

    Its web UI starts loads, so it listens on loopback alone, unless `--web-host` says otherwise.
    """
    parser.set_defaults(web_host="127.0.0.1")
    group = parser.add_argument_group(
        "Sadpath", "Watch the memory of services under load. Exit status: 1 a service leaks, 3 inconclusive."
    )
    for name, settings in OPTIONS.items():
        variable = name.removeprefix("--").replace("-", "_").upper()
        group.add_argument(name, env_var=variable, **{**settings, "help": f"{settings['help']} [env: {variable}]"})
    # Locust prints its own --help before it loads the locustfile, which is where it learns of a plugin.
    group.add_argument("--sadpath-help", action="help", help="show these options among Locust's, and exit")


def options_of(environment: Environment) -> Namespace:
    """Return Locust's options; they exist whenever it runs from the command line."""
    options = environment.parsed_options
    assert isinstance(options, Namespace)  # noqa: S101 - set before any of our hooks is called
    return options


def _watch(text: str) -> tuple[str, str]:
    name, _, url = text.partition("=")
    if not name or urlsplit_or_none(url) is None:
        raise ArgumentTypeError(f"expected NAME=URL, got {text!r} ({LOOKS_LIKE})")
    return name, url


def _not_negative(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ArgumentTypeError(f"expected a number that is not negative, got {text!r}")
    return number


# A folder and a file are text, since Locust sends its options to its workers as messages.
OPTIONS: dict[str, dict[str, Any]] = {
    "--sadpath-watch": {
        "action": "append",
        "default": [],
        "type": _watch,
        "metavar": "NAME=URL",
        "help": f"a service's name and the address of its metrics page, {LOOKS_LIKE}; may be repeated. "
        "With several services, the names of their requests begin with the service's name",
    },
    "--sadpath-warm-up": {
        "type": _not_negative,
        "default": 5.0,
        "metavar": "SECONDS",
        "help": "seconds at the start that are sampled but not judged (5)",
    },
    "--sadpath-reports": {
        "default": "reports/locust",
        "metavar": "FOLDER",
        "help": "where the samples and the report go; earlier runs are kept in its folder `earlier` (reports/locust)",
    },
    "--sadpath-junit": {"default": "", "metavar": "FILE", "help": "also write the verdicts as JUnit XML"},
    "--sadpath-about": {
        "default": "",
        "metavar": "TEXT",
        "help": "what the services are, for the page and the report",
    },
    "--sadpath-bytes-per-request": {
        "type": _not_negative,
        "default": FLAT_BELOW_IN_PAGES,
        "metavar": "BYTES",
        "help": f"growth below this is flat ({FLAT_BELOW_IN_PAGES:g})",
    },
    "--sadpath-allow-inconclusive": {"action": "store_true", "help": "exit with 0 if the verdict is inconclusive"},
    I_OWN_THIS_HOST: {
        "action": "store_true",
        "help": "load a host that is neither this machine nor on a private network",
    },
}
"""The options, with what argparse needs to know; each is also an environment variable, as SADPATH_WATCH."""
