"""`sadpath.toml`: what it may say, what is wrong with it in one line, and the file that `sadpath init` writes."""

from __future__ import annotations

import re
from contextlib import chdir
from pathlib import Path

import pytest

from sadpath.check.driver import Request
from sadpath.check.find import ErrorPath
from sadpath.check.settings import Settings, overridden, read_settings, request, size, template
from sadpath.errors import CommandError

WHOLE = """
schema = "openapi.yaml"
writes = true
concurrency = 4
[headers]
Authorization = "Bearer x"
[paths]
include = ["/api/*"]
exclude = ["POST /api/orders"]
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
        requests=(
            Request("GET", "/users/999"),
            Request("POST", "/orders", {"Content-Type": "application/json"}, b"{}"),
        ),
        schema="openapi.yaml",
        include=("/api/*",),
        exclude=("POST /api/orders",),
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
    ("name", "value"), [("budget_s", 0.0), ("concurrency", 0), ("bytes_per_request", 0.0), ("timeout_s", float("nan"))]
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
        ("paths = 3", "paths has to be a table"),
        ("[[request]]\nmethod = 'GET'", "request 1 needs a path that begins with /"),
        ("[[request]]\npath = '/x'\nbdoy = 'y'", "[request 1]: unknown key 'bdoy'; did you mean 'body'?"),
        ("writes = 'yes'", "writes has to be true or false"),
        ("concurrency = 1.5", "concurrency has to be a whole number"),
        ("writes = ", "Invalid value"),
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
    ErrorPath("POST", "/orders", 422, Request("POST", "/orders", {"Content-Type": 'text/"x"'}, b'{"broken\n\xff')),
    ErrorPath("GET", "/logout", 401, Request("GET", "/logout")),
)


def test_the_file_that_is_written_changes_nothing_by_itself(tmp_path: Path) -> None:
    """Every key is a comment, but for operations that one does not want to be repeated."""
    assert read_settings(written(tmp_path, template())) == Settings()
    assert read_settings(written(tmp_path, template(PATHS))) == Settings(exclude=("/logout",))


def test_each_request_in_it_can_be_uncommented(tmp_path: Path) -> None:
    """Whatever its headers and its body hold."""
    head, requests = template(PATHS).split("# The error paths", 1)
    lines = requests.splitlines()[1:]
    uncommented = "\n".join(re.sub(r"^# (?=\[\[|\w+ = )", "", line) for line in lines)
    settings = read_settings(written(tmp_path, head + uncommented))
    assert [one.path for one in settings.requests] == ["/users/999", "/orders", "/logout"]
    assert settings.requests[1].headers == {"Content-Type": 'text/"x"'}
    assert settings.requests[1].body.startswith(b'{"broken\n')


def test_every_key_is_in_it() -> None:
    """Also those that are added later."""
    text = template()
    for key in re.findall(r"^\s*\[?\[?(\w+)", WHOLE, re.MULTILINE):
        assert re.search(rf"^(# )?\[*{key}\b", text, re.MULTILINE), key
