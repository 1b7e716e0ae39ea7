"""The catalogue of errors, in both styles: objects that are raised again and again, and factories.

An `ApiError` is handled by this service's own middleware (`service/problems.py`), a common design, and one that no
release of a framework protects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Strategy = Literal["reused", "factory", "detached"]
"""How the `/reused` routes raise: the reused object, a fresh one, or the reused one without its old traceback."""


class ApiError(Exception):
    """An error that a client is told about: an HTTP status, a title of its kind, a detail of this case."""

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
    """A fresh object for each raise: what is in it dies with the request."""

    @staticmethod
    def user_not_found() -> ApiError:
        """No user has the id that was asked for."""
        return ApiError(404, "User not found", "There is no user with this id.")

    @staticmethod
    def invalid_token() -> ApiError:
        """The request carries no token, or none that opens a session."""
        return ApiError(401, "Invalid token", "Sign in to open a session.", {"WWW-Authenticate": "Bearer"})


class Errors:
    """One object for the lifetime of the process. Each raise makes its traceback longer: this is the leak."""

    user_not_found = ErrorFactory.user_not_found()
    invalid_token = ErrorFactory.invalid_token()


def reused_errors() -> dict[str, ApiError]:
    """Return the reused objects by name, for those who follow or release them."""
    return {name: error for name, error in vars(Errors).items() if isinstance(error, ApiError)}
