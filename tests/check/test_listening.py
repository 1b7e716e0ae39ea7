"""Where a command listens: by its words, or by the sockets of its processes."""

from __future__ import annotations

import socket
import threading

import psutil
import pytest

from sadpath.check.service.listening import answers_http, is_taken, listeners, port_in


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
        ("uvicorn shop:app --port 0", None),
        ("uvicorn shop:app --port 99999", None),
        ("python shop.py 8006", None),
    ],
)
def test_a_port_is_read_from_the_words_of_a_command(command: str, port: int | None) -> None:
    """Where an option of a known name has one; a word that only looks like a port is none."""
    assert port_in(command.split()) == port


def test_a_listening_socket_is_found_with_an_address_that_can_be_typed() -> None:
    """One that is bound to all interfaces is reached on loopback."""
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - as many servers do
        port = server.getsockname()[1]
        ours = [one for one in listeners([psutil.Process()]) if one.port == port]
        assert [one.url for one in ours] == [f"http://127.0.0.1:{port}"]
        assert is_taken(port)


@pytest.mark.parametrize(("greeting", "is_http"), [(b"HTTP/1.1 405 No\r\n\r\n", True), (b"220 mail ready\r\n", False)])
def test_a_port_for_another_purpose_is_told_apart(greeting: bytes, *, is_http: bool) -> None:
    """By what it answers to a request."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(greeting)

        thread = threading.Thread(target=serve)
        thread.start()
        (listener,) = [one for one in listeners([psutil.Process()]) if one.port == server.getsockname()[1]]
        assert answers_http(listener, timeout_s=60) is is_http
        thread.join(60)
