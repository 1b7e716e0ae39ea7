import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from sadpath.sources import Reading, Source, SourceSpec, Unreadable, source_of
from sadpath.sources.container import Container
from sadpath.sources.metrics_page import MetricsPage, WrongPage
from sadpath.sources.process_tree import ProcessTree
from tests.check.answering import endless, serving
from tests.check.certificates import self_signed

MIB = 2**20
TEXT = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
MEMORY = "process_resident_memory_bytes 1.5e+08\n"
PAGE = f"HTTP/1.1 200 OK\r\nContent-Length: {len(MEMORY)}\r\n\r\n{MEMORY}".encode()
FULL = """\
# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.5e+08
# TYPE sadpath_anonymous_memory_bytes gauge
sadpath_anonymous_memory_bytes 1.2e+08
# TYPE sadpath_memory_limit_bytes gauge
sadpath_memory_limit_bytes 5.36870912e+08
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1763668476.57
# TYPE python_gc_objects_collected counter
python_gc_objects_collected_total{generation="0"} 10
python_gc_objects_collected_total{generation="1"} 20
python_gc_objects_collected_total{generation="2"} 0
# TYPE http_requests counter
http_requests_total{method="GET",status="4xx"} 900
http_requests_total{method="POST",status="4xx"} 100
# TYPE sadpath_traceback_entries gauge
sadpath_traceback_entries{error="user_not_found"} 5000
sadpath_traceback_entries{error="no_session"} 0
# TYPE sadpath_retained_frames gauge
sadpath_retained_frames{error="user_not_found"} 5042
# TYPE sadpath_environment info
sadpath_environment_info{python="3.11.7",starlette=""} 1
"""
FULL_READING = Reading(150e6, 120e6, 512.0 * 2**20, 1763668476.57, 1_000, 30, 5_000, 5_042, {"user_not_found": 5_000})
Body = Iterable[bytes]
Serve = Callable[..., str]


class PageServer(ThreadingHTTPServer):
    """Answers every request with one status, some headers and a body that may come in pieces, or never end."""

    daemon_threads = True

    def __init__(self, body: Body, content_type: str, status: int, length: int | None) -> None:
        super().__init__(("127.0.0.1", 0), PageHandler)
        self.body, self.content_type, self.status, self.length = body, content_type, status, length


class PageHandler(BaseHTTPRequestHandler):
    """Answers a scrape with its server's page."""

    server: PageServer

    def do_GET(self) -> None:
        """Send the page until it ends, or nobody listens any more."""
        self.send_response(self.server.status)
        self.send_header("Content-Type", self.server.content_type)
        if self.server.length is not None:
            self.send_header("Content-Length", str(self.server.length))
        self.end_headers()
        with suppress(OSError):
            for part in self.server.body:
                self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve pages on the loopback interface until the test ends."""
    servers: list[PageServer] = []

    def serve(body: str | Body, content_type: str = TEXT, status: int = 200, length: int | None = None) -> str:
        parts = [body.encode()] if isinstance(body, str) else body
        server = PageServer(parts, content_type, status, length)
        servers.append(server)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/metrics"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("spec", "source"),
    [
        (SourceSpec(pid=42), ProcessTree(42)),
        (SourceSpec(container="shop"), Container("shop")),
        (SourceSpec(metrics="http://127.0.0.1/metrics"), MetricsPage("http://127.0.0.1/metrics")),
    ],
)
def test_each_field_names_a_source(spec: SourceSpec, source: Source) -> None:
    """A source is made of the one field that is set."""
    assert source_of(spec) == source


def test_no_field_names_no_source() -> None:
    """Where nothing is set, the reason lists what could be."""
    with pytest.raises(ValueError, match="name one of pid, container, metrics"):
        source_of(SourceSpec())


def read(url: str) -> Reading:
    """Read a page, however busy the machine is."""
    return MetricsPage(url, timeout_s=60).read()


def test_a_page_in_prometheus_text_format(serve: Serve) -> None:
    """Every figure of a page in Prometheus's text format is read."""
    assert read(serve(FULL)) == FULL_READING


