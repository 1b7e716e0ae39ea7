"""An address with a user and a password: the service gets them, and nobody else, in no output."""

from __future__ import annotations

from pathlib import Path

from tests.check.answering import serving
from tests.check.conftest import check

METRICS = b"# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes 50000000\n"
PASSWORD, ENCODED = "hunterpass", "bWU6aHVudGVycGFzcw=="


def answer(head: bytes) -> bytes:
    """A page of metrics; all else is refused, with the password that came."""
    if b" /metrics " in head:
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(METRICS), METRICS)
    said = b'{"detail": "wrong password hunterpass"}'
    return b"HTTP/1.1 404 X\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n%b" % (len(said), said)


def test_the_user_of_a_services_address_goes_to_it_alone(tmp_path: Path) -> None:
    """With all requests but those without credentials, and with those for its metrics; it is in no file or line."""
    with serving(answer) as service:
        url = service.url.replace("//", f"//me:{PASSWORD}@")
        page = tmp_path / "page.html"
        checked = check(
            tmp_path, url, "--metrics", f"{url}/metrics", "--request", "GET /x", "--budget", "1", "--html", page
        )
        assert f"answers at {service.url}\n" in checked.err
    heads = [head for head in service.heads if b" /x " in head or b" /metrics " in head]
    assert all(f"Authorization: Basic {ENCODED}\r\n".encode() in head for head in heads)
    written = [checked.out, checked.err, str(checked.summary), page.read_text()]
    assert not [one for one in written if PASSWORD in one or ENCODED in one]


def test_a_description_that_cannot_be_read_is_named_without_it(tmp_path: Path) -> None:
    """An error is as much an output as a report."""
    with serving(answer) as service:
        url = service.url.replace("//", f"//me:{PASSWORD}@")
        schema = f"{url}/openapi.json"
        checked = check(tmp_path, url, "--metrics", f"{url}/metrics", "--list", "--schema", schema)
    assert f"cannot read the schema {service.url}/openapi.json: it was answered with 404" in checked.err
    assert PASSWORD not in checked.err
