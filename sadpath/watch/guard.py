"""Who may use Locust's web UI, and where a load may go, however it was started.

The web UI starts loads. So it answers to its own pages and to programs, but not to a page of another origin that is
open in the same browser; and an address that comes through it is checked as one on the command line is.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import gevent
from flask import Flask, Request, Response, jsonify, request
from locust.argument_parser import default_args_dict, get_parser
from locust.env import Environment

from sadpath.errors import CommandError, Status
from sadpath.hosts import check_host, host_name, is_own_name, is_own_origin, urlsplit_or_none
from sadpath.watch.options import I_OWN_THIS_HOST, options_of

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

LOAD = {"user_count", "spawn_rate", "run_time", "host", "user_classes", "shape_class", "profile"}
"""What Locust's own form sends, beside a locustfile's options that have a field in it."""

USER_CLASS = {"user_class_name", "host", "weight", "fixed_count", "tasks"}
"""What Locust's own form sends for a class of users."""

MAX_BODY_BYTES = 1 << 24
"""Bytes of a request's body. Locust's own pages send some hundred; a route that a locustfile adds may take a file."""

logger = logging.getLogger("sadpath")


@contextlib.contextmanager
def one_line() -> Iterator[None]:
    """End Locust with one line, and the exit status that belongs to it, at a `CommandError`."""
    try:
        yield
    except CommandError as error:
        error.show(command="locust")
        sys.exit(error.exit_code)


def check_hosts(environment: Environment, urls: Sequence[str]) -> None:
    """Raise `CommandError` if one of `urls` is not ours to load."""
    for url in urls:
        check_host(url, i_own_this_host=options_of(environment).sadpath_i_own_this_host, option=I_OWN_THIS_HOST)


def refuse_load(environment: Environment, urls: Sequence[str]) -> None:
    """Stop a load that starts, or gets another user, if one of `urls` is not ours to load.

    The reason is logged where a web UI stays for another try; elsewhere it is the one line that Locust ends with.
    """
    if environment.web_ui is None:
        with one_line():
            check_hosts(environment, urls)
        return
    try:
        check_hosts(environment, urls)
    except CommandError as error:
        logger.error("the load is refused: %s", error.format_message())  # noqa: TRY400 - one line
        if environment.runner:
            gevent.spawn(environment.runner.stop)  # from outside, since it ends the greenlet that we are in
        raise gevent.GreenletExit from None  # of an exception Locust would log the traceback


def guard(app: Flask, environment: Environment) -> None:
    """Refuse pages of another origin with 403, and changes that the web UI has no field for with 400.

    A body of more than `MAX_BODY_BYTES` is refused with 413, where the locustfile has set no limit of its own.
    """
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_CONTENT_LENGTH"] or MAX_BODY_BYTES
    bound = options_of(environment).web_host
    fields = LOAD | (set(get_parser().args_included_in_web_ui) - set(default_args_dict()))

    @app.before_request
    def refuse() -> ResponseReturnValue | None:
        if reason := of_a_stranger(request, bound):
            return Response(f"{reason}\n", 403, content_type="text/plain; charset=utf-8")
        try:
            _check_changes(environment, fields)
        except CommandError as error:
            logger.error("%s: %s", request.path, error.format_message())  # noqa: TRY400 - one line
            return jsonify({"success": False, "message": error.format_message()}), 400
        return None

    # The last to run, so the first of the list: Locust adds headers that let any origin read the answer.
    app.after_request_funcs.setdefault(None, []).insert(0, own_origin_only)


def of_a_stranger(request: Request, bound: str) -> str:
    """Return why a request is refused; nothing for one of the web UI's own pages, and of a program.

    To open the web UI from a link on another page is fine. `bound` is the value of `--web-host`.
    """
    host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
    if not is_own_name(host) and host_name(host) != (bound.lower() or None):
        return f"Locust's web UI does not answer to the host {host!r}: use localhost or a private address"
    fetch_site = None if _opens_a_page(request) else request.headers.get("Sec-Fetch-Site")
    if not is_own_origin(host, origin, fetch_site):
        return "pages of another origin may not use Locust's web UI"
    return ""


def own_origin_only(response: Response) -> Response:
    """Let no page of another origin read or frame an answer."""
    for name in {name for name, _ in response.headers if name.lower().startswith("access-control-")}:
        del response.headers[name]
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _opens_a_page(request: Request) -> bool:
    sent = [request.method, request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")]
    return sent == ["GET", "navigate", "document"]


def _check_changes(environment: Environment, fields: set[str]) -> None:
    """Raise `CommandError` for what no field of the web UI sends, and for an address that is not ours to load."""
    if request.endpoint == "locust.swarm":
        sent = [(name, value.replace("<", "").replace(">", "")) for name, value in request.form.items(multi=True)]
        known = fields  # `<` and `>` are what Locust drops, too
    elif request.endpoint == "locust.update_user":
        sent, known = _user_class(), USER_CLASS
    else:
        return
    if unknown := sorted({name for name, _ in sent} - known):
        raise CommandError(f"{', '.join(unknown)}: cannot be changed while Locust runs", Status.WRONG_COMMAND)
    check_hosts(environment, [value for name, value in sent if value and (name == "host" or urlsplit_or_none(value))])


def _user_class() -> list[tuple[str, str]]:
    try:
        settings = json.loads(request.data)
        return [(name, str(value or "")) for name, value in settings.items()]
    except (ValueError, AttributeError, RecursionError):  # the last for 100,000 brackets
        raise CommandError("expected the settings of a class of users", Status.WRONG_COMMAND) from None
