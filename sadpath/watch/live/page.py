"""The live page at `/sadpath` on Locust's web UI: the way to it, and what it asks for while it is open."""

from __future__ import annotations

import json
import logging
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import gevent
from flask import Flask, Response, request

from sadpath.pages import templates
from sadpath.watch.live.figures import figures_of, marks_of
from sadpath.watch.live.stage import Refused, Stage
from sadpath.watch.report import MEMORY_PICTURE, PAGE
from sadpath.watch.report.charts import MARKS_DATA, SAMPLES_DATA, THEMES, chart_script, colours, live_chart
from sadpath.watch.report.rows import ChartRows
from sadpath.watch.run import Run
from sadpath.watch.sample_file import Sample

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from locust.web import WebUI

PATH = "/sadpath"
EVERYWHERE = {"", "*", "0.0.0.0", "::"}  # noqa: S104 - Locust's choice, which is read here
LINK = f"""
    <a href="{PATH}" style="position: fixed; left: 16px; bottom: 16px; z-index: 9999; padding: 10px 16px;
      background: #d55e00; color: #fff; border-radius: 6px; font: 16px sans-serif; text-decoration: none">
      Memory under load (Sadpath)</a>
  </body>"""

ASKS_WITH = "X-Sadpath-Token"
OPEN_S = 3.0
"""A page that has asked within this time is open."""

ENDING_WITHIN_S = 6.0
"""How long an end waits until each open page has its report: it asks for the end, and then for two files."""

ASSETS = {"live.css": "text/css", "live.js": "text/javascript", "stage.js": "text/javascript"}
FILES = {PAGE: "text/html", MEMORY_PICTURE: "image/png"}
"""What the page takes from the folder when the load has ended."""

logger = logging.getLogger("sadpath")

_TEMPLATES = templates("sadpath.watch.live", "assets")


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
        gevent.sleep(0.1)
    scheme = "https" if web_ui.tls_cert else "http"
    logger.info("memory under load: %s://%s:%s%s", scheme, f"[{host}]" if ":" in host else host, web_ui.port, PATH)


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


class Watched(Protocol):
    """What the page shows: the run of the load that goes on or has ended, in `folder`."""

    names: Sequence[str]
    folder: Path
    about: str

    @property
    def run(self) -> Run:
        """The run so far."""
        ...

    @property
    def is_running(self) -> bool:
        """Whether the load goes on."""
        ...

    @property
    def concluded(self) -> Run | None:
        """The run with its verdicts, once it has ended and its report is written."""
        ...

    def mark(self, words: str, arms: Iterable[str]) -> None:
        """Remember what was done."""
        ...


@dataclass
class Reader:
    """One open page: when it last asked, and whether it has the files of the ending."""

    asked: float
    files: set[str]


