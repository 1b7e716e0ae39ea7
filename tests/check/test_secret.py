"""What headers hold that nothing shows."""

from __future__ import annotations

import pytest

from sadpath.check.secret import in_headers


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("Authorization", "Bearer abcd", {"Bearer abcd", "abcd"}),
        ("Authorization", "Basic bWU6czNjcmV0", {"Basic bWU6czNjcmV0", "bWU6czNjcmV0", "me:s3cret", "s3cret"}),
        ("Authorization", "basic no base 64", {"basic no base 64", "64"}),
        ("Authorization", "Basic no-base-64", {"Basic no-base-64", "no-base-64"}),
        ("cookie", "id=abcd; theme=dark", {"id=abcd; theme=dark", "theme=dark", "abcd", "dark"}),
        ("X-Api-Key", "abcd", {"abcd"}),
    ],
)
def test_a_service_may_repeat_any_part_of_a_header(name: str, value: str, secrets: set[str]) -> None:
    """As it was sent, or as it is read."""
    assert set(in_headers({name: value})) == secrets
