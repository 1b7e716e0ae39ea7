"""The functions that the endpoints call, one set for each strategy. They differ only in the line that raises.

The stores are empty, so every lookup takes the error path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from service.context import request_context
from service.errors import ErrorFactory, Errors, Strategy

USERS: dict[str, str] = {}
SESSIONS: dict[str, str] = {}


def find_user_reused(user_id: str, context_kb: int) -> str:
    """Find a user's name, or raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    if user_id not in USERS:
        raise Errors.user_not_found  # leaks: each raise retains this frame, its `context` and its callers
    return USERS[user_id]


def find_user_factory(user_id: str, context_kb: int) -> str:
    """Find a user's name, or raise a new object."""
    context = request_context(context_kb)  # noqa: F841
    if user_id not in USERS:
        raise ErrorFactory.user_not_found()  # the object and the frames are freed when the request ends
    return USERS[user_id]


def find_user_detached(user_id: str, context_kb: int) -> str:
    """Find a user's name, or raise the reused object without its old traceback."""
    context = request_context(context_kb)  # noqa: F841
    if user_id not in USERS:
        raise Errors.user_not_found.with_traceback(None)  # retains the last request's frames, no more
    return USERS[user_id]


def open_session_reused(token: str, context_kb: int) -> str:
    """Return the user of a session, or raise the reused object."""
    context = request_context(context_kb)  # noqa: F841
    if token not in SESSIONS:
        raise Errors.invalid_token  # leaks, as above
    return SESSIONS[token]


def open_session_factory(token: str, context_kb: int) -> str:
    """Return the user of a session, or raise a new object."""
    context = request_context(context_kb)  # noqa: F841
    if token not in SESSIONS:
        raise ErrorFactory.invalid_token()
    return SESSIONS[token]


def open_session_detached(token: str, context_kb: int) -> str:
    """Return the user of a session, or raise the reused object without its old traceback."""
    context = request_context(context_kb)  # noqa: F841
    if token not in SESSIONS:
        raise Errors.invalid_token.with_traceback(None)
    return SESSIONS[token]


class Lookups(NamedTuple):
    """The lookups of one strategy."""

    find_user: Callable[[str, int], str]
    open_session: Callable[[str, int], str]


LOOKUPS: dict[Strategy, Lookups] = {
    "reused": Lookups(find_user_reused, open_session_reused),
    "factory": Lookups(find_user_factory, open_session_factory),
    "detached": Lookups(find_user_detached, open_session_detached),
}
