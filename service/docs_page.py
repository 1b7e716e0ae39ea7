"""`/docs` without a network: FastAPI's page of the routes, with scripts from an installed package in place of a CDN."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

SCRIPT, STYLE = "swagger-ui-bundle.js", "swagger-ui.css"


def install(app: FastAPI) -> None:
    """Add the page and its two files."""
    folder = files("fastapi_offline") / "static"

    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=app.openapi_url or "",
            title=app.title,
            swagger_js_url=f"/docs/{SCRIPT}",
            swagger_css_url=f"/docs/{STYLE}",
            swagger_favicon_url="data:,",
        )

    async def script() -> FileResponse:
        return FileResponse(str(folder / SCRIPT), media_type="text/javascript")

    async def style() -> FileResponse:
        return FileResponse(str(folder / STYLE), media_type="text/css")

    app.add_api_route("/docs", docs, include_in_schema=False)
    app.add_api_route(f"/docs/{SCRIPT}", script, include_in_schema=False)
    app.add_api_route(f"/docs/{STYLE}", style, include_in_schema=False)
