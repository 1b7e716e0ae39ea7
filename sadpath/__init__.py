"""Sadpath finds the error paths of a web service that leak memory, by how much, and the exception object to blame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from sadpath.export.install import Installed

__all__ = ["__version__", "install"]
__version__ = "0.1.0"


def install(
    app: Any,
    errors: object,
    *,
    registry: CollectorRegistry | None = None,
    path: str = "/metrics",
    count_requests: bool = True,
) -> Installed:
    """Publish from a service all that Sadpath measures; `sadpath.install(app, errors=Errors)` is the whole set-up.

    Adds to `app` a page of metrics with its requests by route, what each of `errors` retains, the pauses of the garbage
    collector, anonymous memory and its limit.

    Args:
        app: a FastAPI, Starlette or Flask app, which gets a page of metrics; or any ASGI or WSGI callable: then serve
            the `app` of what is returned.
        errors: a class, a module, a mapping or a list that holds exception objects. Each is followed by the name of its
            attribute or key (`user_not_found`), in a list with its index (`retries.0`). It is asked at each scrape, so
            an object that is replaced is followed too.
        registry: what the page shows; by default the one that prometheus_client's own metrics are in.
        path: the address of the page.
        count_requests: whether to count and time requests; with False, what counts `http_requests_total` now goes on.

    Returns:
        What to serve, the registry, and a function that takes our metrics out of it again.

    Raises:
        TypeError: `app` is no app, or `errors` nothing that can hold exception objects.
        ValueError: `errors` is a class or a module without one, or the registry has metrics of these names already.
    """
    from sadpath.export import install as one_call  # noqa: PLC0415 - so that `import sadpath` needs no other package

    return one_call.install(app, errors, registry=registry, path=path, count_requests=count_requests)
