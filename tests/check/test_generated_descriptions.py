"""Descriptions that are made up: whatever they say, they are read and requests are made, or the reason is one line."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given

from sadpath.check.find.refusable import refusable
from sadpath.check.find.schema import METHODS
from tests.check.generated_descriptions import pages, read
from tests.generated import examples

MAKES = Path(__file__).with_name("make_generated_cases.py")


def see(page: bytes) -> None:
    """Read a page, and look at all that is known before a request is made."""
    try:
        schema = read(page)
    except ValueError as reason:
        assert "\n" not in str(reason)  # noqa: PT017 - both are as they should be
        return
    for method, template, operation in islice(schema.operations(), 2):
        assert method.lower() in METHODS
        assert template.startswith("/")
        list(refusable(method, template, template, operation, schema))


@given(pages())
@examples(50)
def test_a_description_is_read_whatever_is_in_it(page: bytes) -> None:
    """Any value anywhere, as JSON or YAML, or half of it."""
    see(page)


@pytest.mark.slow
@given(pages())
@examples(10_000)
def test_ten_thousand_descriptions_are_read_whatever_is_in_them(page: bytes) -> None:
    """As the few above."""
    see(page)


@pytest.mark.parametrize("count", [20, pytest.param(2000, marks=pytest.mark.slow)])
def test_requests_are_made_whatever_is_in_a_description(count: int) -> None:
    """Each for a path of the service; an operation that cannot be understood has none."""
    command = [sys.executable, "-W", "ignore", str(MAKES), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