class LivePage:
    """The page and its routes. Without a `stage` there is nothing to do on it but to watch."""

    def __init__(self, app: Flask, watched: Watched, stage: Stage | None = None) -> None:
        self.app = app
        self._watched = watched
        self._stage = stage
        self._token = secrets.token_urlsafe(16)
        self._readers: dict[str, Reader] = {}
        self._rows = ChartRows(anonymous=False)  # the memory that has the limit
        self._seen: tuple[Run, int] = (Run(), 0)
        self._last: dict[str, Sample] = {}
        self._html = self._page()
        charts = chart_script()  # now: it takes seconds, in which no request would be sent later
        views: dict[str, Callable[[], ResponseReturnValue]] = {
            "": lambda: self._html,
            "/rows": self._state,
            "/ending": self._ending,
            **{f"/{name}": partial(self._file, name) for name in FILES},
            "/code": lambda: self._ask(lambda stage: stage.code()),
            "/cause": lambda: self._ask(lambda stage: stage.cause()),
            "/charts.js": lambda: self._script(charts, "max-age=3600"),
            **{f"/{name}": partial(self._asset, name) for name in ASSETS},
        }
        for path, view in views.items():
            app.add_url_rule(f"{PATH}{path}", f"sadpath{path}", view)
        app.add_url_rule(f"{PATH}/do", "sadpath/do", self._do, methods=["POST"])

    def wait_for_readers(self) -> None:
        """Wait until each open page has the report of a load that has ended, but not for long."""
        deadline = time.monotonic() + ENDING_WITHIN_S
        while time.monotonic() < deadline and any(one.files < FILES.keys() for one in self._open_readers()):
            gevent.sleep(0.1)

    def _open_readers(self) -> list[Reader]:
        since = time.monotonic() - OPEN_S
        return [one for one in self._readers.values() if one.asked > since]

    def _page(self) -> str:
        colour_of = colours(self._watched.names)
        stage = self._stage
        return _TEMPLATES.get_template("page.html").render(
            arms=self._watched.names,
            about=self._watched.about,
            colours=colour_of,
            page={
                "arms": list(self._watched.names),
                "token": self._token,
                "specs": {name: live_chart(tuple(self._watched.names), theme) for name, theme in THEMES.items()},
                "data": {"rows": SAMPLES_DATA, "marks": MARKS_DATA},
                "actions": [asdict(one) for one in stage.actions] if stage else [],
                "fields": [asdict(one) for one in stage.fields] if stage else [],
                "choices": [asdict(one) for one in stage.choices] if stage else [],
                "acts": [asdict(one) for one in stage.acts] if stage else [],
            },
        )

    def _state(self) -> Response:
        """Return all that changes: rows, marks, figures. A poll costs the same after a minute and after a day."""
        run = self._watched.run
        self._reader().asked = time.monotonic()
        state = {
            "run": id(run),
            "state": "running" if self._watched.is_running else "ended" if run.samples else "waiting",
            "has_ending": self._watched.concluded is not None,
            "elapsed_s": run.samples[-1].elapsed_s if run.samples else 0.0,
            "phase": run.samples[-1].phase if run.samples else "",
            "marks": marks_of(run),
            "arms": self._figures(run),
            "stage": self._stage.state() if self._stage else None,
        }
        text = json.dumps(state, separators=(",", ":"))
        return self._answer(f'{text[:-1]},"rows":{self._rows.as_json(run)}}}', HTTPStatus.OK)

    def _figures(self, run: Run) -> dict[str, Any]:
        seen, taken = self._seen
        if seen is not run:
            taken, self._last = 0, {}
            for reader in self._readers.values():
                reader.files.clear()
        for sample in run.samples[taken:]:
            self._last[sample.arm] = sample
        self._seen = run, len(run.samples)
        return {arm: asdict(figures_of(run, arm, self._last)) for arm in self._watched.names}

    def _ending(self) -> ResponseReturnValue:
        run = self._watched.concluded
        if run is None:
            return self._json({"message": "The load goes on."}, HTTPStatus.CONFLICT)
        verdicts = [
            {"arm": arm, "outcome": verdict.outcome, "sentence": verdict.sentence}
            for arm, verdict in run.verdicts.items()
        ]
        return self._json({"headline": run.headline, "verdicts": verdicts})

    def _file(self, name: str) -> ResponseReturnValue:
        path = self._watched.folder / name
        if self._watched.concluded is None or not path.exists():
            return self._json({"message": "There is no report yet: it is written when the load ends."}, 404)
        self._reader().files.add(name)
        headers = {"Cache-Control": "no-store"}
        return self.app.response_class(path.read_bytes(), mimetype=FILES[name], headers=headers)

    def _reader(self) -> Reader:
        """Return who asks. A page has a number of its own; a program that has none is nobody to wait for."""
        number = request.args.get("reader", "")[:32]
        if not number or (number not in self._readers and len(self._readers) > 100):  # noqa: PLR2004
            return Reader(0.0, set())
        return self._readers.setdefault(number, Reader(0.0, set()))

    def _do(self) -> ResponseReturnValue:
        """Do what a button or a field of the page asks for."""
        if not secrets.compare_digest(request.headers.get(ASKS_WITH, "").encode(), self._token.encode()):
            return self._json({"message": "Only the live page itself may do this: reload it."}, HTTPStatus.FORBIDDEN)
        if self._stage is None:
            return self._json({"message": "Nothing can be done on this page."}, HTTPStatus.NOT_FOUND)
        try:
            done = self._stage.do(*_asked())
        except Refused as reason:
            return self._json({"message": str(reason), "field": reason.field}, HTTPStatus.BAD_REQUEST)
        self._watched.mark(done.words, done.arms)
        return self._json({"message": done.words, "stage": self._stage.state()})

    def _ask(self, question: Callable[[Stage], Any]) -> ResponseReturnValue:
        if self._stage is None:
            return self._json(None)
        try:
            return self._json(question(self._stage))
        except Refused as reason:
            return self._json({"message": str(reason)}, HTTPStatus.BAD_GATEWAY)

    def _json(self, content: Any, status: int = HTTPStatus.OK) -> Response:
        return self._answer(json.dumps(content, separators=(",", ":")), status)  # Flask's own also sorts and indents

    def _answer(self, text: str, status: int) -> Response:
        response = self.app.response_class(text, status, mimetype="application/json")
        response.headers["Cache-Control"] = "no-store"
        return response

    def _asset(self, name: str) -> Response:
        text = (Path(__file__).parent / "assets" / name).read_text(encoding="utf-8")
        return self._script(text, "no-cache", ASSETS[name])

    def _script(self, text: str, cache: str, kind: str = "text/javascript") -> Response:
        return self.app.response_class(text, mimetype=kind, headers={"Cache-Control": cache})


def _asked() -> tuple[str, str]:
    """Return the name of what is asked for, and the value, empty where it is none. Raises `Refused`."""
    try:
        content = request.get_json(silent=True)
    except RecursionError:  # of 100,000 brackets; `silent` covers `ValueError` alone
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("name"), str):
        raise Refused("Expected the name of an action.")
    value = content.get("value")
    return content["name"], str(value) if isinstance(value, str | int | float) else ""
