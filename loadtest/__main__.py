"""One command line for the lab: `python -m loadtest --help`.

`up` and `down` need the standard library alone: a speaker has Docker and Python, and no virtual environment.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

from loadtest import compose


def main() -> None:
    """Run the command that was typed, and end with its exit status."""
    if sys.argv[1:2] in (["up"], ["down"]) or find_spec("typer") is None:
        sys.exit(compose.main(sys.argv[1:]))
    from loadtest.commands import run  # noqa: PLC0415 - only where its libraries are installed

    sys.exit(run())


if __name__ == "__main__":
    main()
