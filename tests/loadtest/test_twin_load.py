"""Any twin under load: Locust as a user starts it, against real arms that serve the catalogue."""

import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.server import ServerConnection, serve

from loadtest import sessions
from loadtest.ports import free_port
from loadtest.server import Server, service
from sadpath.errors import Status
from service.twins.registry import TWINS
from tests.loadtest.locust_runs import Ended, locust, sent


def loaded(twin: str, arms: Sequence[Server], *options: str) -> Ended:
    """Load one twin to the end; which one is in the environment, as Compose sets it."""
    return locust(*options, TWIN=twin, **{f"DEMO_{arm.name.upper()}_HOST": arm.url for arm in arms})


def served(arm: Server, twin: str) -> dict[str, float]:
    """Requests by variant and status that the arm counted."""
    page = urlopen(f"{arm.url}/metrics").read().decode()
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    counted = {one.labels["handler"]: one for one in samples if one.name == "http_requests_total"}
    path = f"/twins/{twin}/"
    return {
        f"{handler.removeprefix(path)} {one.labels['status']}": one.value
        for handler, one in counted.items()
        if handler.startswith(path)
    }


@pytest.mark.parametrize(
    ("twin", "status", "options"),
    [
        ("websocket", 101, ["--processes", "2", "--master-bind-port", "{port}", "--master-port", "{port}"]),
        ("retry-worker", 200, []),
    ],
)
def test_each_arm_gets_its_variant_and_both_sides_count_the_same(
    arms: Sequence[Server], twin: str, status: int, options: list[str]
) -> None:
    """After a warm-up with the fixed one for both; a session is a request, and workers know what their master does."""
    port = str(free_port())
    result = loaded(
        twin, arms, "--run-time", "3", "--sadpath-warm-up", "1", "--rate", "100", "--json",
        *(option.format(port=port) for option in options),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    requests = sent(result)
    assert set(requests) == {f"reused {twin}", f"factory {twin}"}
    reused, factory = (served(arm, twin) for arm in arms)
    assert set(reused) == {f"reused {status}", f"factory {status}"}
    assert set(factory) == {f"factory {status}"}
    assert min(reused[f"reused {status}"], reused[f"factory {status}"]) > 0
    for arm, counted in (("reused", reused), ("factory", factory)):
        count, failures = requests[f"{arm} {twin}"]
        assert failures == 0
        assert count == pytest.approx(sum(counted.values()), abs=20)  # those in flight at the end
        assert count > 150


def test_an_unknown_twin_prints_the_list(arms: Sequence[Server]) -> None:
    """Before the first request, and without a traceback."""
    result = loaded("leeks", arms, "--run-time", "1")
    assert result.returncode == 1
    first = result.stderr.index("locust: unknown twin 'leeks'; the twins are:\n")
    assert [line.split()[0] for line in result.stderr[first:].splitlines()[1:]] == [twin.slug for twin in TWINS]
    assert "Traceback" not in result.stderr


def test_an_arm_that_does_not_answer_is_one_line_that_says_what_to_type(arms: Sequence[Server]) -> None:
    """The second arm as the first, since both will be loaded."""
    port = free_port()
    result = loaded("websocket", [arms[0], service("factory", Path(), port)], "--run-time", "1")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"locust: the arm at http://127.0.0.1:{port} does not list its twins ([Errno 111] Connection refused); "
        f"start it with python -m uvicorn service.app:app --port {port}, or set its address with --reused-host and "
        "--factory-host"
    )
    assert "Traceback" not in result.stderr


def test_answers_that_are_not_the_twins_are_failures_and_have_an_exit_status_of_their_own(
    arms: Sequence[Server],
) -> None:
    """A service that answers 503 to everything is flat too."""
    catalogue = urlopen(f"{arms[0].url}/twins").read()

    class Down(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/twins" else 503)
            self.send_header("Content-Length", str(len(catalogue)))
            self.end_headers()
            self.wfile.write(catalogue)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Down) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        down = service("factory", Path(), server.server_port)
        result = loaded("retry-worker", [arms[0], down], "--run-time", "1", "--sadpath-warm-up", "0", "--json")
        server.shutdown()
    assert result.returncode == Status.UNEXPECTED_ANSWERS
    requests, failures = sent(result)["factory retry-worker"]
    assert requests == failures > 0
    assert sent(result)["reused retry-worker"][1] == 0


def held(url: str) -> list[str]:
    """What Locust records of one session: the failure in words, empty if there was none."""
    recorded: list[str] = []
    sessions.record(lambda exception, **_: recorded.append(str(exception or "")), url, "reused websocket", 101)
    return recorded


def test_a_session_that_is_refused_or_fails_inside_is_a_failure(arms: Sequence[Server]) -> None:
    """One that is closed in good order is none, whatever the reason it gives."""

    def fail(session: ServerConnection) -> None:
        session.close(1011)

    assert held(f"{arms[0].url}/twins/websocket/websocket-exception") == [""]
    assert held(f"{arms[0].url}/nowhere") == ["expected 101, got 403"]
    with serve(fail, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        assert held(f"http://127.0.0.1:{port}") == ["the session failed inside the service"]
        server.shutdown()
