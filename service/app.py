"""The service under measurement: `uvicorn service.app:app`, with settings from `LAB_*` variables."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager

from fastapi import FastAPI
from pydantic import ValidationError

from service import docs_page, explained, lab, memory_limit, problems, routes
from service.errors import reused_errors
from service.metrics import Metrics
from service.settings import Settings
from service.twins import registry
from service.twins.routes import install as install_twins


def create_app(settings: Settings) -> FastAPI:
    """Build the app. The metrics' recording and the memory limit start and stop with its lifespan."""
    state = lab.Lab(settings, lambda: {**reused_errors(), **registry.reused_errors()}, registry.forget)
    metrics = Metrics(state) if settings.metrics != "none" else None
    app = FastAPI(
        title="Sadpath lab",
        description="Error paths that leak, and the same paths fixed.",
        lifespan=_lifespan(settings, metrics),
        responses=problems.INVALID_REQUEST,
        docs_url=None,
        redoc_url=None,
    )
    app.state.lab = state
    docs_page.install(app)
    app.include_router(routes.router)
    if settings.control:
        app.include_router(lab.router)
        app.include_router(explained.router)
    problems.install(app, metrics.on_error if metrics and settings.metrics == "all" else None)
    install_twins(app)
    if metrics:
        metrics.install(app)
    return app


def _lifespan(settings: Settings, metrics: Metrics | None) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as ends:
            if metrics:
                ends.callback(metrics.start())
            for twin in registry.TWINS:
                ends.enter_context(twin.running())
            if settings.memory_limit_mb:
                ends.callback(memory_limit.watch(settings.arm, settings.memory_limit_mb))
            yield

    return lifespan


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"LAB_{str(fault['loc'][0]).upper()}={fault['input']}: {fault['msg']}" for fault in error.errors()]
        sys.exit("\n".join(wrong))


app = create_app(_settings())
