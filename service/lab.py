"""The lab's own controls: see what is pinned, release it, change how the `/reused` routes raise."""

from __future__ import annotations

import os
import platform
import sysconfig
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from sadpath.exporter import environment, process_memory
from sadpath.probe.census import Census
from sadpath.probe.memory import settle
from service.errors import Strategy, reused_errors
from service.settings import Settings


@dataclass
class Lab:
    """The state of one running service."""

    settings: Settings
    strategy: Strategy = "reused"
    census: Census = field(default_factory=lambda: Census(reused_errors))


async def lab_of(request: Request) -> Lab:
    """Return the lab of the app that answers this request. Async, since FastAPI runs other dependencies in threads."""
    lab = request.app.state.lab
    assert isinstance(lab, Lab)  # noqa: S101 - set by create_app
    return lab


CurrentLab = Annotated[Lab, Depends(lab_of)]

router = APIRouter(prefix="/lab", tags=["lab"])


class StrategyChoice(BaseModel):
    """How the `/reused` routes raise from now on."""

    strategy: Strategy


@router.get("")
def show(lab: CurrentLab) -> dict[str, object]:
    """Show the versions, the memory now, and what each reused object pins."""
    memory = process_memory()
    return {
        "arm": lab.settings.arm,
        "strategy": lab.strategy,
        **environment(),
        "allocator": allocator(),
        "memory": {"resident_bytes": memory.resident, "unique_bytes": memory.unique},
        "pinned": {
            name: {"traceback_entries": look.entries, "frames": look.frames, "estimated_bytes": look.estimated_bytes}
            for name, look in lab.census.looks().items()
        },
    }


@router.post("/release")
def release() -> dict[str, int]:
    """Detach every pinned traceback, collect, and give memory back: the unique memory before and after, in bytes."""
    before = process_memory().unique
    for error in reused_errors().values():
        error.__traceback__ = None
    settle()
    return {"before": before, "after": process_memory().unique}


@router.put("/strategy")
def choose(choice: StrategyChoice, lab: CurrentLab) -> StrategyChoice:
    """Apply a remedy to the `/reused` routes, or take it back. What is pinned already stays until it is released."""
    lab.strategy = choice.strategy
    return choice


def allocator() -> str:
    """Name the allocators below Python's objects: `pymalloc over glibc 2.36`."""
    small = os.environ.get("PYTHONMALLOC") or ("pymalloc" if sysconfig.get_config_var("WITH_PYMALLOC") else "malloc")
    return f"{small} over {' '.join(platform.libc_ver()).strip() or platform.system()}"
