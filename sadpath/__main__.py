"""The command `sadpath`, and `python -m sadpath`. Where its packages were left out, it prints what to install."""

import sys

from sadpath import interrupts

USAGE = 2
NEEDS = ("altair", "jinja2", "locust", "numpy", "rich", "schemathesis", "typer", "vl_convert")


def main() -> None:
    """Run the command line of `sadpath.cli`."""
    interrupts.end_at_once()
    from importlib.util import find_spec  # noqa: PLC0415 - from here on a signal ends us quietly

    if any(find_spec(name) is None for name in NEEDS):
        sys.stderr.write("sadpath: the command needs packages that were left out; type pip install sadpath\n")
        sys.exit(USAGE)
    from sadpath import cli  # noqa: PLC0415 - it imports what was just looked for

    interrupts.end_in_order()
    cli.main()


if __name__ == "__main__":
    main()
