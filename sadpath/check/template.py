"""The settings file that `sadpath init` writes: every key with a comment, and the error paths that were found."""

from __future__ import annotations

import json

from sadpath.check.result import ErrorPath, Plan
from sadpath.check.settings import Settings

HEAD = """\
# Settings of `sadpath check`, read from the folder in which it is typed. Its options win over this file.

# The OpenAPI description: an address or a file. Without it, /openapi.json and other usual places are tried.
# schema = "openapi.yaml"

# Also repeat requests that may change data.
# writes = true

# Connections that send requests.
# concurrency = 1

# Headers that go with every request. Do not commit a token that is worth something.
[headers]
# Authorization = "Bearer …"

# Patterns of paths, with or without a method: "/users/*", "POST /orders/*".
[paths]
# include = ["/api/*"]
exclude = [{risky}]

[limits]
# budget_s = {budget_s:.0f}  # seconds to measure
# bytes_per_request = {bytes_per_request:.0f}  # growth below this is flat
# timeout_s = {timeout_s:.0f}  # seconds until a request counts as not answered
# memory_limit = "512MiB"  # end when the service needs more; by default half of what is free
"""

FOUND = """
# The error paths that were found. All are checked; take the # off some, and those alone are.
"""

NONE_FOUND = """
# Requests to check. As soon as one is named, no others are checked.
# [[request]]
# method = "GET"
# path = "/users/999"
# headers = { Accept = "application/json" }
# body = ""
"""

ENDS_SOMETHING = ("shutdown", "logout", "signout", "restart", "stop", "kill", "exit", "quit")
"""Words of operations that one does not want to have repeated; excluded, for the reader to decide."""

LONGEST_BODY = 1000


def starter(plan: Plan, settings: Settings) -> str:
    """Return a settings file, as TOML, for a service with these error paths."""
    found = dict.fromkeys(path.path for path in plan.paths)
    risky = [template for template in found if any(word in template.lower() for word in ENDS_SOMETHING)]
    text = HEAD.format(risky=", ".join(map(_toml, risky)), **vars(settings))
    return text + (FOUND + "".join(map(_request, plan.paths)) if plan.paths else NONE_FOUND)


def _request(path: ErrorPath) -> str:
    """Return a request as comments; a body that is no text is left out."""
    request = path.request
    lines = [f"# {path.name}", "[[request]]", f"method = {_toml(request.method)}", f"path = {_toml(request.path)}"]
    if request.headers:
        lines.append(f"headers = {{ {', '.join(f'{_toml(k)} = {_toml(v)}' for k, v in request.headers.items())} }}")
    if request.body and len(request.body) <= LONGEST_BODY:
        lines.append(f"body = {_toml(request.body.decode(errors='replace'))}")
    first, *others = lines
    return "\n".join([first, *(f"# {line}" for line in others), "", ""])


def _toml(text: str) -> str:
    """Return a string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
