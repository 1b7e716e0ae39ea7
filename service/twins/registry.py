"""All twins, in the order of the list."""

from __future__ import annotations

from service.twins import (
    asgi_middleware,
    background_task,
    base_http_middleware,
    control_flow,
    dependency,
    either_error,
    endpoint,
    error_cache,
    http_exception,
    last_errors,
    logged,
    main_loop,
    marshalled,
    registered_handler,
    reraise,
    result_in_local,
    retry_worker,
    thread_pool,
    unhandled,
    websocket,
    yield_dependency,
)
from service.twins.catalogue import Twin

TWINS: tuple[Twin, ...] = (
    # a reused exception, by where it is caught
    asgi_middleware.TWIN,
    http_exception.TWIN,
    registered_handler.TWIN,
    thread_pool.TWIN,
    dependency.TWIN,
    yield_dependency.TWIN,
    base_http_middleware.TWIN,
    endpoint.TWIN,
    unhandled.TWIN,
    background_task.TWIN,
    websocket.TWIN,
    # a reused exception outside a request
    retry_worker.TWIN,
    control_flow.TWIN,
    # an exception in a local of its own frame: reference cycles
    result_in_local.TWIN,
    reraise.TWIN,
    marshalled.TWIN,
    either_error.TWIN,
    # an exception in a cache or a list
    error_cache.TWIN,
    last_errors.TWIN,
    # the loop of Python 2
    main_loop.TWIN,
    # the latency cost
    logged.TWIN,
)


def reused_errors() -> dict[str, BaseException]:
    """Return the twins' reused exception objects by name."""
    return {name: error for twin in TWINS for name, error in twin.reused.items()}


def forget() -> None:
    """Empty the caches and lists in which twins hold exceptions."""
    for twin in TWINS:
        twin.forget()