def test_a_page_in_openmetrics(serve: Serve) -> None:
    """Every figure of a page in the OpenMetrics format is read."""
    assert read(serve(f"{FULL}# EOF\n", OPENMETRICS)) == FULL_READING


def test_a_page_with_its_length(serve: Serve) -> None:
    """A page with as many bytes as its Content-Length is complete."""
    assert read(serve(FULL, length=len(FULL))) == FULL_READING


def test_what_a_page_does_not_report_is_unknown(serve: Serve) -> None:
    """A figure that is not on the page is None, and never a zero."""
    assert read(serve(MEMORY)) == Reading(150e6)


def test_the_traceback_entries_are_read_by_error(serve: Serve) -> None:
    """Summed over other labels; an error that retains nothing is left out, and so is a series of no error."""
    name = "sadpath_traceback_entries"
    page = MEMORY + "".join(
        f"{name}{labels} {entries}\n"
        for labels, entries in {'{error="a",pid="1"}': 2, '{error="a",pid="2"}': 3, '{error="b"}': 0, "": 4}.items()
    )
    reading = read(serve(page))
    assert (reading.traceback_entries, reading.entries_by_error) == (9, {"a": 5})


def test_labels_are_summed(serve: Serve) -> None:
    """A metric with labels counts as the sum of its series."""
    page = MEMORY + 'http_requests_total{status="404"} 7\nhttp_requests_total{status="401"} 5\n'
    assert read(serve(page)).requests == 12


def test_requests_may_have_another_name(serve: Serve) -> None:
    """The request counter of a service may have another name."""
    url = serve(MEMORY + "myapp_hits_total 42\nhttp_requests_total 7\n")
    assert MetricsPage(url, requests_metric="myapp_hits_total").read().requests == 42


def test_memory_is_anonymous_memory_where_it_is_known() -> None:
    """The memory to judge by is anonymous memory, or resident memory where that is all that is known."""
    assert Reading(150.0, 120.0).memory_bytes == 120
    assert Reading(150.0, 0.0).memory_bytes == 0
    assert Reading(150.0).memory_bytes == 150


def test_a_proxy_is_not_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is ignored: the page is on this machine or near it."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert read(serve(MEMORY)) == Reading(150e6)


def test_a_page_in_pieces_is_whole(serve: Serve) -> None:
    """A page that comes byte by byte, in time, is read to its end."""
    assert read(serve([bytes([byte]) for byte in FULL.encode()])) == FULL_READING


def test_nobody_listens() -> None:
    """A port that nobody listens on is a missing sample, with that reason."""
    with closing(socket.create_server(("127.0.0.1", 0))) as reserved:
        port = reserved.getsockname()[1]
    with pytest.raises(Unreadable, match=f"http://127.0.0.1:{port}/metrics: .*refused"):
        read(f"http://127.0.0.1:{port}/metrics")


def test_a_server_that_says_nothing() -> None:
    """A server that accepts the connection and never answers is a missing sample after the timeout."""
    with closing(socket.create_server(("127.0.0.1", 0))) as mute, pytest.raises(Unreadable, match="timed out"):
        MetricsPage(f"http://127.0.0.1:{mute.getsockname()[1]}/metrics", timeout_s=0.2).read()


def test_a_page_that_hangs_in_the_middle(serve: Serve) -> None:
    """A page that begins and then hangs is a missing sample, even where it hangs at a line's end."""
    let_go = Event()

    def hanging() -> Iterator[bytes]:
        yield MEMORY.encode()
        let_go.wait(20)

    with pytest.raises(Unreadable, match="timed out"):
        MetricsPage(serve(hanging()), timeout_s=0.2).read()
    let_go.set()


def test_a_page_that_drips(serve: Serve) -> None:
    """A page that sends a little now and then is given up when its time is over, though each piece came in time."""
    never = Event()

    def dripping() -> Iterator[bytes]:
        for _ in range(60):
            yield b"# drip\n"
            never.wait(0.05)

    with pytest.raises(Unreadable, match="timed out"):
        MetricsPage(serve(dripping()), timeout_s=0.3).read()


