"""A token that is refused is said before anything is measured, and an operation that ends the login is named."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from sadpath.check.driver import Driver, Request
from sadpath.check.find import Plan
from sadpath.check.find.candidates import Candidate
from sadpath.check.find.careful import Careful
from sadpath.check.find.known_good import KnownGood
from sadpath.check.find.paths import Finder
from sadpath.check.routes import Route
from sadpath.check.settings import Settings
from sadpath.errors import CommandError
from tests.check.answering import serving

ROUTES = [Route("GET", path) for path in ("/health", "/a", "/bye", "/b/{id}", "/c")]
RIGHT = {"Authorization": "Bearer right"}


@dataclass
class Service:
    """Lets in who has the token, until `/bye` was requested; everybody may see its health."""

    ends_at: str = "/bye"
    has_ended: bool = False
    asked: list[str] = field(default_factory=list)

    def answer(self, head: bytes) -> bytes:
        """Answer a request, by its head."""
        path = head.split()[1].decode()
        self.asked.append(path)
        is_in = b"Bearer right" in head and not self.has_ended
        self.has_ended |= is_in and path == self.ends_at
        status = 200 if is_in or path == "/health" else 401
        return b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status


def find(service: Service, said: list[str] | None = None, **settings: object) -> Plan:
    """The plan for it."""
    with serving(service.answer) as server, Driver(server.url) as driver:
        say = (said if said is not None else []).append
        return Finder(Careful(driver), Settings(**settings), ROUTES, say).find()  # type: ignore[arg-type]  # its fields


def test_an_operation_that_ends_the_login_is_named() -> None:
    """All after it would be refused, and its errors would be no errors of the service."""
    with pytest.raises(CommandError) as ended:
        find(service := Service(), headers=RIGHT)
    assert ended.value.message == (
        "GET /bye ended the login: GET /a was then answered with 401; "
        "leave it out with --exclude 'GET /bye', and give a new token"
    )
    assert not any(path.startswith("/b/") for path in service.asked)


def test_so_is_one_that_is_looked_at_first() -> None:
    """The one that shows that the token is good may end it."""
    with pytest.raises(CommandError, match="GET /a ended the login"):
        find(Service(ends_at="/a"), headers=RIGHT)


@pytest.mark.parametrize(
    ("path", "asked_for", "is_taken"),
    [("/a", False, True), ("/a", True, False), ("/counter/reset", False, False), ("/a?do=reset", False, False)],
)
def test_what_may_change_something_is_not_sent_again_and_again(path: str, *, asked_for: bool, is_taken: bool) -> None:
    """By what it says; and what was named may, whatever it says."""
    candidate = Candidate("GET", path.partition("?")[0], Request("GET", path, RIGHT), asked_for=asked_for)
    with serving((service := Service()).answer) as server, Driver(server.url) as driver:
        known_good = KnownGood(Careful(driver), RIGHT, [candidate])
    assert bool(known_good.request) == bool(service.asked) == is_taken


def test_the_query_of_a_request_is_not_shown() -> None:
    """It may hold a key."""
    candidate = Candidate("GET", "/a", Request("GET", "/a?key=secret", RIGHT))
    with (
        serving(Service(ends_at="/a?key=secret").answer) as server,
        Driver(server.url) as driver,
        pytest.raises(CommandError, match=r"GET /a was then answered with 401") as ended,
    ):
        KnownGood(Careful(driver), RIGHT, [candidate])
    assert "secret" not in ended.value.message


def test_without_it_all_is_well() -> None:
    """What everybody may see shows nothing: another request is the one that is sent again."""
    service = Service()
    plan = find(service, headers=RIGHT, exclude=("GET /bye",))
    assert "GET /a 401" in [path.name for path in plan.paths]
    assert service.asked.count("/a") > service.asked.count("/health")


def test_a_service_that_refuses_most_is_said_before_anything_is_measured() -> None:
    """And how to give a token; as a note, too."""
    said: list[str] = []
    plan = find(Service(), said, headers={"Accept": "text/html"})
    line = "8 of 10 answers are 401 or 403: give a token ([headers] or [auth] in sadpath.toml)"
    assert line in said
    assert line in plan.notes


def test_a_token_that_is_not_enough_is_said() -> None:
    """In other words."""
    plan = find(Service(), headers={"Authorization": "Bearer wrong"})
    assert any("401 or 403: the token is not enough" in note for note in plan.notes)
