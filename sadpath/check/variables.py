"""Values that name variables of the environment: a secret does not have to stand in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from sadpath.fault import keep_secret

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def filled(text: str, as_written: Callable[[str], str] = str) -> str:
    """Return the text with what the environment has in place of each `${NAME}`, which no message shows from then on.

    `as_written` returns how a value is written where the text means more than it says.

    Raises `ValueError` for a variable that is not set.
    """
    return VARIABLE.sub(lambda found: as_written(_of_environment(found)), text)


def all_filled(value: Any) -> Any:
    """Return a value of TOML, whose texts are filled at every depth.

    Raises `TypeError` for what JSON does not have, such as a date.
    """
    if isinstance(value, dict):
        return {name: all_filled(one) for name, one in value.items()}
    if isinstance(value, list):
        return [all_filled(one) for one in value]
    if isinstance(value, str):
        return filled(value)
    if isinstance(value, bool | int | float):
        return value
    raise TypeError


def _of_environment(found: re.Match[str]) -> str:
    name = found[1]
    if name not in os.environ:
        raise ValueError(f"the environment has no {name}; type: export {name}=…")
    keep_secret([os.environ[name]])
    return os.environ[name]
