"""The lab's controls: show what the errors retain, release it, change how the `/reused` routes raise."""

from __future__ import annotations

import gc
import os
import platform
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from sadpath.export.collectors import environment, process_memory
from sadpath.hosts import is_own_name, is_own_origin
from sadpath.probe.census import Census
from sadpath.probe.heap import full_census
from sadpath.probe.memory import settle
from service.errors import Strategy, reused_errors
from service.settings import Settings


@dataclass
class Lab:
    """The state of one running service.

    `errors` returns the reused exception objects by name. `forget` empties the caches and lists that hold exceptions.
    """

    settings: Settings
    errors: Callable[[], Mapping[str, BaseException]] = reused_errors
    forget: Callable[[], None] = lambda: None
    strategy: Strategy = field(init=False)
    census: Census = field(init=False)

    def __post_init__(self) -> None:
        self.strategy = self.settings.strategy
        self.census = Census(self.errors)


async def lab_of(connection: HTTPConnection) -> Lab:
    """Return the lab of the app that serves this request. Async, since FastAPI runs other dependencies in threads."""
    lab = connection.app.state.lab
    assert isinstance(lab, Lab)  # noqa: S101 - set by create_app
    return lab


CurrentLab = Annotated[Lab, Depends(lab_of)]


async def own_origin(request: Request) -> None:
    """Refuse a request from a page of another origin, also one whose name was rebound to this machine's address."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "localhost")
    if not is_own_origin(host, origin, request.headers.get("sec-fetch-site")):
        raise HTTPException(403, f"Pages of {origin or 'another origin'} may not use /lab.")
    if not is_own_name(host):
        raise HTTPException(403, f"/lab does not answer to the host {host}: use localhost or a private address.")


router = APIRouter(prefix="/lab", tags=["lab"], dependencies=[Depends(own_origin)])


class StrategyChoice(BaseModel):
    """How the `/reused` routes raise."""

    strategy: Strategy


@router.get("", summary="Show the lab")
def show(lab: CurrentLab) -> dict[str, object]:
    """Return the versions, the current memory, and what each reused object retains, if it retains anything."""
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
            if look.entries
        },
    }


@router.post("/release", summary="Release what is retained")
def release(lab: CurrentLab) -> dict[str, int]:
    """Release everything that errors retain, collect, and trim; return anonymous memory before and after, in bytes."""
    before = process_memory().anonymous
    for error in lab.errors().values():
        error.__traceback__ = error.__context__ = error.__cause__ = None
    lab.forget()
    settle()
    return {"before": before, "after": process_memory().anonymous}


@router.post("/settle", summary="Collect garbage and measure")
def settled() -> dict[str, int | None]:
    """Collect all garbage and measure what is left: call it before and after a load, and compare.

    `bytes_in_use` is what the allocators have handed out, exactly; null where they do not report it. `anonymous_bytes`
    is anonymous memory. `traceback_entries` counts the entries of all live exceptions. `collected_objects` counts what
    the garbage collector has freed since the process started.
    """
    gc.collect()
    entries = sum(one.entries for one in full_census().with_traceback)
    left = settle()
    return {
        "bytes_in_use": left.in_use,
        "anonymous_bytes": process_memory().anonymous if left.anonymous is None else left.anonymous,
        "traceback_entries": entries,
        "collected_objects": sum(generation["collected"] for generation in gc.get_stats()),
    }


@router.put("/strategy", summary="Choose the strategy")
def choose(choice: StrategyChoice, lab: CurrentLab) -> StrategyChoice:
    """Apply a fix to the `/reused` routes, or undo it. What is already retained stays until `POST /lab/release`."""
    lab.strategy = choice.strategy
    return choice


def allocator() -> str:
    """Return the names of the memory allocators: `pymalloc over glibc 2.36`."""
    small = os.environ.get("PYTHONMALLOC") or ("pymalloc" if sysconfig.get_config_var("WITH_PYMALLOC") else "malloc")
    return f"{small} over {' '.join(platform.libc_ver()).strip() or platform.system()}"
