"""`sadpath check`, as it is typed, on a service with one error path of each kind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import psutil
import pytest

from loadtest.ports import free_port
from tests.check.conftest import HERE, Checked, check, environment, shop
from tests.waiting import until

LEAKS = {
    "GET /leaks/reused/{item} 409": ("reused exception", "shop.Errors.sold_out"),
    "GET /leaks/dictionary 402": ("reused exception", "shop.FAILED['payment']"),
    "GET /leaks/closure 403": ("reused exception", "closure variable 'error' of shop.guard.<locals>.refuse"),
    "GET /leaks/kept 500": ("kept exception", "shop.LAST_ERRORS"),
    "GET /leaks/data 503": ("no exception", "shop.KEPT_DATA"),
    "GET /leaks/seen/{name} 404": ("no exception", "shop.SEEN"),
    "GET /leaks/cached/{name} 404": ("no exception", "lru_cache of shop.looked_up"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    """One check of the whole service."""
    folder = tmp_path_factory.mktemp("whole")
    return check(
        folder, "--budget", "300", "--junit", folder / "junit.xml", "--html", folder / "page.html", "--", *shop()
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", LEAKS)
def test_a_path_that_leaks_is_found_and_its_object_named(whole: Checked, name: str) -> None:
    """By its kind, and by the name of what holds it."""
    found = whole.path(name)
    assert found["verdict"] == "leaks"
    assert (found["cause"]["kind"], found["cause"]["held_by"]) == LEAKS[name]
    assert found["cause"]["fix"]


@pytest.mark.slow
def test_no_other_path_leaks(whole: Checked) -> None:
    """Fresh exceptions, bounded lists, caches that fill, circles of references, and what the framework refuses."""
    others = {one["name"]: one["verdict"] for one in whole.summary["paths"]}
    assert {name: verdict for name, verdict in others.items() if verdict != "flat"} == dict.fromkeys(LEAKS, "leaks")
    assert len(others) >= 18
    assert whole.status == 1


@pytest.mark.slow
def test_a_raise_site_is_a_line_of_the_users_own(whole: Checked) -> None:
    """With the line itself."""
    site = whole.path("GET /leaks/dictionary 402")["cause"]["raised_at"][0]
    assert site["file"].endswith("tests/check/shop.py")
    assert (site["function"], site["source"]) == ("leaks_dictionary", 'raise FAILED["payment"]')


@pytest.mark.slow
def test_bytes_are_those_that_were_kept(whole: Checked) -> None:
    """A bytearray of 2,000 bytes, with its header and its place in a list."""
    assert whole.path("GET /leaks/data 503")["bytes_per_request"] == pytest.approx(2000 + 57 + 8, abs=50)


@pytest.mark.slow
def test_a_circle_of_references_is_reported_and_no_leak(whole: Checked) -> None:
    """With the local that closes it."""
    found = whole.path("GET /flat/cycle 409")
    assert found["verdict"] == "flat"
    assert found["cyclic_objects_per_request"] == pytest.approx(4, abs=1)
    assert found["cause"]["held_by"] == "local 'kept' of flat_cycle"


@pytest.mark.slow
def test_the_table_has_the_worst_first(whole: Checked) -> None:
    """And a block for each leak; progress went to standard error."""
    lines = [line.split() for line in whole.out.splitlines() if line.startswith(" GET")]
    assert lines[0][:4] == ["GET", "/leaks/data", "503", "leaks"]
    assert "held by shop.Errors.sold_out" in whole.out
    assert "answers at http://127.0.0.1" in whole.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `quick` leaves its files."""
    return tmp_path_factory.mktemp("quick")


@pytest.fixture(scope="module")
def quick(folder: Path) -> Checked:
    """A check of two requests."""
    options = ["--request", "GET /leaks/reused/1", "--request", "GET /flat/fresh", "--budget", "60"]
    return check(folder, *options, "--junit", folder / "junit.xml", "--html", folder / "page.html", "--", *shop())


def test_requests_that_are_named_are_checked_alone(quick: Checked, folder: Path) -> None:
    """And every format says the same."""
    verdicts = {one["path"]: one["verdict"] for one in quick.summary["paths"]}
    assert verdicts == {"/leaks/reused/1": "leaks", "/flat/fresh": "flat"}
    assert quick.status == 1
    assert quick.summary["environment"]["python"].count(".") == 2
    suite = ET.parse(folder / "junit.xml").getroot()  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    page = (folder / "page.html").read_text()
    assert "shop.Errors.sold_out" in page
    assert "http://" not in page.replace(quick.summary["url"], "")


