"""A service with 224 operations that may change data, of every shape, which accepts all that its description allows.

It is as lenient as one can be: a body that it demands only has to be of its type, ids from 1 to 3 are known, and a GET
may say that it is a DELETE. What was accepted is written to a file, a line each.

    python described.py PORT FILE [swagger] [anything | careless | tired | unguarded]

`swagger` describes it as Swagger 2. It refuses nothing with `anything`, only unknown methods with `careless`, and all
but missing credentials with `unguarded`. With `tired` it refuses a broken body 20 times.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, product
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PORT, FILE, *KINDS = sys.argv[1:] if __name__ == "__main__" else ["0", ""]
JSON, FORM, TEXT = "application/json", "application/x-www-form-urlencoded", "text/plain"
REFUSED = count()
METHODS = ("post", "put", "patch", "delete")
BODIES = {
    "none": (),
    "optional": (JSON,),
    "required": (JSON,),
    "either": (JSON, FORM),
    "form": (FORM,),
    "text": (TEXT,),
    "file": (JSON,),
}
SECURITY = {"inherited": None, "token": [{"token": []}], "maybe": [{}, {"token": []}], "open": []}
NUMBER = {"name": "id", "in": "path", "required": True, "example": 2}
OVERRIDES = [("_method", "query"), ("X-HTTP-Method-Override", "header")]


def operations():  # type: ignore[no-untyped-def]
    """Yield the path and the shape of each operation that may change data."""
    for body, security, identified in product(BODIES, SECURITY, (False, True)):
        yield f"/{body}/{security}" + "/{id}" * identified, body, security


def description(*, is_swagger):  # type: ignore[no-untyped-def]
    """Return what it says of itself."""
    paths = {
        path: {method: operation(path, body, security, is_swagger=is_swagger) for method in METHODS}
        for path, body, security in operations()
    }
    for path in ("/things/{id}", "/auth/log-out", "/open"):
        overrides = [
            parameter({"name": name, "in": place}, "string", "DELETE", is_swagger) for name, place in OVERRIDES
        ]
        shape = operation(path, "none", "open" if path == "/open" else "token", is_swagger=is_swagger)
        paths[path] = {"get": {**shape, "parameters": [*shape["parameters"], *overrides]}}
    schemes = {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}}
    head = {"info": {"title": "shapes", "version": "1"}, "security": [{"token": []}], "paths": paths}
    if is_swagger:
        return {"swagger": "2.0", "consumes": [JSON], "securityDefinitions": schemes, **head}
    return {"openapi": "3.0.3", "components": {"securitySchemes": schemes}, **head}


def operation(path, body, security, *, is_swagger):  # type: ignore[no-untyped-def]
    """Return the description of one operation."""
    found = {"responses": {"200": {"description": "done"}}, "parameters": []}
    if SECURITY[security] is not None:
        found["security"] = SECURITY[security]
    if "{id}" in path:
        found["parameters"].append({**parameter(NUMBER, "integer", 2, is_swagger)})
    schema = {"type": "string", "format": "binary"} if body in ("file", "text") else {"type": "object"}
    if BODIES[body] and is_swagger:
        is_form = body == "form"
        name = (
            {"name": "name", "in": "formData", "type": "string"}
            if is_form
            else {"name": "it", "in": "body", "schema": schema}
        )
        found["parameters"].append({**name, "required": body != "optional"})
        found["consumes"] = list(BODIES[body])
    elif BODIES[body]:
        content = {name: {"schema": schema} for name in BODIES[body]}
        found["requestBody"] = {"required": body != "optional", "content": content}
    return found


def parameter(named, kind, example, is_swagger):  # type: ignore[no-untyped-def]
    """Return a parameter, whose type stands elsewhere in Swagger 2."""
    schema = {"type": kind, "enum": [example]} if kind == "string" else {"type": kind, "minimum": 1}
    kept = {key: value for key, value in named.items() if key != "example" or not is_swagger}
    return {**kept, **(schema if is_swagger else {"schema": schema})}


class Handler(BaseHTTPRequestHandler):
    """Answers."""

    protocol_version = "HTTP/1.1"

    def handle_any(self):  # type: ignore[no-untyped-def]
        """Answer a request of any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status = self.status_of(body)
        page = json.dumps(description(is_swagger="swagger" in KINDS)).encode() if self.path == "/openapi.json" else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page if self.command != "HEAD" else b"")

    def __getattr__(self, name):  # type: ignore[no-untyped-def]
        """Answer each method in the same way, and those that a service need not know only if anything goes."""
        if name == "do_TRACE" and "anything" not in KINDS:
            raise AttributeError(name)
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def status_of(self, body):  # type: ignore[no-untyped-def]
        """Return the status, and write down what was accepted."""
        parts = urlsplit(self.path)
        asked = parse_qs(parts.query).get("_method", [self.headers.get("X-HTTP-Method-Override", self.command)])[0]
        shape, _, rest = parts.path.lstrip("/").partition("/")
        status = refusal(shape, rest.split("/"), self.headers, body)
        is_change = asked.lower() in METHODS or "log-out" in self.path
        if is_change and status == 200:
            with Path(FILE).open("a") as file:
                file.write(f"{asked} {self.path}\n")
        return status

    def log_message(self, *_):  # type: ignore[no-untyped-def]
        """Say nothing."""


def refusal(shape, rest, headers, body):  # type: ignore[no-untyped-def]
    """Return why a request is refused, as a status; 200 where nothing forbids it."""
    if {"anything", "careless"} & {*KINDS} or shape == "openapi.json":
        return 200
    is_known = headers.get("Authorization") == "Bearer good" or "unguarded" in KINDS
    if not is_known and (shape in ("things", "auth") or rest[0] in ("inherited", "token")):
        return 401
    if rest[-1].isdigit() and int(rest[-1]) > 3:
        return 422 if shape == "required" and not is_json(body) else 404
    if shape == "required" and not is_json(body):
        return 422 if "tired" not in KINDS or next(REFUSED) < 20 else 200
    is_missing = shape in ("either", "form", "text", "file") and not body
    return 422 if is_missing else 200 if shape in (*BODIES, "things", "auth", "open") else 404


def is_json(body):  # type: ignore[no-untyped-def]
    """Whether it can be read."""
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(PORT)), Handler).serve_forever()
