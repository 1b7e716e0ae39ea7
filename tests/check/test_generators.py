"""Descriptions of the libraries that publish one are found where these put it, each in its newest release."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.ports import free_port
from sadpath.check.find.prefix import at_its_prefix
from sadpath.check.find.published import published_schema
from sadpath.check.service.listening import is_taken
from tests.check.conftest import HERE
from tests.check.environments import environment
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

RUNNING = "{}.{}".format(*sys.version_info)
FOUND = {
    "aiohttp_apispec": ("/api/docs/swagger.json", "/items/{item_id}"),
    "connexion": ("/v1.0/openapi.json", "/v1.0/items/{item_id}"),
    "drf_spectacular": ("/api/schema/?format=json", "/items/{item_id}"),
    "drf_yasg": ("/swagger/?format=openapi", "/items/{item_id}"),
    "fastapi": ("/api/v2/openapi.json", "/api/v2/items/{item_id}"),
    "flask_apispec": ("/swagger/?format=openapi", "/items/{item_id}"),
    "flask_restx": ("/shop/v3/swagger.json", "/shop/v3/items/{item_id}"),
    "flask_smorest": ("/api/openapi.json", "/items/{item_id}"),
    "litestar": ("/schema/openapi.json", "/items/{item_id}"),
    "sanic_ext": ("/docs/openapi.json", "/items/{item_id}"),
}
REST_FRAMEWORK = ["drf-spectacular", "drf-yasg", "setuptools<80"]
PACKAGES = {
    "aiohttp_apispec": ["aiohttp-apispec", "marshmallow<4", "apispec<6.10", "setuptools<80"],
    "connexion": ["connexion[uvicorn]"],
    "drf_spectacular": REST_FRAMEWORK,
    "drf_yasg": REST_FRAMEWORK,
    "fastapi": ["fastapi", "uvicorn"],
    "flask_apispec": ["flask-apispec", "marshmallow<4", "setuptools<80"],
    "litestar": ["litestar", "uvicorn"],
    "sanic_ext": ["sanic-ext", "pydantic"],
}


@pytest.mark.parametrize("library", FOUND)
def test_the_description_of_a_library_is_found(library: str, tmp_path: Path) -> None:
    """And the path of its only operation is that which the service knows."""
    commands = environment(tmp_path, RUNNING, *PACKAGES.get(library, [library.replace("_", "-")]))
    port = free_port()
    words = [str(commands / "python"), "generators.py", library, str(port)]
    service = subprocess.Popen(words, cwd=HERE / "services")
    try:
        until(lambda: is_taken(port) or service.poll() is not None, PATIENCE_S, "the service")
        url = f"http://127.0.0.1:{port}"
        schema = published_schema(url, {})
        assert schema
        schema = at_its_prefix(schema, url, {}, (), lambda *_: True)
    finally:
        service.kill()
        service.wait()
    assert (schema.where, schema.notes) == (FOUND[library][0], ())
    assert ("GET", FOUND[library][1]) in [name[:2] for name in schema.operations()]
