"""What the plugin does with a load, from its options to the exit status, in this process."""

from __future__ import annotations

import json
import logging
import re
import shutil
from typing import Any

import pytest

from loadtest.ports import free_ports
from sadpath.watch.sample_file import read_samples
from tests.file_size import limited_file_size
from tests.watch.conftest import PluggedIn, PlugIn, Serve, greenlets_until


def arm(locust: PluggedIn) -> dict[str, Any]:
    """What was decided about the shop."""
    return dict(json.loads((locust.reports / "summary.json").read_text())["arms"]["shop"])


@pytest.mark.parametrize(
    ("bytes_per_request", "before", "status"), [(0, None, None), (0, 7, 7), (15_000, None, 1), (15_000, 7, 7)]
)
def test_a_leak_is_the_exit_status_where_nobody_else_has_set_one(
    plug_in: PlugIn, serve: Serve, bytes_per_request: int, before: int | None, status: int | None
) -> None:
    """A flat run sets none, not even 0: then failed requests are Locust's exit status, as without the plugin."""
    shop = serve(bytes_per_request=bytes_per_request, per_scrape=100)
    locust = plug_in(f"--sadpath-watch=shop={shop.page}")
    locust.environment.process_exit_code = before
    locust.run()
    assert (arm(locust)["verdict"], locust.status) == ("leaks" if bytes_per_request else "flat", status)


@pytest.mark.parametrize(("options", "status"), [([], 1), (["--sadpath-bytes-per-request", "50000"], None)])
def test_the_threshold_is_an_option(plug_in: PlugIn, serve: Serve, options: list[str], status: int | None) -> None:
    """Growth that leaks by default is flat below another one; without a count of entries memory decides."""
    shop = serve(bytes_per_request=15_000, names_errors=False, per_scrape=100)
    locust = plug_in(f"--sadpath-watch=shop={shop.page}", *options)
    locust.run()
    assert locust.status == status
    assert options == [] or arm(locust)["reason"] == "growth of 50,000 bytes per request is ruled out"


@pytest.mark.parametrize(("options", "status"), [([], 3), (["--sadpath-allow-inconclusive"], None)])
def test_inconclusive_says_what_was_missing_and_may_be_allowed(
    plug_in: PlugIn, serve: Serve, options: list[str], status: int | None
) -> None:
    """A run within its warm-up has no samples to judge."""
    locust = plug_in(f"--sadpath-watch=shop={serve().page}", "--sadpath-warm-up", "3600", *options)
    locust.run()
    assert locust.status == status
    assert arm(locust)["reason"] == (
        "not enough data after the 3600 s warm-up: 0 of 8 samples, 0 of 300 requests; run for at least 30 s"
    )


