"""The error paths: twin endpoints, one raising a reused error and one a fresh one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header

from service.context import ContextKb
from service.lab import CurrentLab
from service.lookups import LOOKUPS
from service.problems import MEDIA_TYPE

Authorization = Annotated[str, Header(description="`Bearer` and a token.")]


def _answers(status: int, description: str) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": description, "content": {MEDIA_TYPE: {}}}}


USER_NOT_FOUND = _answers(404, "No user has this id.")
INVALID_TOKEN = _answers(401, "No session has this token.")

router = APIRouter()


@router.get("/reused/users/{user_id}", tags=["reused"], responses=USER_NOT_FOUND)
async def reused_user(user_id: str, context_kb: ContextKb, lab: CurrentLab) -> str:
    """Find a user, raising as the current strategy says."""
    return LOOKUPS[lab.strategy].find_user(user_id, context_kb)


@router.get("/factory/users/{user_id}", tags=["factory"], responses=USER_NOT_FOUND)
async def factory_user(user_id: str, context_kb: ContextKb) -> str:
    """Find a user, raising a fresh error."""
    return LOOKUPS["factory"].find_user(user_id, context_kb)


@router.get("/reused/session", tags=["reused"], responses=INVALID_TOKEN)
async def reused_session(context_kb: ContextKb, lab: CurrentLab, authorization: Authorization = "") -> str:
    """Open a session, raising as the current strategy says."""
    return LOOKUPS[lab.strategy].open_session(authorization, context_kb)


@router.get("/factory/session", tags=["factory"], responses=INVALID_TOKEN)
async def factory_session(context_kb: ContextKb, authorization: Authorization = "") -> str:
    """Open a session, raising a fresh error."""
    return LOOKUPS["factory"].open_session(authorization, context_kb)


@router.get("/healthz", tags=["operation"])
async def health() -> dict[str, str]:
    """Say that the service answers."""
    return {"status": "ok"}
