import pytest

from sadpath.hosts import NotYours, check_host


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
    with pytest.raises(NotYours):
        check_host(f"http://{host}:8000")


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]", "[fe80::a9fe:a9fe]"]
)
def test_a_clouds_metadata_service_is_refused(host: str) -> None:
    """The link-local addresses, where clouds keep their credentials, are refused in whichever way they are written."""
    with pytest.raises(NotYours):
        check_host(f"http://{host}/latest/meta-data")


def test_a_name_before_the_host_does_not_hide_it() -> None:
    """What stands before an @ is a user's name, and not the host."""
    with pytest.raises(NotYours, match=r"8\.8\.8\.8"):
        check_host("http://127.0.0.1@8.8.8.8/")


def test_a_refusal_says_what_to_type() -> None:
    """A refusal is one line that names the host and the flag that allows it."""
    with pytest.raises(NotYours) as refusal:
        check_host("http://8.8.8.8:8000")
    assert str(refusal.value) == (
        "8.8.8.8 (8.8.8.8) is neither this machine nor on a private network; "
        "if it is yours to load, say so with --i-own-this-host"
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
def test_nonsense_is_a_value_error(nonsense: str, flag: bool) -> None:  # noqa: FBT001 - a case, and no switch
    """What is no HTTP address of a service is a `ValueError`, with the flag too."""
    with pytest.raises(ValueError, match=r"."):
        check_host(nonsense, i_own_this_host=flag)


def test_a_value_error_shows_what_an_address_looks_like() -> None:
    """The message for nonsense shows an address that would do."""
    with pytest.raises(ValueError, match=r"'localhost:8000' is no address of a service; one looks like http://127"):
        check_host("localhost:8000")


@pytest.mark.parametrize("host", ["999.1.1.1", "a..b", "a" * 64])
def test_a_host_without_an_address_is_a_value_error(host: str) -> None:
    """A host that is no address, and cannot be a name, is a `ValueError` that names it."""
    with pytest.raises(ValueError, match=f"the host '{host}' has no address"):
        check_host(f"http://{host}")
