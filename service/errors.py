"""The service's errors, in both styles: module-level objects that every request raises, and factories.

This service's own middleware (`service/problems.py`) handles an `ApiError`. That design is common, and no release of
Starlette or FastAPI protects it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Strategy = Literal["reused", "factory", "detached"]
"""What the `/reused` routes raise: the reused object, a new one, or the reused one without its old traceback."""


class ApiError(Exception):
    """An error that becomes a response: an HTTP status, a title for its kind, a detail for this case."""

    def __init__(self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, title, detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})

    @property
    def code(self) -> str:
        """The title as an identifier: `user_not_found`."""
        return self.title.lower().replace(" ", "_")


class ErrorFactory:
    """Constructs a new object for each raise. The object and its traceback are freed when the request ends."""

    @staticmethod
    def user_not_found() -> ApiError:
        """No user has the requested id."""
        return ApiError(404, "User not found", "There is no user with this id.")

    @staticmethod
    def invalid_token() -> ApiError:
        """The request has no token, or an unknown one."""
        return ApiError(401, "Invalid token", "Sign in to open a session.", {"WWW-Authenticate": "Bearer"})


class Errors:
    """One object of each kind per process lifetime. Each raise makes its traceback longer: this is the leak."""

    user_not_found = ErrorFactory.user_not_found()
    invalid_token = ErrorFactory.invalid_token()


def reused_errors() -> dict[str, ApiError]:
    """Return the reused objects by name, for the census and for `POST /lab/release`."""
    return {name: error for name, error in vars(Errors).items() if isinstance(error, ApiError)}