def test_a_service_that_goes_away_is_the_reason(
    plug_in: PlugIn, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """The last scrape is in the verdict, and the log has one line for it, not one each second."""
    shop = serve()
    locust = plug_in(f"--sadpath-watch=shop={shop.page}")
    locust.begin()
    locust.wait_for_samples(2)
    shop.metrics_status = 404
    greenlets_until(lambda: (locust.reports / "samples.csv").read_text().count(" from ") > 3)
    locust.end()
    assert locust.status == 3
    assert f"the last scrape failed: 404 from {shop.page}; fix the URL, or run for at least" in arm(locust)["reason"]
    assert caplog.text.count("missing samples from") == 1


def refusal(plug_in: PlugIn, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[object, str]:
    """The exit status of a Locust that does not begin, and its last line."""
    with pytest.raises(SystemExit) as end:
        plug_in(*options)
    return end.value.code, capsys.readouterr().err.splitlines()[-1]


def test_a_wrong_url_is_one_line_before_the_load(
    plug_in: PlugIn, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page that does not exist: the command was wrong."""
    shop = serve()
    line = f"locust: --sadpath-watch shop: 404 from {shop.url}/metrix; name the address of a metrics page "
    line += "(for example shop=http://127.0.0.1:8000/metrics)"
    assert refusal(plug_in, capsys, f"--sadpath-watch=shop={shop.url}/metrix") == (2, line)


def test_a_service_that_does_not_answer_is_one_line_before_the_load(
    plug_in: PlugIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the status of what did not answer."""
    page = f"http://127.0.0.1:{free_ports(1)[0]}/m"
    status, line = refusal(plug_in, capsys, f"--sadpath-watch=shop={page}")
    assert status == 4
    assert re.fullmatch(f"locust: --sadpath-watch shop: {page}: .*refused; start the service first", line)


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("--sadpath-watch=x", "expected NAME=URL, got 'x' (for example shop=http://127.0.0.1:8000/metrics)"),
        ("--sadpath-watch=shop=ftp://x", "expected NAME=URL, got 'shop=ftp://x'"),
        ("--sadpath-watch=shop=http://a..b/metrics", "locust: cannot resolve host 'a..b'"),
        ("--sadpath-warm-up=long", "expected a number that is not negative, got 'long'"),
        ("--sadpath-bytes-per-request=-1", "expected a number that is not negative, got '-1'"),
        ("--sadpath-watch=shop=http://8.8.8.8/metrics", "if you own it, add --sadpath-i-own-this-host"),
    ],
)
def test_a_wrong_option_is_one_line_and_status_2(
    plug_in: PlugIn, capsys: pytest.CaptureFixture[str], option: str, line: str
) -> None:
    """With what was expected, and an example."""
    status, last = refusal(plug_in, capsys, option)
    assert (status, line in last) == (2, True)


def test_two_services_of_one_name_are_refused(
    plug_in: PlugIn, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """One would hide the other."""
    watch = f"--sadpath-watch=shop={serve().page}"
    line = "locust: two watched services have the same name; give each its own"
    assert refusal(plug_in, capsys, watch, watch) == (2, line)


def test_a_folder_that_cannot_be_written_is_one_line_before_the_load(
    plug_in: PlugIn, serve: Serve, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    """A file is in its place."""
    (tmp_path / "reports").write_text("a file")
    status, line = refusal(plug_in, capsys, f"--sadpath-watch=shop={serve().page}")
    assert (status, line) == (4, f"locust: cannot write to {tmp_path / 'reports'}: File exists")


def test_a_disk_that_is_full_when_the_load_begins_is_one_line(
    plug_in: PlugIn, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the status of what failed."""
    locust = plug_in(f"--sadpath-watch=shop={serve().page}")
    with pytest.raises(SystemExit) as end, limited_file_size(300):
        locust.begin()
    line = f"locust: cannot write to {locust.reports}: File too large\n"
    assert (end.value.code, capsys.readouterr().err) == (4, line)


def test_a_disk_that_is_full_when_the_load_ends_is_one_line_and_not_a_verdict(
    plug_in: PlugIn, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """The samples that were taken by then stay."""
    locust = plug_in(f"--sadpath-watch=shop={serve().page}")
    locust.begin()
    locust.wait_for_samples()
    with limited_file_size(20_000):
        locust.end()
    assert [record.message for record in caplog.records] == ["cannot write the report: File too large"]
    assert (locust.status, len(read_samples(locust.reports / "samples.csv")) > 11) == (4, True)


def test_a_folder_that_is_removed_is_one_line_and_not_a_verdict(
    plug_in: PlugIn, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """While the load runs; Locust ends when it would have."""
    locust = plug_in(f"--sadpath-watch=shop={serve().page}")
    locust.begin()
    shutil.rmtree(locust.reports)
    locust.end()
    assert (locust.status, caplog.text.count("cannot write the report: ")) == (4, 1)


def test_samples_that_could_not_be_saved_are_not_a_verdict(
    plug_in: PlugIn, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Though the report of those before can be written: the run is longer than what is judged."""
    locust = plug_in(f"--sadpath-watch=shop={serve(bytes_per_request=15_000, per_scrape=100).page}")
    locust.begin()
    locust.wait_for_samples()
    with limited_file_size(10):
        greenlets_until(lambda: "no more samples are saved" in caplog.text)
    locust.end()
    assert (locust.status, arm(locust)["verdict"]) == (4, "leaks")
    assert caplog.text.count(f"no more samples are saved: {locust.reports / 'samples.csv'}: File too large") == 1


def test_an_earlier_run_is_kept_and_the_log_says_where(
    plug_in: PlugIn, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """With its samples, whether it was finished or killed."""
    caplog.set_level(logging.INFO, "sadpath")
    locust = plug_in(f"--sadpath-watch=shop={serve().page}")
    (locust.reports / "samples.csv").write_text("of a run that was killed")
    (locust.reports / "run.json").write_text('{"started": "2026-01-02T03:04:05+00:00"}')
    locust.run()
    earlier = locust.reports / "earlier" / "2026-01-02T03-04-05"
    assert f"moved the earlier run to {earlier}" in caplog.messages
    assert (earlier / "samples.csv").read_text() == "of a run that was killed"
    assert arm(locust)["verdict"] == "inconclusive"


def test_its_help_lists_the_options(plug_in: PlugIn, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its environment variable, beside Locust's own; Locust prints `--help` before it knows the plugin."""
    with pytest.raises(SystemExit):
        plug_in("--sadpath-help")
    text = capsys.readouterr().out
    assert "--run-time" in text
    options = set(re.findall(r"--sadpath-[a-z-]+", text)) - {"--sadpath-help"}
    assert options == {
        "--sadpath-watch",
        "--sadpath-warm-up",
        "--sadpath-reports",
        "--sadpath-junit",
        "--sadpath-about",
        "--sadpath-bytes-per-request",
        "--sadpath-allow-inconclusive",
        "--sadpath-i-own-this-host",
    }
    assert all(option.removeprefix("--").replace("-", "_").upper() in text for option in options)


def test_no_user_and_password_of_an_address_is_in_a_file_or_the_log(
    plug_in: PlugIn, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """They are sent, and stand in what was typed."""
    caplog.set_level(logging.INFO, "sadpath")
    page = serve().page.replace("://", "://me:s3cret@")
    locust = plug_in(f"--sadpath-watch=shop={page}")
    locust.run()
    assert json.loads((locust.reports / "run.json").read_text())["services"]["shop"].startswith("http://127.0.0.1:")
    assert [path.name for path in locust.reports.iterdir() if b"s3cret" in path.read_bytes()] == []
    assert "s3cret" not in caplog.text
