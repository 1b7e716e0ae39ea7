"""The error paths of the headline twin, the page at `/`, and the health check."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import HTMLResponse

from service.context import ContextKb
from service.lab import CurrentLab
from service.lookups import LOOKUPS
from service.problems import MEDIA_TYPE

Authorization = Annotated[str, Header(description="`Bearer` and a token.")]


def _answers(status: int, description: str) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": description, "content": {MEDIA_TYPE: {}}}}


USER_NOT_FOUND = _answers(404, "No user has this id.")
INVALID_TOKEN = _answers(401, "No session has this token.")

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sadpath lab</title>
<h1>Sadpath lab</h1>
<p>A web service whose error paths leak memory, and the same paths fixed.</p>
<ul>
  <li><a href="/docs">/docs</a>: every route</li>
  <li><a href="/twins">/twins</a>: the leaks, each with a leaky and a fixed variant</li>
  <li><a href="/metrics">/metrics</a>: memory and garbage collector, for Prometheus</li>
</ul>
</html>
"""

router = APIRouter()


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
async def index() -> str:
    """Return a short page that links to the others."""
    return PAGE


@router.get("/reused/users/{user_id}", tags=["reused"], responses=USER_NOT_FOUND)
async def reused_user(user_id: str, context_kb: ContextKb, lab: CurrentLab) -> str:
    """Find a user; raise by the current strategy."""
    return LOOKUPS[lab.strategy].find_user(user_id, context_kb)


@router.get("/factory/users/{user_id}", tags=["factory"], responses=USER_NOT_FOUND)
async def factory_user(user_id: str, context_kb: ContextKb) -> str:
    """Find a user; raise a new error."""
    return LOOKUPS["factory"].find_user(user_id, context_kb)


@router.get("/reused/session", tags=["reused"], responses=INVALID_TOKEN)
async def reused_session(context_kb: ContextKb, lab: CurrentLab, authorization: Authorization = "") -> str:
    """Open a session; raise by the current strategy."""
    return LOOKUPS[lab.strategy].open_session(authorization, context_kb)


@router.get("/factory/session", tags=["factory"], responses=INVALID_TOKEN)
async def factory_session(context_kb: ContextKb, authorization: Authorization = "") -> str:
    """Open a session; raise a new error."""
    return LOOKUPS["factory"].open_session(authorization, context_kb)


@router.get("/healthz", tags=["operation"])
async def health() -> dict[str, str]:
    """Return that the service is up."""
    return {"status": "ok"}
