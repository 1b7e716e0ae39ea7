"""`sadpath.toml`: what it may say, what is wrong with it in one line, and the file that `sadpath init` writes."""

from __future__ import annotations

import re
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, strategies

from sadpath.check.driver import Request
from sadpath.check.find import ErrorPath
from sadpath.check.find.named import Named, named
from sadpath.check.login import Auth
from sadpath.check.settings import Settings, overridden, read_settings, request, size, template
from sadpath.errors import CommandError
from sadpath.fault import without_secrets
from tests.generated import examples

WHOLE = """
schema = "openapi.yaml"
writes = true
concurrency = 4
[headers]
Authorization = "Bearer x"
[auth]
path = "/login"
method = "put"
json = { user = "me", password = "x", roles = ["a", { b = 1 }] }
headers = { X-Tenant = "1" }
csrf = "/login/form"
keep = "data.token"
header = "Authorization: Token {token}"
[paths]
include = ["/api/*"]
exclude = ["POST /api/orders"]
status = ["2XX, 404", "5xx"]
[limits]
budget_s = 30
bytes_per_request = 500
timeout_s = 2.5
memory_limit = "1.5GiB"
[[request]]
path = "/users/999"
[[request]]
method = "post"
path = "/orders"
headers = { Content-Type = "application/json" }
body = "{}"
name = "no item"
"""


def written(folder: Path, text: str) -> Path:
    """A file of settings."""
    file = folder / "sadpath.toml"
    file.write_text(text)
    return file


def test_every_setting_is_read(tmp_path: Path) -> None:
    """All that the page lists."""
    assert read_settings(written(tmp_path, WHOLE)) == Settings(
        headers={"Authorization": "Bearer x"},
        auth=Auth(
            "/login",
            "PUT",
            headers={"X-Tenant": "1"},
            json={"user": "me", "password": "x", "roles": ["a", {"b": 1}]},
            csrf="/login/form",
            keep="data.token",
            header="Authorization: Token {token}",
        ),
        requests=(
            Request("GET", "/users/999"),
            Request("POST", "/orders", {"Content-Type": "application/json"}, b"{}", name="no item"),
        ),
        schema="openapi.yaml",
        include=("/api/*",),
        exclude=("POST /api/orders",),
        status=("2xx", "404", "5xx"),
        writes=True,
        budget_s=30,
        bytes_per_request=500,
        concurrency=4,
        timeout_s=2.5,
        memory_limit=3 << 29,
    )


def test_the_file_of_the_working_directory_is_read(tmp_path: Path) -> None:
    """Without one, everything has its default."""
    with chdir(tmp_path):
        assert read_settings() == Settings()
        written(tmp_path, "concurrency = 2")
        assert read_settings().concurrency == 2


