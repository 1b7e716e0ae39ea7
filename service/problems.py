"""Turns errors into problem details responses (RFC 9457)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
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

UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"description": "Unknown; the response lists what is known.", "content": {MEDIA_TYPE: {}}}
}

MAX_BODY_BYTES = 1 << 20
"""Bytes of a request's body; no route needs more than a few."""

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


class BoundedBody:
    """Refuses a body of more than `MAX_BODY_BYTES` with status 413, before the framework has collected it.

    The call returns the app's own coroutine, and wraps nothing where there is no body, so that neither a frame nor an
    object of this class is in the figures of an error path.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on, with its body counted."""
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        if not headers.keys() & {b"content-length", b"transfer-encoding"}:
            return self.app(scope, receive, send)
        left = MAX_BODY_BYTES

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the limit is {MAX_BODY_BYTES:,} bytes")
            return message

        return self.app(scope, counted, send)


def install(app: FastAPI, on_error: OnError | None = None) -> None:
    """Turn every error of `app` into a problem response; call `on_error` with each `ApiError`."""
    app.add_middleware(ProblemMiddleware, on_error=on_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_unexpected)
    app.add_middleware(BoundedBody)


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


async def _on_unexpected(_: Request, __: Exception) -> JSONResponse:
    """Respond before the framework raises the error again, for the server to log."""
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error", "An error that nothing handles.")


async def _on_invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for no other
    faults: list[dict[str, Any]] = [
        {"at": ".".join(map(str, fault["loc"])), "message": fault["msg"]} for fault in error.errors()
    ]
    detail = "; ".join(f"{fault['at']}: {fault['message']}" for fault in faults)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid request", detail, errors=faults)
