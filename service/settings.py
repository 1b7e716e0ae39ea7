"""The service's settings, read from `LAB_*` variables at the edge; nothing deeper reads the environment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.errors import Strategy

MAX_CONTEXT_KB = 4096


class Settings(BaseSettings):
    """The settings of one arm, that is, of one running copy of the service. `LAB_CONTEXT_KB=64` sets `context_kb`."""

    model_config = SettingsConfigDict(env_prefix="LAB_")

    arm: str = Field(default="lab", description="The name of this copy of the service in the experiment.")
    control: bool = Field(default=False, description="Whether to expose `/lab`, which changes state.")
    context_kb: int = Field(
        default=16, ge=0, le=MAX_CONTEXT_KB, description="KiB of context that a raising call holds, by default."
    )
    memory_limit_mb: int | None = Field(
        default=None, gt=0, description="MiB of resident memory above which the process ends."
    )
    strategy: Strategy = Field(default="reused", description="How the errors of `/reused` are raised at first.")
    metrics: Literal["all", "census", "none"] = Field(
        default="all",
        description="What `/metrics` publishes: everything, only the census and the GC pauses, or nothing.",
    )