def test_an_option_wins_over_the_file(tmp_path: Path) -> None:
    """One that was not given leaves it."""
    settings = overridden(
        read_settings(written(tmp_path, WHOLE)), budget_s=5.0, schema=None, include=None, concurrency=None
    )
    assert (settings.budget_s, settings.schema, settings.include, settings.concurrency) == (
        5.0,
        "openapi.yaml",
        ("/api/*",),
        4,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budget_s", 0.0),
        ("concurrency", 0),
        ("bytes_per_request", 0.0),
        ("timeout_s", float("nan")),
        ("budget_s", float("inf")),
    ],
)
def test_nothing_is_not_the_default(name: str, value: float) -> None:
    """An option that makes no sense is refused, not left out."""
    with pytest.raises(CommandError, match=f"{name} has to be .* or more"):
        overridden(Settings(), **{name: value})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budget = 3", "unknown key 'budget'; known are"),
        ("[limits]\nbudget = 3", "[limits]: unknown key 'budget'; did you mean 'budget_s'?"),
        ("[limits]\nbudget_s = 'long'", "budget_s has to be a number, got 'long'"),
        ("[limits]\nbudget_s = true", "budget_s has to be a number"),
        ("[limits]\nbudget_s = 0", "budget_s has to be 1 or more, got 0"),
        ("[limits]\nmemory_limit = 'lots'", "expected a size, got 'lots'"),
        ("[paths]\ninclude = '/users'", "include has to be a list of texts"),
        ("[headers]\nX-Count = 3", "headers has to be a table of texts"),
        ("[paths]\nstatus = ['2x']", "expected a status, got '2x' (for example 404 or 2xx)"),
        ("[paths]\nstatus = '2xx'", "status has to be a list of texts"),
        ("paths = 3", "paths has to be a table"),
        ("[[request]]\nmethod = 'GET'", "request 1 needs a path that begins with /"),
        ("[[request]]\npath = '/x'\nbdoy = 'y'", "[request 1]: unknown key 'bdoy'; did you mean 'body'?"),
        ("writes = 'yes'", "writes has to be true or false"),
        ("concurrency = 1.5", "concurrency has to be a whole number"),
        ("writes = ", "Invalid value"),
        ("auth = 3", "auth has to be a table"),
        ("[auth]", "[auth]: needs a path that begins with /, such as /login"),
        ("[auth]\npath = 'login'", "[auth]: needs a path that begins with /, such as /login"),
        ("[auth]\nurl = '/login'", "[auth]: unknown key 'url'; known are path"),
        ("[auth]\npath = '/a'\nfrom = {}", "[auth]: unknown key 'from'; did you mean 'form'?"),
        ("[auth]\npath = '/a'\njson = {}\nform = {}", "[auth]: takes one of json, form and body"),
        ("[auth]\npath = '/a'\nmethod = 'GET /a'", "[auth]: its method has to be one word"),
        ("[auth]\npath = '/a'\nkeep = true", "[auth]: keep has to be text, got True"),
        ("[auth]\npath = '/a'\ncsrf = 'login'", "[auth]: its csrf is the path of a page, such as /login"),
        ("[auth]\npath = '/a'\nheader = 'Token {token}'", '[auth]: its header has to be such as "Authorization: Token'),
        ("[auth]\npath = '/a'\nheader = 'X-Key: token'", "[auth]: its header has to be such as"),
        ("[auth]\npath = '/a'\nheader = 'X Key: {token}'", "the name of a header has to be of letters"),
        ("[auth]\npath = '/a'\nheader = 'X: {token}'\nkeep = 'cookie'", "[auth]: its header is for a token; leave it"),
        ("[auth]\npath = '/a'\njson = { a = '${NOT_SET}' }", "the environment has no NOT_SET; type: export NOT_SET=…"),
    ],
)
def test_what_is_wrong_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    """With the name of the file, and what was likely meant."""
    with pytest.raises(CommandError) as wrong:
        read_settings(written(tmp_path, text))
    assert message in wrong.value.message
    assert "\n" not in wrong.value.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/users/999", Request("GET", "/users/999")),
        ("delete /users/1?force=1", Request("DELETE", "/users/1?force=1")),
        ("  GET   /x ", Request("GET", "/x")),
    ],
)
def test_a_request_is_typed_as_in_a_log(text: str, expected: Request) -> None:
    """A method and a path; the method may be left out."""
    assert request(text) == expected


@pytest.mark.parametrize("text", ["", "GET", "users", "GET users", "GET /a b", "GET http://x/"])
def test_another_text_is_no_request(text: str) -> None:
    """The error has an example."""
    with pytest.raises(CommandError, match="for example 'GET /users/999'"):
        request(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("512", 512), ("1k", 1024), ("2 MB", 2_000_000), ("1.5GiB", 3 << 29), ("3m", 3 << 20)]
)
def test_a_size_has_the_usual_units(text: str, expected: int) -> None:
    """Powers of ten with B, of two otherwise."""
    assert size(text) == expected


