"""The code of the twins, as the live page shows it."""

import pytest
from starlette.testclient import TestClient

from service.twins.catalogue import Twin
from service.twins.code import ROOT, code_of
from service.twins.registry import TWINS


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.slug)
def test_the_code_stands_in_the_source(twin: Twin) -> None:
    """Both variants have some, and each line of it begins as one of the file, from the line that is named."""
    for code in code_of(twin):
        source = (ROOT / code.file).read_text().splitlines()
        first = code.code.splitlines()[0]
        assert first.split("(")[0] in source[code.line - 1]
        written = {line.partition("  # ")[0].strip() for line in source}
        assert all(line.partition("  # ")[0].strip() in written for line in code.code.splitlines())
        assert "noqa" not in code.code


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.slug)
def test_the_line_that_leaks_is_marked(twin: Twin) -> None:
    """Where the source says that a line leaks it is marked, and of the fixed variant something is."""
    leaky, fixed = code_of(twin)
    lines = leaky.code.splitlines()
    assert {number for number, line in enumerate(lines, 1) if "# leaks" in line} <= set(leaky.marked)
    assert leaky.marked
    assert fixed.marked


def test_the_headline_differs_in_one_line(client: TestClient) -> None:
    """The reused object against one that is constructed."""
    leaky, fixed = client.get("/lab/code/asgi-middleware").json()
    assert [leaky["code"].splitlines()[number - 1].split("  # ")[0].strip() for number in leaky["marked"]] == [
        "raise Errors.user_not_found"
    ]
    assert [fixed["code"].splitlines()[number - 1].split("  # ")[0].strip() for number in fixed["marked"]] == [
        "raise ErrorFactory.user_not_found()"
    ]


def test_an_unknown_twin_is_said_to_be(client: TestClient) -> None:
    """With those that are known."""
    answer = client.get("/lab/code/tea")
    assert (answer.status_code, answer.json()["title"]) == (404, "Unknown twin")
    assert "error-cache" in answer.json()["twins"]
