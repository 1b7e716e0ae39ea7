"""The command `sadpath`, and `python -m sadpath`: one line for whoever installed the package without it."""

import sys
from importlib.util import find_spec

USAGE = 2


def main() -> None:
    """Run the command line of `sadpath.cli`."""
    if any(find_spec(name) is None for name in ("altair", "rich", "typer")):
        sys.stderr.write("sadpath: the command needs more than is installed; type pip install 'sadpath[cli]'\n")
        sys.exit(USAGE)
    from sadpath import cli  # noqa: PLC0415 - only where it can be

    cli.main()


if __name__ == "__main__":
    main()
