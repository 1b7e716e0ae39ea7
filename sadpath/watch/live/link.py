"""The live page on Locust's web UI: it is linked from Locust's own page, and its address is logged once it answers."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

import gevent
from flask import Flask, Response, request

if TYPE_CHECKING:
    from locust.web import WebUI

PATH = "/sadpath"
POLL_S = 0.1
EVERYWHERE = {"", "*", "0.0.0.0", "::"}  # noqa: S104 - Locust's choice, which is read here
LINK = f"""
    <a href="{PATH}" style="position: fixed; left: 16px; bottom: 16px; z-index: 9999; padding: 10px 16px;
      background: #d55e00; color: #fff; border-radius: 6px; font: 16px sans-serif; text-decoration: none">
      Memory under load (Sadpath)</a>
  </body>"""

logger = logging.getLogger("sadpath")


def link_from_index(app: Flask) -> None:
    """Add a link to Locust's own page, which is a script's: the documented ways to extend it only add tables."""

    @app.after_request
    def add_link(response: Response) -> Response:
        if request.endpoint == "locust.index" and response.mimetype == "text/html":
            response.set_data(response.get_data(as_text=True).replace("</body>", LINK.lstrip()))
        return response


def announce(web_ui: WebUI) -> None:
    """Log the address of the live page as soon as the web UI answers, which is after the `init` event."""
    gevent.spawn(_announce, web_ui)


def _announce(web_ui: WebUI) -> None:
    host = "127.0.0.1" if web_ui.host in EVERYWHERE else str(web_ui.host)
    while not _answers(host, web_ui.port):
        gevent.sleep(POLL_S)
    scheme = "https" if web_ui.tls_cert else "http"
    logger.info("memory under load: %s://%s:%s%s", scheme, f"[{host}]" if ":" in host else host, web_ui.port, PATH)


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
