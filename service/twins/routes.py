"""The routes of the catalogue: `GET /twins`, and one for each variant."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette import __version__ as starlette
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute

from service import problems
from service.problems import problem
from service.twins.catalogue import CONTEXT_KB, Twin, Variant
from service.twins.registry import TWINS

CATALOGUE = {twin.slug: twin for twin in TWINS}


def install(app: FastAPI) -> None:
    """Add the catalogue, every variant, and the handlers and middleware of the twins to `app`."""
    app.add_api_route("/twins", catalogue, tags=["twins"], summary="List the twins")
    for twin in TWINS:
        for kind, handler in twin.handlers.items():
            app.add_exception_handler(kind, handler)
        for variant in twin.variants:
            _add_variant(app, twin, variant)
    app.add_api_route(
        "/twins/{twin}", one_twin, tags=["twins"], summary="Describe one twin", responses=problems.UNKNOWN
    )
    app.add_api_route("/twins/{twin}/{variant}", unknown, include_in_schema=False)


async def catalogue() -> list[dict[str, Any]]:
    """List the twins, and what is expected of each variant on the running Python and Starlette."""
    return [_described(twin) for twin in TWINS]


async def one_twin(twin: str) -> Any:
    """Describe one twin."""
    return _described(CATALOGUE[twin]) if twin in CATALOGUE else unknown_twin(twin)


async def unknown(twin: str, variant: str) -> JSONResponse:
    """Respond that the twin or the variant is unknown, and list the known ones."""
    if twin not in CATALOGUE:
        return unknown_twin(twin)
    known = [one.slug for one in CATALOGUE[twin].variants]
    if CATALOGUE[twin].protocol == "websocket" and variant in known:
        return problem(426, "Upgrade required", "This variant needs a websocket client.", {"Upgrade": "websocket"})
    detail = f"unknown variant {variant!r} of twin {twin!r}; known: {', '.join(known)}"
    return problem(404, "Unknown variant", detail, variants=known)


def unknown_twin(twin: str) -> JSONResponse:
    """Respond that there is no such twin, and list the known ones."""
    known = list(CATALOGUE)
    return problem(404, "Unknown twin", f"unknown twin {twin!r}; known: {', '.join(known)}", twins=known)


def _add_variant(app: FastAPI, twin: Twin, variant: Variant) -> None:
    path = f"/twins/{twin.slug}/{variant.slug}"
    if twin.protocol == "websocket":
        app.add_api_websocket_route(path, variant.endpoint)
        return
    app.add_api_route(
        path,
        variant.endpoint,
        tags=["twins"],
        summary=f"{twin.slug}: {variant.slug}",
        description=variant.why,
        responses={variant.status: {"description": twin.title}},
    )
    if twin.middleware:
        _wrap(app.router.routes[-1], twin)


def _wrap(route: BaseRoute, twin: Twin) -> None:
    """Wrap the twin's middleware around one route only, so that it sees no other twin's errors."""
    assert isinstance(route, APIRoute)  # noqa: S101 - it was just added
    assert twin.middleware  # noqa: S101 - the caller has checked it
    route.app = twin.middleware(route.app)


def _described(twin: Twin) -> dict[str, Any]:
    return {
        "slug": twin.slug,
        "title": twin.title,
        "origin": twin.origin,
        "protocol": twin.protocol,
        "leaky": twin.leaky,
        "fixed": twin.fixed,
        "requests": twin.requests,
        "context_kb": CONTEXT_KB,
        "variants": [
            {
                "slug": variant.slug,
                "path": f"/twins/{twin.slug}/{variant.slug}",
                "status": variant.status,
                "why": variant.why,
                "expected": asdict(variant.expected_on(starlette)),
            }
            for variant in twin.variants
        ],
    }
