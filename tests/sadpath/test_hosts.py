from urllib.request import BaseHandler, HTTPRedirectHandler, ProxyHandler, build_opener

import pytest

from sadpath.errors import CommandError, Status
from sadpath.hosts import (
    basic_authorization,
    check_host,
    direct_opener,
    host_name,
    is_own_name,
    is_own_origin,
    same_origin,
    without_user,
    without_users,
)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.9.9.9", "0x7f000001", "2130706433", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_this_machine_is_yours(host: str) -> None:
    """Loopback is yours to load, in whichever way it is written."""
    check_host(f"http://{host}:8000/metrics")


@pytest.mark.parametrize("host", ["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.20", "[fd12:3456::1]"])
def test_a_private_network_is_yours(host: str) -> None:
    """The address ranges of private networks are yours to load."""
    check_host(f"https://{host}")


@pytest.mark.parametrize("host", ["8.8.8.8", "172.32.0.1", "192.169.0.1", "100.64.0.1", "[2606:4700::1111]"])
def test_a_public_address_is_refused(host: str) -> None:
    """An address outside the private ranges, if only just, is refused."""
    with pytest.raises(CommandError):
        check_host(f"http://{host}:8000")


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]", "[fe80::a9fe:a9fe]"]
)
def test_a_clouds_metadata_service_is_refused(host: str) -> None:
    """The link-local addresses, where clouds keep their credentials, are refused in whichever way they are written."""
    with pytest.raises(CommandError):
        check_host(f"http://{host}/latest/meta-data")


def test_a_name_before_the_host_does_not_hide_it() -> None:
    """What stands before an @ is a user's name, and not the host."""
    with pytest.raises(CommandError, match=r"8\.8\.8\.8"):
        check_host("http://127.0.0.1@8.8.8.8/")


def test_a_refusal_says_what_to_type() -> None:
    """A refusal is one line that names the host and the option that allows it."""
    with pytest.raises(CommandError) as refusal:
        check_host("http://8.8.8.8:8000")
    assert refusal.value.exit_code == Status.WRONG_COMMAND
    assert refusal.value.message == (
        "8.8.8.8 (8.8.8.8) is neither this machine nor on a private network; if you own it, add --i-own-this-host"
    )


def test_the_flag_allows_any_host() -> None:
    """With the flag, a host is taken as yours without a look at its addresses."""
    check_host("http://8.8.8.8:8000", i_own_this_host=True)
    check_host("http://no-such-host.invalid", i_own_this_host=True)


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "localhost",
        "localhost:8000",
        "127.0.0.1:8000",
        "ftp://127.0.0.1",
        "file:///proc/self/status",
        "http://",
        "http:///metrics",
        "http://[::1",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
    ],
)
@pytest.mark.parametrize("flag", [False, True])
def test_nonsense_is_refused(nonsense: str, flag: bool) -> None:  # noqa: FBT001 - a case, and no switch
    """Anything but the HTTP address of a service is refused, with the option too."""
    with pytest.raises(CommandError, match=r"^expected the address of a service"):
        check_host(nonsense, i_own_this_host=flag)


def test_a_refusal_of_nonsense_shows_an_address() -> None:
    """The message has what was typed, and an example."""
    with pytest.raises(CommandError) as refusal:
        check_host("localhost:8000")
    assert refusal.value.message == (
        "expected the address of a service, got 'localhost:8000' (for example http://127.0.0.1:8000)"
    )


@pytest.mark.parametrize("host", ["999.1.1.1", "a..b", "a" * 64])
def test_a_host_that_does_not_resolve_is_refused(host: str) -> None:
    """A host that is not an address, and cannot be a name, is refused by its name; the command was wrong."""
    with pytest.raises(CommandError, match=f"^cannot resolve host '{host}'$") as refusal:
        check_host(f"http://{host}")
    assert refusal.value.exit_code == Status.WRONG_COMMAND


