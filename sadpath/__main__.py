"""The command `sadpath`, and `python -m sadpath`. Where its packages were left out, it prints what to install."""

import sys

from sadpath import interrupts

NEEDS = ("altair", "jinja2", "locust", "numpy", "rich", "schemathesis", "tomlkit", "typer", "vl_convert", "yaml")


def main() -> None:
    """Run the command line of `sadpath.cli`. Whatever fails on the way is one line, without a traceback."""
    interrupts.end_at_once()
    from sadpath.errors import exit_status  # noqa: PLC0415 - from here on a signal ends us quietly

    sys.exit(exit_status("sadpath", _run))


def _run() -> None:
    from importlib.util import find_spec  # noqa: PLC0415 - as above

    from sadpath.errors import CommandError, Status  # noqa: PLC0415

    if any(find_spec(name) is None for name in NEEDS):
        raise CommandError(
            "the command needs packages that were left out; type pip install sadpath", Status.WRONG_COMMAND
        )
    from sadpath import cli  # noqa: PLC0415 - it imports what was just looked for

    interrupts.end_in_order()
    cli.app()


if __name__ == "__main__":
    main()
