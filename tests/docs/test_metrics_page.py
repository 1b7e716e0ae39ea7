"""Who can read the metrics: what docs/production.md says of a public port, and its example of a port of its own."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from loadtest.ports import free_ports
from loadtest.server import Server, running
from tests.docs.pages import ROOT, blocks

PRODUCTION = ROOT / "docs" / "production.md"
SHOP = {
    "errors.py": "class Errors:\n    user_not_found = LookupError()\n",
    "main.py": "from fastapi import FastAPI\napp = FastAPI()\napp.get('/users/{user_id}')(lambda user_id: user_id)\n",
}


def example(word: str) -> str:
    """Return the one Python block of the page with this word."""
    (block,) = (one for one in blocks(PRODUCTION, "python") if word in one)
    return block


@contextmanager
def served(code: str, folder: Path, port: int) -> Iterator[str]:
    """Run a block of the page beside the reader's service, and serve the app; yield its address."""
    (folder / "shop").mkdir()
    for name, text in SHOP.items():
        (folder / "shop" / name).write_text(text)
    (folder / "run.py").write_text(f"{code}\nimport uvicorn\nuvicorn.run(app, port={port})\n")
    server = Server("shop", [str(folder / "run.py")], folder, port, {"PYTHONPATH": f"{folder}:{ROOT}"})
    with running(server):
        yield server.url


def page(address: str) -> str:
    """Return the page of metrics, or the status of another answer."""
    requests.get(f"{address}/users/42", timeout=60).raise_for_status()
    answer = requests.get(f"{address}/metrics", timeout=60)
    return answer.text if answer.ok else str(answer.status_code)


def tells(text: str) -> bool:
    """Whether a page has what the documentation warns of: the version of Python, and the names of the errors."""
    return bool(re.search(r'^python_info\{.*version="3\.\d+', text, re.MULTILINE)) and "user_not_found" in text


def test_one_call_tells_the_version_on_the_port_of_the_service(tmp_path: Path) -> None:
    """So says the page, and so does each route and its traffic."""
    code = example("import sadpath\n").replace("app = FastAPI()", "from shop.main import app")
    (port,) = free_ports(1)
    with served(code, tmp_path, port) as address:
        text = page(address)
    assert tells(text)
    assert 'handler="/users/{user_id}"' in text


def test_a_port_of_its_own_takes_the_metrics_from_the_services_port(tmp_path: Path) -> None:
    """With the example as it is, but for the number of the port: no page where the service listens, all of it there."""
    public, own = free_ports(2)
    code = example("start_http_server(").replace("9100", str(own))
    assert str(own) in code
    with served(code, tmp_path, public) as address:
        assert page(address) == "404"
        text = requests.get(f"http://127.0.0.1:{own}/", timeout=60).text
    assert tells(text)
    assert 'handler="/users/{user_id}"' in text
