"""One command line for the experiments: `python -m experiments --help`."""

from __future__ import annotations

import sys

from sadpath import interrupts


def main() -> None:
    """Run the command that was typed, and end with its exit status."""
    interrupts.end_at_once()
    from experiments.commands import run  # noqa: PLC0415 - from here on a signal ends us quietly

    interrupts.end_in_order()
    status = run()
    interrupts.ignore()
    sys.exit(status)


if __name__ == "__main__":
    main()
