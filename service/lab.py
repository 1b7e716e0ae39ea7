"""The lab's own controls: see what is retained, release it, change how the `/reused` routes raise."""

from __future__ import annotations

import gc
import os
import platform
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from sadpath.plugins.prometheus import environment, process_memory
from sadpath.probe.census import Census
from sadpath.probe.heap import full_census
from sadpath.probe.memory import settle
from service.errors import Strategy, reused_errors
from service.settings import Settings


@dataclass
class Lab:
    """The state of one running service.

    `errors` returns the exception objects that are raised again and again, by name; `forget` lets go of those that are
    kept elsewhere.
    """

    settings: Settings
    errors: Callable[[], Mapping[str, BaseException]] = reused_errors
    forget: Callable[[], None] = lambda: None
    strategy: Strategy = "reused"
    census: Census = field(init=False)

    def __post_init__(self) -> None:
        self.census = Census(self.errors)


async def lab_of(connection: HTTPConnection) -> Lab:
    """Return the lab of the app that answers this request. Async, since FastAPI runs other dependencies in threads."""
    lab = connection.app.state.lab
    assert isinstance(lab, Lab)  # noqa: S101 - set by create_app
    return lab


CurrentLab = Annotated[Lab, Depends(lab_of)]

router = APIRouter(prefix="/lab", tags=["lab"])


class StrategyChoice(BaseModel):
    """How the `/reused` routes raise from now on."""

    strategy: Strategy


@router.get("")
def show(lab: CurrentLab) -> dict[str, object]:
    """Show the versions, the memory now, and what each reused object retains."""
    memory = process_memory()
    return {
        "arm": lab.settings.arm,
        "strategy": lab.strategy,
        **environment(),
        "allocator": allocator(),
        "memory": {"resident_bytes": memory.resident, "anonymous_bytes": memory.anonymous},
        "retained": {
            name: {"traceback_entries": look.entries, "frames": look.frames, "estimated_bytes": look.estimated_bytes}
            for name, look in lab.census.looks().items()
        },
    }


@router.post("/release")
def release(lab: CurrentLab) -> dict[str, int]:
    """Let go of all that errors pin, collect, and give memory back: the anonymous memory before and after, in bytes."""
    before = process_memory().anonymous
    for error in lab.errors().values():
        error.__traceback__ = error.__context__ = error.__cause__ = None
    lab.forget()
    settle()
    return {"before": before, "after": process_memory().anonymous}


@router.post("/settle")
def settled() -> dict[str, int | None]:
    """Collect all garbage and count what is left: figures that a load compares with those before it.

    `bytes_in_use` is what the allocators have handed out, exactly; null where they do not tell. `anonymous_bytes` is
    memory in pages, `traceback_entries` are those of all live exceptions, and `collected_objects` is what the garbage
    collector has freed since the process began.
    """
    gc.collect()
    entries = sum(one.entries for one in full_census())
    left = settle()
    return {
        "bytes_in_use": left.in_use,
        "anonymous_bytes": process_memory().anonymous if left.anonymous is None else left.anonymous,
        "traceback_entries": entries,
        "collected_objects": sum(generation["collected"] for generation in gc.get_stats()),
    }


@router.put("/strategy")
def choose(choice: StrategyChoice, lab: CurrentLab) -> StrategyChoice:
    """Apply a fix to the `/reused` routes, or take it back. What is retained already stays until it is released."""
    lab.strategy = choice.strategy
    return choice


def allocator() -> str:
    """Name the allocators below Python's objects: `pymalloc over glibc 2.36`."""
    small = os.environ.get("PYTHONMALLOC") or ("pymalloc" if sysconfig.get_config_var("WITH_PYMALLOC") else "malloc")
    return f"{small} over {' '.join(platform.libc_ver()).strip() or platform.system()}"
