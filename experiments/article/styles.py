"""What is measured: two functions that fail in the same way and differ only in the line that raises.

The stack around them is that of a small service: what answers a request catches the error, four calls above the raise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NoReturn

Style = Literal["singleton", "factory"]
Context = Literal["held", "bare"]
"""Where the context is at the raise: in a local of the frame that raises, or gone with a call that has returned."""

Find = Callable[[int], NoReturn]


class UserNotFoundError(Exception):
    """The user does not exist."""


USER_NOT_FOUND = UserNotFoundError("user not found")  # the singleton: built once


def user_not_found() -> UserNotFoundError:
    """Build a fresh error: the factory."""
    return UserNotFoundError("user not found")


def find_user_singleton(context_bytes: int) -> NoReturn:
    """Fail with the object that every request shares."""
    context = load_context(context_bytes)  # noqa: F841 - retained by this frame
    # This line leaks. The object lives as long as the process, and each raise links one more traceback entry for each
    # frame that it passes; the entry of this frame retains the frame, and the frame retains `context`.
    raise USER_NOT_FOUND


def find_user_factory(context_bytes: int) -> NoReturn:
    """Fail with an object of this request's own."""
    context = load_context(context_bytes)  # noqa: F841 - retained by this frame, as long as the error exists
    # This line does not. When the error has been handled nothing refers to it: object, traceback, frame and `context`
    # go at once, without the garbage collector.
    raise user_not_found()


CONTEXTS: tuple[Context, ...] = ("held", "bare")
STYLES: tuple[Style, ...] = ("singleton", "factory")
FIND: dict[Style, Find] = {"singleton": find_user_singleton, "factory": find_user_factory}


def load_context(size: int) -> bytes:
    """Return the context of a request, `size` bytes that are really written to (zeros would cost no memory)."""
    return b"." * size


def answer(find: Find, context: Context, size: int) -> None:
    """Answer one request. Both contexts do the same work through the same frames; the bare one retains no bytes."""
    held, returned = (size, 0) if context == "held" else (0, size)
    try:
        load_context(returned)
        call_endpoint(find, held)
    except UserNotFoundError:
        pass  # a 404, which is what the client should get


def call_endpoint(find: Find, size: int) -> NoReturn:
    """Pass the request on."""
    show_user(find, size)


def show_user(find: Find, size: int) -> NoReturn:
    """Pass the request on."""
    query_user(find, size)


def query_user(find: Find, size: int) -> NoReturn:
    """Pass the request on."""
    find(size)
