"""The exception objects that a class, a module, a mapping or a list holds, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import getmembers_static
from itertools import islice
from typing import TypeGuard, cast

MAX_FOLLOWED = 200
"""Each is a series of each metric of the census, so a cache or a list that grows must not add them without end."""


def named_errors(holder: object) -> dict[str, BaseException]:
    """Return the exception objects of `holder` by the name of their attribute or key: `user_not_found`.

    Those in a list get the list's name and their index: `retries.0`; in a list that is itself the holder, `errors.0`.
    An object that is there under several names has the first one. At most `MAX_FOLLOWED`. No attribute is evaluated, be
    it a property or a lazy object.
    """
    named: dict[int, tuple[str, BaseException]] = {}
    for name, error in _errors(holder):
        named.setdefault(id(error), (name, error))
    return dict(islice(named.values(), MAX_FOLLOWED))


def check_errors(holder: object) -> None:
    """Raise `TypeError` if `holder` cannot hold exception objects, `ValueError` if a class or module holds none.

    An empty mapping or list may fill later.
    """
    if isinstance(holder, str | bytes | BaseException):
        raise TypeError(f"errors={holder!r}: expected a class, module, mapping or list that holds exception objects")
    if not isinstance(holder, Mapping | list | tuple) and not named_errors(holder):
        name = getattr(holder, "__name__", repr(holder))
        raise ValueError(
            f"errors={name} holds no exception object: expected attributes such as user_not_found = ApiError(404)"
        )


def _errors(holder: object) -> Iterator[tuple[str, BaseException]]:
    for name, value in _members(holder):
        if _is_error(value):
            yield name, value
        elif issubclass(type(value), list | tuple) and not isinstance(holder, list | tuple):
            yield from (
                (f"{name}.{index}", one) for index, one in enumerate(cast("list[object]", value)) if _is_error(one)
            )


def _members(holder: object) -> list[tuple[str, object]]:
    if isinstance(holder, Mapping):
        return [(str(key), value) for key, value in list(holder.items())]
    if isinstance(holder, list | tuple):
        return [(f"errors.{index}", one) for index, one in enumerate(holder)]
    return [(name, value) for name, value in getmembers_static(holder) if not name.startswith("__")]


def _is_error(value: object) -> TypeGuard[BaseException]:
    """By its type, here as for lists: `isinstance` would ask a lazy object for its class."""
    return issubclass(type(value), BaseException)
