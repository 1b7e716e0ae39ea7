"""The twin that depends on the framework's version: a reused error that Starlette's own handler answers.

Starlette 1.10.0 and later clear the traceback of an exception that one of their handlers has handled, so here memory
stays flat; with 1.9.0 and earlier it grows as on the `/reused` routes. Compose's profile `framework` runs both.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from service.lookups import USERS, request_context
from service.routes import USER_NOT_FOUND, ContextKb

user_not_found = HTTPException(404, "There is no user with this id.")

router = APIRouter(prefix="/framework", tags=["framework"])


@router.get("/users/{user_id}", responses=USER_NOT_FOUND)
async def framework_user(user_id: str, context_kb: ContextKb) -> str:
    """Find a user, raising one object again and again; whether that leaks is up to Starlette's version."""
    return find_user(user_id, context_kb)


def find_user(user_id: str, context_kb: int) -> str:
    """Find a user's name, or raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    if user_id not in USERS:
        raise user_not_found  # leaks where no handler clears the traceback
    return USERS[user_id]
