"""What there is to say of an exception, without asking its class for anything."""

from typing import Any

import pytest

from sadpath.probe.explain import LONGEST_MESSAGE, described, message
from tests.probe.other_process import other_process
from tests.probe.raising import raise_many


class Detailed(Exception):  # noqa: N818
    """Has its text in an attribute, as FastAPI's `HTTPException` has."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail


class Opinionated(Exception):  # noqa: N818
    """Has code of its own wherever one might look."""

    def __str__(self) -> str:
        raise AssertionError("this is the user's code")

    __repr__ = __str__

    @property
    def detail(self) -> str:
        """Answer nothing."""
        raise AssertionError("this is the user's code")

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("this is the user's code")


def test_an_exception_is_explained_by_its_id() -> None:
    """Its name, its message, its raise sites, and what it retains; one that has gone by then is left out."""
    with other_process() as call:
        (explained,), (entries, frames) = call("tests.probe.answering.explained_after", 30)
    assert explained["held_by"] == ["tests.probe.answering.held"]
    assert (explained["type"], explained["message"]) == ("builtins.ValueError", "held here")
    assert explained["entries"] == entries
    assert explained["frames"] == pytest.approx(frames, rel=0.1)
    assert explained["bytes"] > 30 * 1000
    assert [site["function"].rpartition(".")[2] for site in explained["raised_at"]] == ["_descend"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("plain"), "plain"),
        (ValueError(), ""),
        (OSError(2, "no such file"), "no such file"),
        (Detailed(404, "no such item"), "no such item"),
        (ValueError(b"bytes"), "b'bytes'"),
        (ValueError(["a list"]), ""),
        (ValueError("x" * 1000), "x" * (LONGEST_MESSAGE - 1) + "…"),
    ],
)
def test_a_message_is_a_text_that_the_exception_has(error: BaseException, text: str) -> None:
    """In its arguments, or in an attribute of the usual names; of Python's own types, and not too long."""
    assert message(error) == text


def test_no_code_of_the_class_runs() -> None:
    """Neither its text, nor its properties, nor how it looks up attributes."""
    error = Opinionated("quiet")
    raise_many(error, 3)
    assert described(error)["message"] == "quiet"
