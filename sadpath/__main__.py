"""The command `sadpath`, and `python -m sadpath`. Without its extra it prints one line that says what to install."""

import sys
from importlib.util import find_spec

USAGE = 2
NEEDS = ("altair", "jinja2", "numpy", "typer", "vl_convert")


def main() -> None:
    """Run the command line of `sadpath.cli`."""
    if any(find_spec(name) is None for name in NEEDS):
        sys.stderr.write("sadpath: the command needs more packages; type pip install 'sadpath[cli]'\n")
        sys.exit(USAGE)
    from sadpath import cli  # noqa: PLC0415 - it imports what was just looked for

    cli.main()


if __name__ == "__main__":
    main()