def test_no_proxy_is_asked_for_what_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the environment names one; further handlers are those of the caller."""

    class Further(HTTPRedirectHandler):
        """Something else."""

    def kinds(handlers: list[BaseHandler]) -> set[type]:
        return {type(handler) for handler in handlers}

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert ProxyHandler in kinds(build_opener().handlers)  # type: ignore[attr-defined]
    further = kinds(direct_opener(Further()).handlers)  # type: ignore[attr-defined]
    assert (ProxyHandler in further, Further in further) == (False, True)


@pytest.mark.parametrize(
    ("origin", "fetch_site", "is_own"),
    [
        (None, None, True),
        ("http://127.0.0.1:8000", None, True),
        ("http://127.0.0.1:8000", "same-origin", True),
        (None, "none", True),
        (None, "same-site", False),
        (None, "cross-site", False),
        ("http://127.0.0.1:3000", None, False),
        ("http://evil.example", "same-origin", False),
        ("null", None, False),
        ("http://[", None, False),
    ],
)
def test_a_page_of_another_origin_is_told_by_its_headers(
    origin: str | None,
    fetch_site: str | None,
    is_own: bool,  # noqa: FBT001 - a case, and no switch
) -> None:
    """A program that is no browser sends neither; a browser sends at least one."""
    assert is_own_origin("127.0.0.1:8000", origin, fetch_site) is is_own


@pytest.mark.parametrize(
    ("host", "name", "is_own"),
    [
        ("127.0.0.1:8000", "127.0.0.1", True),
        ("[::1]:8000", "::1", True),
        ("192.168.1.7", "192.168.1.7", True),
        ("locust:8089", "locust", True),
        ("lab.localhost", "lab.localhost", True),
        ("evil.example", "evil.example", False),
        ("8.8.8.8", "8.8.8.8", False),
        ("[", "", False),
        ("", "", False),
    ],
)
def test_a_name_that_a_stranger_can_give_out_is_not_ours(host: str, name: str, is_own: bool) -> None:  # noqa: FBT001
    """Such a name can be rebound to this machine's address."""
    assert (host_name(host), is_own_name(host)) == (name, is_own)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "--watch=shop=http://me:secret@127.0.0.1:8000/metrics?a=b@c",
            "--watch=shop=http://127.0.0.1:8000/metrics?a=b@c",
        ),
        ("-H http://me:se=cr@et@shop https://token@x/", "-H http://shop https://x/"),
        ("mail me@example.com, see http://x/@y", "mail me@example.com, see http://x/@y"),
    ],
)
def test_a_command_line_is_shown_without_users_and_passwords(text: str, shown: str) -> None:
    """Wherever an address stands in it."""
    assert without_users(text) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:s3cret@127.0.0.1:8000/a?b=c@d", "http://127.0.0.1:8000/a?b=c@d"),
        ("http://me@[::1]/", "http://[::1]/"),
        ("http://a@b:s3cret@c/", "http://c/"),
        ("http://127.0.0.1:8000/a@b?", "http://127.0.0.1:8000/a@b?"),
        ("http://me:s3/cret@host/", "host/"),
        ("shop=http://me:s3/cret@host/", "host/"),
        ("users@home.yaml", "users@home.yaml"),
    ],
)
def test_an_address_is_shown_without_its_user(url: str, shown: str) -> None:
    """Of one that is malformed, nothing before the last @ is shown; what is no address is as it was."""
    assert without_user(url) == shown


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://me:s3cret@127.0.0.1/", {"Authorization": "Basic bWU6czNjcmV0"}),
        ("http://me@127.0.0.1/", {"Authorization": "Basic bWU6"}),
        ("http://%6de:s3%63ret@127.0.0.1/", {"Authorization": "Basic bWU6czNjcmV0"}),
        ("http://127.0.0.1/", {}),
        ("no address", {}),
    ],
)
def test_the_user_of_an_address_is_basic_credentials(url: str, sent: dict[str, str]) -> None:
    """As for curl and browsers."""
    assert basic_authorization(url) == sent


@pytest.mark.parametrize(
    ("url", "is_same"),
    [
        ("http://h/a", True),
        ("http://H:80/b", True),
        ("http://me:x@h", True),
        ("https://h", False),
        ("http://h:8080", False),
        ("http://h.evil", False),
        ("http://h@evil", False),
        ("", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, is_same: bool) -> None:  # noqa: FBT001 - a case, and no switch
    """Whatever the path; a missing port is the scheme's own."""
    assert same_origin(url, "http://h") is is_same


def test_a_refusal_does_not_show_the_password_of_an_address() -> None:
    """Nor where the address is malformed for it."""
    with pytest.raises(CommandError) as refusal:
        check_host("http://me:s3/cret@127.0.0.1:8000")
    assert "s3" not in refusal.value.message
