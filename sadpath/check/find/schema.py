"""An OpenAPI description: read it, and have requests made from it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler
from urllib.request import Request as HttpRequest

from sadpath.check.driver import Request
from sadpath.errors import CommandError, Status
from sadpath.hosts import direct_opener, urlsplit_or_none

USUAL_PLACES = ("/openapi.json", "/swagger.json", "/api/openapi.json", "/api/schema/?format=json", "/v1/openapi.json")
READS_WITHIN_S = 10.0
MAKES_CASES_WITHIN_S = 60.0
MOST_BYTES = 1 << 25

T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """A request that was made from an operation; `valid` is whether the description allows it."""

    method: str
    template: str
    request: Request
    valid: bool


@dataclass(frozen=True)
class Schema:
    """A description, and where it came from."""

    where: str
    content: Mapping[str, Any] = field(repr=False)

    @property
    def prefix(self) -> str:
        """The path below which its operations are, without a slash at its end."""
        servers = self.content.get("servers") or [{}]
        url = servers[0].get("url", "") if isinstance(servers[0], dict) else ""
        path = urlsplit(str(url)).path if "{" not in str(url) else ""
        return str(self.content.get("basePath") or path).rstrip("/")

    def operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield the method, the template and the description of each operation."""
        for template, methods in self.content["paths"].items():
            for method, operation in methods.items() if isinstance(methods, dict) else ():
                if method in METHODS and isinstance(operation, dict):
                    yield method.upper(), self.prefix + template, operation

    def narrowed(self, is_wanted: Callable[[str, str], bool], most: int) -> Schema:
        """Return the description of those operations whose method and template are wanted, and of at most so many.

        Of more than that it has some that are spread evenly.
        """
        wanted = [(method, template) for method, template, _ in self.operations() if is_wanted(method, template)]
        kept = set(evenly(wanted, most))
        paths = {
            template: {
                name: value
                for name, value in methods.items()
                if name not in METHODS or (name.upper(), self.prefix + template) in kept
            }
            for template, methods in self.content["paths"].items()
            if isinstance(methods, dict)
        }
        left = {template: methods for template, methods in paths.items() if METHODS & methods.keys()}
        return replace(self, content={**self.content, "paths": left})


def evenly(items: Sequence[T], most: int) -> Sequence[T]:
    """Return the items, or of more than `most` so many that are spread evenly."""
    if len(items) <= most:
        return items
    return [items[i * len(items) // most] for i in range(most)]


METHODS = {"get", "head", "options", "trace", "post", "put", "patch", "delete"}


def usual_schema(url: str, headers: Mapping[str, str]) -> Schema | None:
    """Return the description that a service publishes in one of the usual places; None if it has none there."""
    for place in USUAL_PLACES:
        try:
            return _parsed(_fetched(url.rstrip("/") + place, headers), place)
        except (OSError, ValueError):
            continue
    return None


def named_schema(name: str, headers: Mapping[str, str]) -> Schema:
    """Return the description at an address or in a file, as JSON or YAML. Raises `CommandError`."""
    try:
        page = _fetched(name, headers) if urlsplit_or_none(name) else Path(name).read_bytes()
        return _parsed(page, name)
    except OSError as error:
        raise CommandError(f"cannot read the schema {name}: {error}", Status.WRONG_COMMAND) from error
    except ValueError as error:
        raise CommandError(f"{name} is not an OpenAPI description: {error}", Status.WRONG_COMMAND) from error


def cases(schema: Schema) -> tuple[list[Case], list[str]]:
    """Return requests for each operation, the same each time, and notes on what was left out. Raises `CommandError`."""
    command = [sys.executable, "-P", "-W", "ignore", "-m", "sadpath.check.find.schema_cases"]
    try:
        done = subprocess.run(  # noqa: S603 - our own
            command,
            input=json.dumps(schema.content),
            capture_output=True,
            text=True,
            timeout=MAKES_CASES_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [], [f"no requests were made from {schema.where} within {MAKES_CASES_WITHIN_S:.0f} s"]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    notes = [note for one in found for note in one.get("notes", ())]
    if done.returncode or not found:
        notes.append(f"not all requests of {schema.where} were made: {(done.stderr.splitlines() or ['?'])[-1][:200]}")
    if error := next((one["error"] for one in found if "error" in one), ""):
        raise CommandError(f"{schema.where} is not an OpenAPI description: {error}", Status.WRONG_COMMAND)
    return [_case(one, schema.prefix) for one in found if "path" in one], notes


def _case(one: Mapping[str, Any], prefix: str) -> Case:
    request = Request(one["method"], prefix + one["path"], one["headers"], base64.b64decode(one["body"]))
    return Case(one["method"], prefix + one["template"], request, one["valid"])


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow none: it might lead elsewhere."""


def _fetched(url: str, headers: Mapping[str, str]) -> bytes:
    opener = direct_opener(_NoRedirect())
    request = HttpRequest(url, headers=dict(headers))  # noqa: S310 - an address of the user's own
    try:
        with opener.open(request, timeout=READS_WITHIN_S) as answer:
            return bytes(answer.read(MOST_BYTES))
    except HTTPError as refused:
        refused.close()  # it holds a connection
        raise


def _parsed(page: bytes, where: str) -> Schema:
    """Return the description of a page. Raises `ValueError` for a page of something else."""
    try:
        content = json.loads(page)
    except ValueError:
        content = _from_yaml(page)
    if not isinstance(content, dict) or not isinstance(content.get("paths"), dict):
        raise ValueError("it has no paths")  # noqa: TRY004 - as for any other page
    if not (content.get("openapi") or content.get("swagger")):
        raise ValueError("it does not say which version of OpenAPI it is")
    return Schema(where, content)


def _from_yaml(page: bytes) -> Any:
    import yaml  # noqa: PLC0415 - few need it

    try:
        return yaml.safe_load(page)
    except yaml.YAMLError as error:
        raise ValueError("it is neither JSON nor YAML") from error