PATHS = (
    ErrorPath("GET", "/users/{id}", 404, Request("GET", "/users/999")),
    ErrorPath("POST", "/orders", 422, Request("POST", "/orders", {"Content-Type": 'text/"x"'}, b'{"broken\n\x7f')),
    ErrorPath("GET", "/logout", 401, Request("GET", "/logout")),
)


def test_the_file_that_is_written_changes_nothing_by_itself(tmp_path: Path) -> None:
    """Every key is a comment."""
    assert read_settings(written(tmp_path, template())) == Settings()
    assert read_settings(written(tmp_path, template(PATHS))) == Settings()


def uncommented(text: str) -> str:
    """The file with the # taken off the requests."""
    head, requests = text.split("# The error paths", 1)
    return head + "\n".join(re.sub(r"^# (?=\[\[|\w+ = )", "", line) for line in requests.split("\n")[1:])


def test_each_request_in_it_can_be_uncommented(tmp_path: Path) -> None:
    """Whatever its headers and its body hold."""
    settings = read_settings(written(tmp_path, uncommented(template(PATHS))))
    assert list(settings.requests) == [path.request for path in PATHS]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Request("POST", "/", body=b"\xff"), "its body is not text"),
        (Request("POST", "/", body=b"x" * 2000), "its body has 2,000 bytes"),
        (
            Request("GET", "/", {"X-A": "${HOME}"}),
            "a header has ${…}, which a file takes for a variable of the environment",
        ),
        (Request("GET", "/\ud800"), "it has a character that no file of text can have"),
    ],
)
def test_a_request_that_cannot_be_written_is_not_written_by_half(request_: Request, reason: str) -> None:
    """Without its body it would be another request, which may do more."""
    text = template([ErrorPath("POST", "/orders", 400, request_)])
    assert f"# POST /orders 400\n# It cannot be written here: {reason}.\n" in text
    assert "[[request]]" not in text