def test_known_leaks_are_accepted_and_new_ones_are_not(quick: Checked, tmp_path: Path) -> None:
    """By the JSON of an earlier check."""
    assert quick.status == 1
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps(quick.summary))
    again = check(tmp_path, "--request", "GET /leaks/reused/1", "--baseline", baseline, "--", *shop())
    assert (again.status, again.summary["verdict"]) == (0, "flat")
    other = check(tmp_path, "--request", "GET /leaks/closure", "--baseline", baseline, "--", *shop())
    assert other.status == 1


def test_in_github_actions_a_raise_site_is_annotated(tmp_path: Path) -> None:
    """And the job has a summary."""
    summary = tmp_path / "summary.md"
    arguments = ["--request", "GET /leaks/dictionary", "--", *shop()]
    found = check(tmp_path, *arguments, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    line = (HERE / "shop.py").read_text().splitlines().index('        raise FAILED["payment"]') + 1
    assert f"::error file=shop.py,line={line},title=GET /leaks/dictionary 402 leaks::" in found.out
    assert "| <code>GET /leaks/dictionary 402</code> | leaks |" in unescape(summary.read_text())
    assert "shop.FAILED['payment']" in summary.read_text()


def test_the_plan_is_listed_and_nothing_measured(tmp_path: Path) -> None:
    """One line for each error path."""
    listed = check(tmp_path, "--list", "--exclude", "/leaks/*", "--", *shop())
    assert listed.status == 0
    assert "GET /private 401" in listed.out
    assert "/leaks/" not in listed.out
    assert listed.summary == {}


def test_an_app_that_is_named_is_started_with_uvicorn(tmp_path: Path) -> None:
    """With the Python of this folder's environment, on a free port."""
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    found = check(tmp_path, "--request", "GET /leaks/closure", "shop:app", cwd=tmp_path, PYTHONPATH=str(HERE))
    assert found.path("GET /leaks/closure 403")["verdict"] == "leaks"
    assert found.summary["target"] == "shop:app"


def test_init_writes_the_error_paths_that_it_finds(tmp_path: Path) -> None:
    """And nothing over a file that is there."""
    file = tmp_path / "sadpath.toml"
    command = [sys.executable, "-m", "sadpath", "init", "--config", str(file), "--", *shop()]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=HERE, env=environment(), capture_output=True, text=True, check=False)

    assert "next: sadpath check" in run().stderr
    assert "# GET /leaks/reused/{item} 409\n# [[request]]\n" in file.read_text()
    again = subprocess.run(
        command, cwd=HERE, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert again.returncode == 2
    assert "is there already" in again.stderr


@contextmanager
def running(folder: Path, *arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """`sadpath check` in the background; killed at the end if it still runs."""
    command = [sys.executable, "-m", "sadpath", "check", "--json", str(folder / "check.json"), *arguments]
    process = subprocess.Popen(
        command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**more)
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def family_once_measuring(process: subprocess.Popen[str], folder: Path) -> list[psutil.Process]:
    """The service and the driver, once a path was decided."""
    until((folder / "check.json").exists, 300, "a path is decided")
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    return family


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_partial_report_and_nothing_running(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    """Once a path was decided: the service and the driver have ended, and the results so far are printed."""
    with running(tmp_path, "--budget", "60", "--", *shop()) as process:
        family = family_once_measuring(process, tmp_path)
        process.send_signal(number)
        out, _ = process.communicate(timeout=300)
    assert process.returncode == status
    assert "ended early: interrupted" in out
    _, alive = psutil.wait_procs(family, timeout=120)
    assert alive == []


def test_a_kill_leaves_what_was_measured_and_nothing_running(tmp_path: Path) -> None:
    """Also where we could not clean up."""
    with running(tmp_path, "--budget", "60", "--", *shop()) as process:
        family = family_once_measuring(process, tmp_path)
        process.kill()
        process.communicate(timeout=300)
    _, alive = psutil.wait_procs(family, timeout=120)
    assert alive == []
    assert json.loads((tmp_path / "check.json").read_text())["paths"]


def test_a_path_that_ends_the_service_is_one_line(tmp_path: Path) -> None:
    """What was measured before is reported, with status 4."""
    with running(tmp_path, "--request", "GET /shutdown", "--", *shop(), SHOP_HAS="shutdown") as process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == 4, err
    assert "ended with status 7" in out + err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--", sys.executable, "-c", "raise SystemExit('no database')"], 4, "no database"),
        (["--", "no-such-command"], 2, "cannot find the command 'no-such-command'"),
        (["http://127.0.0.1:1"], 2, "add --pid or --container or --metrics"),
        (["http://127.0.0.1:1", "--pid", "999999999"], 2, "no process 999999999"),
        (["http://8.8.8.8:1", "--container", "x"], 2, "--i-own-this-host"),
        (["--request", "nonsense", "--", "true"], 2, "expected a method and a path"),
        (["--memory-limit", "much", "--", "true"], 2, "expected a size"),
        (["--budget", "0", "--", "true"], 2, "budget_s has to be 1 or more, got 0"),
        (["--concurrency", "0", "--", "true"], 2, "concurrency has to be 1 or more, got 0"),
        (["--bytes-per-request", "0", "--", "true"], 2, "bytes_per_request has to be 1 or more, got 0"),
        (["--config", "missing.toml", "--", "true"], 2, "cannot read missing.toml"),
        (["--baseline", "missing.json", "--", "true"], 2, "write one with --json"),
        (["--pid", "1", "--", "true"], 2, "--pid or --container or --metrics needs the address of a service"),
        (["--html", "/proc/nowhere/page.html", "--", "true"], 4, "cannot write to /proc/nowhere/page.html"),
    ],
)
def test_what_cannot_work_is_one_line(arguments: list[str], status: int, message: str, tmp_path: Path) -> None:
    """With the right status, and what to type next."""
    failed = check(tmp_path, *arguments)
    assert failed.status == status, failed.err
    assert message in failed.err
    assert "Traceback" not in failed.err


def test_a_leak_that_nears_the_memory_limit_ends_the_check(tmp_path: Path) -> None:
    """The leak that is known by then is reported."""
    limited = check(
        tmp_path,
        "--request",
        "GET /leaks/reused/1",
        "--request",
        "GET /leaks/data",
        "--memory-limit",
        "1MB",
        "--",
        *shop(),
    )
    assert limited.status == 3
    assert "more than its limit of 1 MiB" in limited.out


@pytest.mark.slow
def test_bytes_per_request_are_the_truth(tmp_path: Path) -> None:
    """Within 50 bytes below 4 KiB, and within 5% above."""
    sizes = (200, 500, 1000, 4096, 20_000)
    requests = [word for size in sizes for word in ("--request", f"GET /keep/{size}")]
    command = [sys.executable, "plain.py", str(free_port())]
    found = check(tmp_path, *requests, "--budget", "60", "--", *command, cwd=HERE / "services")
    in_a_bytearray = sys.getsizeof(bytearray()) + 1 + 8  # its last byte, and its place in the list
    for size in sizes:
        path = found.path(f"GET /keep/{size} 503")
        assert path["verdict"] == "leaks"
        truth = size + in_a_bytearray
        assert path["bytes_per_request"] == pytest.approx(truth, abs=max(50, 0.05 * truth * (size >= 4096)))
        assert path["cause"]["held_by"].endswith(".KEPT")


def test_memory_that_grows_by_itself_is_not_blamed_on_a_path(tmp_path: Path) -> None:
    """A thread of the service leaks, whatever is requested: on a busy machine its pace is uneven, too."""
    arguments = ["--request", "GET /flat/fresh", "--budget", "20", "--", *shop()]
    found = check(tmp_path, *arguments, SHOP_HAS="background").path("GET /flat/fresh 409")
    assert found["verdict"] == "inconclusive"
    assert "without any request" in found["reason"] or "more slowly towards the end" in found["reason"]


def test_a_service_that_cannot_be_probed_is_measured_from_outside(tmp_path: Path) -> None:
    """Python in isolated mode takes no probe: the report says so, and what would help."""
    command = [sys.executable, "-I", "-m", "uvicorn", "--app-dir", str(HERE), *shop()[3:]]
    outside = check(tmp_path, "--request", "GET /leaks/data", "--budget", "20", "--", *command)
    assert "measured from outside, without a cause" in outside.out
    assert "-I" in outside.out
    assert outside.path("GET /leaks/data 503")["verdict"] in ("leaks", "inconclusive")
    assert outside.summary["probe"] is False
