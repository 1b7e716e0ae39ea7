"""`make real-services`: what counts as decided, the page that says so, and a service that begins in an empty folder."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from experiments.commands import run
from experiments.real.growth import Repeated, bytes_per_request
from experiments.real.real_services import ServiceRow, check, row_of, services_json, services_page
from experiments.real.services import SERVICES, Place, RealService
from experiments.twins.runtimes import Python
from loadtest.ports import free_port

HERE = Python(sys.executable, "{}.{}.{}".format(*sys.version_info))
SHOP = RealService("shop", "shop==1.0", "python serve.py {port}", said="a token")
SERVE = """
import http.server, sys
KEPT = []
class Nothing(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        KEPT.extend([bytearray(8000)] if self.path.startswith("/leak/") else [])
        self.send_error(404)
    def log_message(self, *words):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Nothing).serve_forever()
"""


def path(verdict: str, **figures: Any) -> dict[str, Any]:
    """An error path of the JSON of a check."""
    return {"method": "GET", "path": "/x", "status": 404, "verdict": verdict, "cause": None, **figures}


def row(*verdicts: str) -> ServiceRow:
    """What a check found in the shop."""
    leak = {"bytes_per_request": 4096.4, "cause": {"kind": "reused exception", "type": "E", "held_by": "shop.ERROR"}}
    paths = [path(one, **leak) if one == "leaks" else path(one) for one in verdicts]
    return row_of(SHOP, HERE, {"paths": paths, "notes": ["a note"], "wall_s": 42.4})


def test_what_is_inconclusive_is_not_decided() -> None:
    """A path that leaks is decided, as is one that is flat."""
    found = row("leaks", "flat", "inconclusive")
    assert (found.paths, found.decided, found.percent) == (3, 2, 66)


def test_where_no_path_was_found_nothing_was_decided() -> None:
    """Which is no reason to call it done."""
    assert row().percent == 0


def test_the_page_names_each_leak_and_what_the_service_was_told() -> None:
    """With the object that is to blame."""
    page = re.sub(" +", " ", services_page([row("leaks", "flat")], 120.0))
    assert "| shop==1.0 |" in page
    assert "| 2 | 2 (100%) | 1 | 1 | 42 | a token |" in page
    assert "- `GET /x 404` leaks 4,096 bytes a request: reused exception, E, held by shop.ERROR" in page
    assert "- a note" in page


def test_the_file_has_a_row_for_each_service() -> None:
    """By the names of the row's fields."""
    (written,) = services_json([row("flat")])["rows"]
    assert (written["release"], written["flat"], written["seconds"]) == ("shop==1.0", 1, 42.4)


def test_an_unknown_name_prints_the_list(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """And is a wrong command."""
    assert run(["services", "sideways", "--reports", str(tmp_path)]) == 2
    assert "there are airflow, prefect" in capsys.readouterr().err


def test_each_release_is_pinned() -> None:
    """The page can be written again."""
    assert all("==" in one.release for one in SERVICES)


def test_a_service_begins_in_an_empty_folder(tmp_path: Path) -> None:
    """What an earlier run left there is gone; what it is told is there."""
    service = RealService("shop", "shop==1.0", "serve", files={"shop.ini": "on = true"}, settings="writes = true\n")
    place = Place(service, tmp_path, 4242)
    place.work.mkdir()
    place.work.joinpath("shop.db").touch()
    place.prepare()
    assert [one.name for one in place.work.iterdir()] == ["shop.ini"]
    assert place.settings.read_text() == "writes = true\n"


def test_words_and_variables_have_the_port_and_the_folder_of_the_service(tmp_path: Path) -> None:
    """Its own commands come first on the path."""
    place = Place(
        RealService("shop", "shop==1.0", "serve --port {port}", variables={"DB": "{home}/db"}), tmp_path, 4242
    )
    assert place.words(place.service.start) == [f"{tmp_path}/env/bin/serve", "--port", "4242"]
    assert place.variables["DB"] == f"{tmp_path}/work/db"
    assert place.variables["PATH"].startswith(f"{tmp_path}/env/bin:")


def laid_out(folder: Path, settings: str = "") -> Place:
    """A service of ten lines in an environment of its own, which has the running Python."""
    commands = folder / "env" / "bin"
    commands.mkdir(parents=True)
    commands.joinpath("python").symlink_to(sys.executable)
    service = RealService("shop", "shop==1.0", SHOP.start, files={"serve.py": SERVE}, settings=settings)
    return Place(service, folder, free_port())


@pytest.mark.slow
def test_a_service_is_checked_where_it_is_laid_out(tmp_path: Path) -> None:
    """From its own environment, with the settings of its team."""
    found = check(laid_out(tmp_path, '[[request]]\npath = "/x"\n'), tmp_path, budget_s=10)
    assert [one["verdict"] for one in found["paths"]] == ["flat"]
    assert "GET /x 404" in tmp_path.joinpath("shop.txt").read_text()


def test_growth_is_read_from_outside(tmp_path: Path) -> None:
    """A leak of 8,000 bytes a request, and nothing where nothing is kept."""
    place = laid_out(tmp_path)
    place.prepare()
    assert bytes_per_request(place, Repeated("GET", "/leak/{n}"), 1000) == pytest.approx(8000, rel=0.2)
    assert bytes_per_request(place, Repeated("GET", "/flat"), 1000) < 1000