HOSTILE = (
    '/x\n[[request]]\nmethod = "DELETE"\npath = "/users/1"\n#',
    "/x\r[[request]]\rpath = '/y'",
    '/x"]\nwrites = true\n#',
    "/x\\",
    "/del\x7f",
    "/escape\x1b[31m",
    "/next\x85line\u2028line\u2029line\x0c",
    "/right\u202eleft",
    "/half\ud800",
    '/"""',
    "/'''",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_service_leaves_its_comment_or_its_string(text: str, tmp_path: Path) -> None:
    """Not by its path, header or body; a description's path was a live request once."""
    asked = Request("GET", "/x", {"X-A": text}, text.encode(errors="replace"))
    written_file = template([ErrorPath(text, text, 404, asked)])
    assert read_settings(written(tmp_path, written_file)) == Settings()
    assert all(line.isprintable() for line in written_file.split("\n"))


texts = strategies.text(strategies.characters(), max_size=20)
"""Any, with control characters and halves of characters."""

requests = strategies.builds(
    Request,
    strategies.sampled_from(["GET", "DELETE", "X-Y"]),
    strategies.text(strategies.characters(min_codepoint=33, max_codepoint=126), max_size=20).map("/{}".format),
    strategies.dictionaries(
        strategies.text("aZ-9_", min_size=1, max_size=5),
        strategies.text(strategies.characters(min_codepoint=32, max_codepoint=126), max_size=20),
        max_size=2,
    ),
    strategies.text(strategies.characters(exclude_categories=["Cs"]), max_size=20).map(str.encode),
)


@given(strategies.lists(strategies.builds(ErrorPath, texts, texts, strategies.just(404), requests), max_size=3))
@examples(50)
def test_a_request_is_read_as_it_was_found(paths: list[ErrorPath]) -> None:
    """The file is the default one before, and has exactly those requests with the # taken off, whatever is in them."""
    with TemporaryDirectory() as folder:
        text = template(paths)
        before = read_settings(written(Path(folder), text))
        assert before == Settings()
        if paths:
            settings = read_settings(written(Path(folder), uncommented(text)))
            sent = [named(one, may_vary=True) for one in settings.requests]
            assert sent == [Named(**vars(path.request), may_vary=True) for path in paths]


def test_braces_that_were_found_are_written_twice(tmp_path: Path) -> None:
    """Once, they are a place for a value."""
    found = ErrorPath("GET", "/x", 404, Request("GET", "/{id}", {"X-A": "{id}"}, b"{id}"))
    (read,) = read_settings(written(tmp_path, uncommented(template([found])))).requests
    assert read == Request("GET", "/{{id}}", {"X-A": "{{id}}"}, b"{{id}}")


UNSEEN = "s3cret"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'[headers]\nAuthorization = "{UNSEEN}\\n"', "the value of the header Authorization has a line's end"),
        (f'[headers]\nAuthorization = "{UNSEEN}\\r\\nX: y"', "the value of the header Authorization has a line's end"),
        (f'[headers]\nAuthorization = "{UNSEEN}\\u0000"', "or another control character; remove it"),
        (f'[headers]\nAuthorization = "{UNSEEN}\u2026"', "Authorization has a character that no header can have"),
        (f'[headers]\n"Authorization: {UNSEEN}" = ""', "the name of a header has to be of letters, digits, -"),
        (f'[headers]\n"{UNSEEN}\\n" = ""', "the name of a header has to be of letters, digits, -"),
        (f'[headers]\nAuthorization = ["{UNSEEN}"]', "headers has to be a table of texts"),
        (f'headers = "Authorization: {UNSEEN}"', "headers has to be a table of texts"),
        (f"[[request]]\npath = '/x'\nheaders = ['{UNSEEN}']", "[request 1]: headers has to be a table of texts"),
        (f"[request]\npath = '/x'\nheaders = {{A = '{UNSEEN}'}}", "request has to be a list of tables: [[request]]"),
        (f'[headers]\nAuthorization = "{UNSEEN}', "Illegal character"),
        (f"[[request]]\npath = '/x'\nbody = {{ password = '{UNSEEN}' }}", "[request 1]: body has to be text"),
        (f"[[request]]\npath = ['/x?key={UNSEEN}']", "[request 1]: path has to be text"),
        (f"[auth]\npath = '/a'\nheader = ['{UNSEEN}']", "[auth]: header has to be text"),
        (f"[auth]\npath = '/a'\njson = '{UNSEEN}'", "json has to be a table of texts, numbers, lists and tables"),
        (
            f"[auth]\npath = '/a'\njson = {{ a = 2026-01-01, b = '{UNSEEN}' }}",
            "[auth]: json has to be a table of texts, numbers",
        ),
        (f"[auth]\npath = '/a'\nform = ['{UNSEEN}']", "[auth]: form has to be a table of texts"),
        (f"[auth]\npath = '/a'\nform = {{ a = 1, b = '{UNSEEN}' }}", "[auth]: form has to be a table of texts"),
        (f"[auth]\npath = '/a'\nbody = ['{UNSEEN}']", "[auth]: body has to be text"),
        (f"[auth]\npath = 'a?key={UNSEEN}'", "[auth]: needs a path"),
        (f"[auth]\npath = '/a'\npassword = '{UNSEEN}'", "[auth]: unknown key 'password'; known are path, method"),
        (f'[auth]\npath = "/a"\nheaders = {{ A = "{UNSEEN}\\n" }}', "the value of the header A has a line's end"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(text: str, message: str, tmp_path: Path) -> None:
    """A token that ends with a newline is the usual one; the terminal may be somebody's screen, or the log of a CI."""
    with pytest.raises(CommandError) as wrong:
        read_settings(written(tmp_path, f"{text}\n"))
    assert message in wrong.value.message
    assert UNSEEN not in wrong.value.message


@pytest.mark.parametrize("path", ["/a b", "/\\r\\nX: y", "/caf\u00e9", "/\\u0000"])
def test_a_path_is_written_as_it_is_sent(path: str, tmp_path: Path) -> None:
    """Nothing in it can end its line."""
    with pytest.raises(CommandError, match=r"request 1 needs a path .* written as it is sent: /caf%C3%A9"):
        read_settings(written(tmp_path, f'[[request]]\npath = "{path}"'))
    with pytest.raises(CommandError, match="the method of request 1 has to be one word"):
        read_settings(written(tmp_path, '[[request]]\nmethod = "GET /x"\npath = "/"'))


def test_a_secret_may_stand_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In headers and in what logs in, at every depth; what is in it stays as it is, and no report of a fault has it."""
    monkeypatch.setenv("SHOP_PASSWORD", "${HOME}-k3y")
    text = """headers = { Authorization = "Bearer ${SHOP_PASSWORD}" }
[auth]
path = "/login"
json = { password = "${SHOP_PASSWORD}", more = ["$SHOP_PASSWORD", "${}", { a = "-${SHOP_PASSWORD}-" }] }
"""
    settings = read_settings(written(tmp_path, text))
    assert settings.headers == {"Authorization": "Bearer ${HOME}-k3y"}
    assert settings.auth
    more = ["$SHOP_PASSWORD", "${}", {"a": "-${HOME}-k3y-"}]
    assert settings.auth.json == {"password": "${HOME}-k3y", "more": more}
    assert without_secrets("with ${HOME}-k3y") == "with …"


def test_a_variable_is_as_bound_as_a_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ends with a newline, as from a file, cannot be sent."""
    monkeypatch.setenv("SHOP_TOKEN", "s3cret\n")
    with pytest.raises(CommandError, match="the value of the header A has a line's end") as wrong:
        read_settings(written(tmp_path, 'headers = { A = "${SHOP_TOKEN}" }'))
    assert "s3cret" not in wrong.value.message


def test_a_secret_of_a_request_may_stand_there_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a header, sent as it is: its braces are no place for a value. A path and a body stay as they stand."""
    monkeypatch.setenv("SHOP_TOKEN", "{abcd}")
    text = '[[request]]\npath = "/{id}"\nheaders = { A = "Bearer ${SHOP_TOKEN}" }\nbody = "${SHOP_TOKEN}"'
    (request_,) = read_settings(written(tmp_path, text)).requests
    sent = named(request_, may_vary=False)
    assert (sent.path, sent.headers, sent.body) == ("/999999999", {"A": "Bearer {abcd}"}, b"${SHOP_TOKEN}")
    assert len(sent.inputs) == 1


def test_the_header_of_a_token_may_name_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As may the page that is asked first."""
    monkeypatch.setenv("SHOP", "shop")
    text = '[auth]\npath = "/a"\ncsrf = "/${SHOP}"\nheader = "X-Key: ${SHOP} {token}"'
    auth = read_settings(written(tmp_path, text)).auth
    assert auth == Auth("/a", csrf="/shop", header="X-Key: shop {token}")


def test_the_login_in_it_can_be_uncommented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows each key once."""
    monkeypatch.setenv("PASSWORD", "s3cret")
    head, _, rest = template().partition("# [auth]\n")
    table, _, rest = rest.partition("\n\n")
    uncommented = head + "[auth]\n" + re.sub("^# ", "", table, flags=re.MULTILINE) + "\n\n" + rest
    auth = read_settings(written(tmp_path, uncommented)).auth
    assert auth == Auth("/login", json={"username": "admin", "password": "s3cret"}, csrf="/login", keep="access_token")


def test_every_key_is_in_it() -> None:
    """Also those that are added later."""
    text = template()
    for key in re.findall(r"^\s*\[?\[?(\w+)", WHOLE, re.MULTILINE):
        assert re.search(rf"^(# )?\[*{key}\b", text, re.MULTILINE), key
