"""What explains the leak to people, for the live page: its cause, and the code of a twin."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from service.cause import Cause, cause
from service.lab import CurrentLab, own_origin
from service.problems import UNKNOWN
from service.twins.code import code_of
from service.twins.routes import CATALOGUE, unknown_twin

router = APIRouter(prefix="/lab", tags=["lab"], dependencies=[Depends(own_origin)])


@router.get("/cause", summary="Show what retains most")
def show_cause(lab: CurrentLab) -> Cause | None:
    """Return the object that retains most, where it is raised and its newest entries; null where none does."""
    return cause(lab.errors(), lab.census.looks())


@router.get("/code/{twin}", summary="Show the code of a twin", responses=UNKNOWN)
def show_code(twin: str) -> Any:
    """Return the lines of the leaky and of the fixed variant that differ, from the source."""
    return code_of(CATALOGUE[twin]) if twin in CATALOGUE else unknown_twin(twin)
