"""One command line for the lab: `python -m loadtest --help`.

`up` and `down` need the standard library alone: a speaker has Docker and Python, and no virtual environment.
"""

from __future__ import annotations

import sys

from sadpath import interrupts


def main() -> None:
    """Run the command that was typed, and end with its exit status."""
    interrupts.end_at_once()
    from importlib.util import find_spec  # noqa: PLC0415 - from here on a signal ends us quietly

    from loadtest import compose  # noqa: PLC0415
    from sadpath.errors import exit_status  # noqa: PLC0415

    if sys.argv[1:2] in (["up"], ["down"]) or find_spec("typer") is None:
        interrupts.end_in_order()
        sys.exit(exit_status(" ".join(sys.argv[1:2]) or "loadtest", lambda: compose.main(sys.argv[1:])))
    from loadtest.commands import run  # noqa: PLC0415 - only where its libraries are installed

    interrupts.end_in_order()
    status = run()
    interrupts.ignore()
    sys.exit(status)


if __name__ == "__main__":
    main()
