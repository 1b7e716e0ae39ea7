"""Where a command listens: by its words, or by the sockets of its processes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from sadpath.check.service.listening import Listener, is_taken, listeners, port_in, scheme_of, speaking
from tests.check.answering import NOT_FOUND
from tests.check.certificates import Certificate


@pytest.mark.parametrize(
    ("command", "port"),
    [
        ("uvicorn shop:app --port 8000", 8000),
        ("uvicorn shop:app --port=8000", 8000),
        ("gunicorn shop:app -b 0.0.0.0:8001", 8001),
        ("gunicorn shop:app --bind [::1]:8002", 8002),
        ("gunicorn shop:app --bind unix:/run/shop.sock", None),
        ("waitress-serve --listen=*:8003 shop:app", 8003),
        ("python manage.py runserver 8004", 8004),
        ("python manage.py runserver 0.0.0.0:8005", 8005),
        ("python manage.py runserver", None),
        ("python manage.py runserver 0", None),
        ("uvicorn shop:app --port 0", None),
        ("uvicorn shop:app --port 99999", None),
        ("python shop.py 8006", None),
    ],
)
def test_a_port_is_read_from_the_words_of_a_command(command: str, port: int | None) -> None:
    """Where an option of a known name has one; a word that only looks like a port is none."""
    assert port_in(command.split()) == port


def listening(address: str, *, only_v6: bool = True) -> socket.socket:
    """A server's socket, bound to an address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, 0), family=family, dualstack_ipv6=family == socket.AF_INET6 and not only_v6)


def ours(server: socket.socket) -> list[Listener]:
    """Where this process listens with it."""
    return [one for one in listeners([psutil.Process()]) if one.port == server.getsockname()[1]]


@contextmanager
def answering(server: socket.socket, *answers: bytes, tls: ssl.SSLContext | None = None) -> Iterator[list[Listener]]:
    """Answer a connection with each of these in turn, the last one for ever, and close it."""
    left = list(answers)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection = server.accept()[0]
                with suppress(OSError), tls.wrap_socket(connection, server_side=True) if tls else connection as one:
                    if one.recv(1024):
                        one.sendall(left.pop(0) if len(left) > 1 else left[0])
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield ours(server)
    finally:
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("0.0.0.0", ["127.0.0.1"]),  # noqa: S104 - as many servers do
        ("127.0.0.1", ["127.0.0.1"]),
        ("::1", ["[::1]"]),
        ("::", ["127.0.0.1", "[::1]"]),
    ],
)
def test_a_listening_socket_is_found_with_an_address_that_can_be_typed(address: str, hosts: list[str]) -> None:
    """One that is bound to all interfaces is reached on loopback; of IPv6 both addresses are tried."""
    with listening(address) as server:
        port = server.getsockname()[1]
        assert [one.url for one in ours(server)] == [f"http://{host}:{port}" for host in hosts]


def test_a_port_is_taken_while_something_listens_there() -> None:
    """On any interface of this machine."""
    with listening("127.0.0.1") as server:
        port = server.getsockname()[1]
        assert is_taken(port)
    assert not is_taken(port)


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize(
    ("address", "only_v6", "host"),
    [("::", True, "[::1]"), ("::", False, "127.0.0.1"), ("::1", True, "[::1]"), ("127.0.0.1", True, "127.0.0.1")],
)
def test_a_service_is_reached_at_the_address_where_it_answers(
    address: str, host: str, *, only_v6: bool, is_named: bool
) -> None:
    """All IPv6 interfaces may be IPv4's too, or not, which no listing tells."""
    with listening(address, only_v6=only_v6) as server, answering(server, NOT_FOUND) as found:
        reached = speaking(found, is_named=is_named, timeout_s=60)
        assert reached
        assert reached.host == host


@pytest.mark.parametrize(
    ("answers", "scheme"),
    [
        ([b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"], "http"),
        ([b"", NOT_FOUND], "http"),
        ([b"HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n"], "http"),
        ([b"220 mail ready\r\n"], ""),
        ([b""], ""),
    ],
)
def test_a_port_for_another_purpose_is_told_apart(answers: list[bytes], scheme: str) -> None:
    """By what it answers to a request: also where it closes the connection on `OPTIONS *`, as Twisted does."""
    with listening("127.0.0.1") as server, answering(server, *answers) as (listener,):
        assert scheme_of(listener, timeout_s=60) == scheme


def test_a_service_with_tls_is_found_with_its_scheme(certificate: Certificate) -> None:
    """Whoever signed its certificate."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.file, certificate.key)
    with listening("127.0.0.1") as server, answering(server, NOT_FOUND, tls=tls) as found:
        reached = speaking(found, is_named=False, timeout_s=60)
        assert reached
        assert reached.url == f"https://127.0.0.1:{server.getsockname()[1]}"


def test_a_named_port_that_takes_connections_will_do() -> None:
    """Its service may be slow to answer, or answer no HTTP; that is said later."""
    with listening("127.0.0.1") as server:
        assert speaking(ours(server), is_named=True, timeout_s=0.1) == ours(server)[0]
        assert speaking(ours(server), is_named=False, timeout_s=0.1) is None