def test_headers_that_drip() -> None:
    """Are over with the time, as a body is."""
    page = endless(b"HTTP/1.1 200 OK\r\nX: ", b"y", 0.02)
    with serving(lambda _: page) as server, pytest.raises(Unreadable, match="timed out"):
        MetricsPage(server.url, timeout_s=0.3).read()


def test_headers_without_end() -> None:
    """Are read up to a limit."""
    page = endless(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 60_000)
    with serving(lambda _: page) as server, pytest.raises(Unreadable, match="65536 bytes when reading header line"):
        MetricsPage(server.url, timeout_s=60).read()


def test_a_redirect_is_followed() -> None:
    """Many mount the page below `/metrics/`."""
    elsewhere = b"HTTP/1.1 307 X\r\nLocation: /metrics/\r\nContent-Length: 0\r\n\r\n"
    with serving(lambda head: PAGE if b" /metrics/ " in head else elsewhere) as server:
        assert MetricsPage(f"{server.url}/metrics").read().resident_bytes == 150e6


def test_a_page_over_tls(tmp_path: Path) -> None:
    """Whoever signed its certificate."""
    with serving(lambda _: PAGE, tls=self_signed(tmp_path)) as server:
        assert MetricsPage(server.url, timeout_s=60).read().resident_bytes == 150e6


def test_a_page_without_end(serve: Serve) -> None:
    """A page that never ends is given up before it fills our own memory."""
    line = b"# all work and no play\n" * 4096
    with pytest.raises(Unreadable, match="it is larger than 16 MiB"):
        MetricsPage(serve(repeat(line)), timeout_s=60).read()


@pytest.mark.parametrize(("status", "kind"), [(404, WrongPage), (401, WrongPage), (500, Unreadable), (503, Unreadable)])
def test_an_error_page_is_a_missing_sample(serve: Serve, status: int, kind: type[Unreadable]) -> None:
    """Even with figures on it; of 4xx the address is the reason, of 5xx the service."""
    url = serve(FULL, status=status)
    with pytest.raises(Unreadable, match=f"^{status} from {url}$") as failure:
        read(url)
    assert type(failure.value) is kind


def test_a_number_that_is_cut_short(serve: Serve) -> None:
    """A page that ends in the middle of a number is a missing sample: 1.5e+0 is a number too."""
    with pytest.raises(Unreadable, match="cut short"):
        read(serve(MEMORY[:-2]))


def test_openmetrics_that_is_cut_short_at_a_lines_end(serve: Serve) -> None:
    """A page in OpenMetrics without its last line is a missing sample, though each of its lines is complete."""
    with pytest.raises(Unreadable, match="# EOF"):
        read(serve(FULL, OPENMETRICS))


@pytest.mark.parametrize("missing", [1, 1_000])
def test_a_page_that_is_shorter_than_it_said(serve: Serve, missing: int) -> None:
    """A page with fewer bytes than its length is a missing sample, though each of its lines is complete."""
    with pytest.raises(Unreadable):
        read(serve(FULL, length=len(FULL) + missing))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<!DOCTYPE html>\n<html><body>Welcome</body></html>\n", "text/html"),
        ('{"status": "ok"}\n', "application/json"),
        ("<!DOCTYPE html>\n<html></html>\n", OPENMETRICS),
        ([b"\xff\xfe\x00\n"], TEXT),
        ("", TEXT),
        ("\n", TEXT),
    ],
)
def test_what_is_not_a_metrics_page(serve: Serve, body: str | Body, content_type: str) -> None:
    """Anything but a metrics page is a missing sample."""
    with pytest.raises(Unreadable):
        read(serve(body, content_type))


def test_a_page_that_the_parser_chokes_on(serve: Serve) -> None:
    """Malformed OpenMetrics is a missing sample, also where the parser raises an undocumented error."""
    page = '# TYPE h histogram\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 1.0\nE s inf_info{a="b"} 1\n# EOF\n'
    with pytest.raises(Unreadable, match="does not parse"):
        read(serve(page, OPENMETRICS))


