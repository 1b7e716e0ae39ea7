"""Turns errors into problem details responses (RFC 9457)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import ApiError

MEDIA_TYPE = "application/problem+json"

INVALID_REQUEST: dict[int | str, dict[str, Any]] = {
    422: {"description": "The request is invalid; nothing was changed.", "content": {MEDIA_TYPE: {}}}
}
"""A response that FastAPI documents for every route."""

OnError = Callable[[Scope, ApiError], None]


class ProblemMiddleware:
    """Turns an `ApiError` into a response. Since it is no handler of the framework's, nothing clears the traceback."""

    def __init__(self, app: ASGIApp, on_error: OnError | None = None) -> None:
        self.app = app
        self.on_error = on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer an `ApiError` that is raised before the response has started."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except ApiError as error:
            if started:
                raise
            if self.on_error:
                self.on_error(scope, error)
            await problem(error.status, error.title, error.detail, error.headers)(scope, receive, send)


def install(app: FastAPI, on_error: OnError | None = None) -> None:
    """Turn every error of `app` into a problem response; call `on_error` with each `ApiError`."""
    app.add_middleware(ProblemMiddleware, on_error=on_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)


def problem(
    status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **members: object
) -> JSONResponse:
    """Return a problem response; `members` are added to the standard ones."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return JSONResponse(body, status, headers, MEDIA_TYPE)


async def _on_http_exception(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for no other
    if error.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI's answer to a body that is not JSON
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid request", f"body: {error.detail}")
    return problem(error.status_code, HTTPStatus(error.status_code).phrase, error.detail, error.headers)


async def _on_invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for no other
    faults: list[dict[str, Any]] = [
        {"at": ".".join(map(str, fault["loc"])), "message": fault["msg"]} for fault in error.errors()
    ]
    detail = "; ".join(f"{fault['at']}: {fault['message']}" for fault in faults)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid request", detail, errors=faults)
