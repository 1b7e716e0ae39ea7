"""The service's settings, read from `LAB_*` variables at the edge; nothing deeper reads the environment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MAX_CONTEXT_KB = 4096


class Settings(BaseSettings):
    """How one arm runs. `LAB_CONTEXT_KB=64` sets `context_kb`, and so on."""

    model_config = SettingsConfigDict(env_prefix="LAB_")

    arm: str = Field(default="lab", description="The name under which this process is measured.")
    control: bool = Field(default=False, description="Whether `/lab`, which changes state, is exposed.")
    context_kb: int = Field(
        default=16, ge=0, le=MAX_CONTEXT_KB, description="KiB that a raising call holds, by default."
    )
    memory_limit_mb: int | None = Field(
        default=None, gt=0, description="MiB of resident memory at which the process ends."
    )
    metrics: Literal["all", "census", "none"] = Field(
        default="all", description="What `/metrics` publishes: everything, the census and the pauses alone, or nothing."
    )