def test_a_page_without_memory(serve: Serve) -> None:
    """A metrics page with no memory on it is a missing sample; the reason names the metric."""
    with pytest.raises(Unreadable, match="no process_resident_memory_bytes on the page"):
        read(serve("http_requests_total 7\n"))


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\r\n", b""])
def test_a_reason_is_one_line(greeting: bytes) -> None:
    """The reason is one line and never empty, whatever the other end sent."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        Thread(target=answer_once, args=(server, greeting), daemon=True).start()
        with pytest.raises(Unreadable) as failure:
            read(f"http://127.0.0.1:{server.getsockname()[1]}/metrics")
    assert len(str(failure.value).splitlines()) == 1
    assert str(failure.value) == str(failure.value).strip().rstrip(":")


def answer_once(server: socket.socket, answer: bytes) -> None:
    """Answer one connection with `answer`, once its request is in."""
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


def test_the_environment_is_on_the_page(serve: Serve) -> None:
    """The versions that a page names are read from it."""
    assert MetricsPage(serve(FULL)).environment() == {"python": "3.11.7", "starlette": ""}


def test_a_page_may_name_no_environment(serve: Serve) -> None:
    """A page without versions is not an error."""
    assert MetricsPage(serve(MEMORY)).environment() == {}


def test_the_environment_of_a_page_that_cannot_be_read(serve: Serve) -> None:
    """Versions that cannot be read are missing as well."""
    with pytest.raises(Unreadable):
        MetricsPage(serve("", status=500)).environment()


def test_a_process_and_its_child_are_summed() -> None:
    """The memory of a tree is that of the process and of its child together."""
    hold = "held = b'x' * 40_000_000; print('ready', flush=True); input()"
    with running(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])") as process:
        reading = ProcessTree(process.pid).read()
        alone = psutil.Process(process.pid).memory_info().rss
    assert reading.resident_bytes > alone + 40_000_000
    assert 40_000_000 < (reading.anonymous_bytes or 0) < reading.resident_bytes


def test_anonymous_memory_has_no_page_of_a_file(tmp_path: Path) -> None:
    """Private pages of a file that nobody else maps are no anonymous memory: they come and go with the neighbours."""
    file = tmp_path / "library"
    file.write_bytes(bytes(32 * MIB))
    program = (
        "import mmap, sys; file = open(sys.argv[1], 'rb')\n"
        "mapped = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ); sum(mapped[::4096])\n"
        "print('ready', flush=True); input()"
    )
    with running(program, str(file)) as process:
        reading = ProcessTree(process.pid).read()
    assert reading.resident_bytes > 32 * MIB
    assert (reading.anonymous_bytes or 0) < 24 * MIB


def test_where_no_anonymous_memory_is_counted_it_is_unknown(tmp_path: Path) -> None:
    """Without `/proc` there is resident memory alone."""
    reading = ProcessTree(os.getpid(), tmp_path / "proc").read()
    assert (reading.resident_bytes > MIB, reading.anonymous_bytes) == (True, None)


def test_a_process_has_its_start_time() -> None:
    """The start time separates process lifetimes; a process has no count of requests."""
    before = time.time()
    with running("print('ready', flush=True); input()") as process:
        reading = ProcessTree(process.pid).read()
    assert reading.start_time_s == pytest.approx(before, abs=60)
    assert reading.requests is None


def test_a_process_that_is_gone() -> None:
    """A process that has ended is a missing sample; the reason has its number."""
    with running("print('ready', flush=True); input()") as process:
        pass
    with pytest.raises(Unreadable, match=f"process {process.pid} is gone"):
        ProcessTree(process.pid).read()


def test_a_process_that_waits_to_be_reaped_is_gone() -> None:
    """A process that ended has no memory, though its number is still taken until its parent asks."""
    with running("print('ready', flush=True)") as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(Unreadable, match="is gone"):
            ProcessTree(process.pid).read()


@contextmanager
def running(program: str, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """Run a Python program that prints when it is ready, and ends when its input does."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
            process.communicate("\n")
        finally:
            process.kill()
