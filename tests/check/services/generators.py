"""Services of one operation whose description a library publishes, as its documentation has it: `NAME PORT`."""

import sys

ITEM = {"/items/{item_id}": {"get": {"operationId": "generators.item", "responses": {"200": {"description": "ok"}}}}}
PARAMETER = {"name": "item_id", "in": "path", "required": True, "schema": {"type": "integer"}}


def item(request=None, item_id=0):  # type: ignore[no-untyped-def]
    """Answer the only operation of connexion's."""
    return {"item": item_id}


def aiohttp_apispec(port):  # type: ignore[no-untyped-def]
    """Publish at `/api/docs/swagger.json`."""
    from aiohttp import web
    from aiohttp_apispec import docs, setup_aiohttp_apispec

    @docs(summary="one")
    async def one(request):  # type: ignore[no-untyped-def]
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/items/{item_id}", one)
    setup_aiohttp_apispec(app=app, title="shop")
    web.run_app(app, host="127.0.0.1", port=port)


def connexion(port):  # type: ignore[no-untyped-def]
    """Publish below the base path of the description that it is given."""
    import connexion
    import uvicorn

    ITEM["/items/{item_id}"]["get"]["parameters"] = [PARAMETER]
    head = {"openapi": "3.0.0", "info": {"title": "shop", "version": "1"}, "servers": [{"url": "/v1.0"}]}
    app = connexion.AsyncApp("generators")
    app.add_api({**head, "paths": ITEM})
    uvicorn.run(app, port=port)


def drf_spectacular(port):  # type: ignore[no-untyped-def]
    """Publish at `/api/schema/`, as YAML unless it is asked for JSON."""

    def view():  # type: ignore[no-untyped-def]
        from drf_spectacular.views import SpectacularAPIView

        return SpectacularAPIView.as_view()

    django(port, "api/schema/", view)


def drf_yasg(port):  # type: ignore[no-untyped-def]
    """Publish at `/swagger/`, which is a page unless it is asked for JSON."""

    def view():  # type: ignore[no-untyped-def]
        from drf_yasg import openapi, views

        return views.get_schema_view(openapi.Info("shop", "1"), public=True).with_ui("swagger")

    django(port, "swagger/", view)


def django(port, place, view):  # type: ignore[no-untyped-def]
    """Serve an operation of REST framework, and at this place the description."""
    import django
    from django.conf import settings
    from django.core.management import execute_from_command_line
    from django.urls import path

    settings.configure(
        DEBUG=True,
        SECRET_KEY="secret",
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=["django.contrib.staticfiles", "rest_framework", "drf_spectacular", "drf_yasg"],
        STATIC_URL="/static/",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        REST_FRAMEWORK={
            "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_PERMISSION_CLASSES": [],
            "UNAUTHENTICATED_USER": None,
        },
    )
    django.setup()
    from rest_framework.decorators import api_view

    globals()["urlpatterns"] = [path("items/<int:item_id>", api_view(["GET"])(item)), path(place, view())]
    execute_from_command_line(["", "runserver", "--noreload", "--skip-checks", str(port)])


def fastapi(port):  # type: ignore[no-untyped-def]
    """Publish in an application that is mounted in another, which has none."""
    import fastapi
    import uvicorn

    outer, inner = fastapi.FastAPI(openapi_url=None), fastapi.FastAPI()
    inner.get("/items/{item_id}")(lambda item_id: {})
    outer.mount("/api/v2", inner)
    uvicorn.run(outer, port=port)


def flask_apispec(port):  # type: ignore[no-untyped-def]
    """Publish at `/swagger/`."""
    from flask import Flask
    from flask_apispec import FlaskApiSpec, doc

    app = Flask("shop")
    one = app.route("/items/<int:item_id>")(doc(tags=["item"])(lambda item_id: {}))
    FlaskApiSpec(app).register(one)
    app.run(port=port)


def flask_restx(port):  # type: ignore[no-untyped-def]
    """Publish at `/swagger.json` below a blueprint."""
    from flask import Blueprint, Flask
    from flask_restx import Api, Resource

    app, below = Flask("shop"), Blueprint("api", "api", url_prefix="/shop/v3")
    api = Api(below, doc="/docs")
    api.route("/items/<int:item_id>")(type("Item", (Resource,), {"get": lambda self, item_id: {}}))
    app.register_blueprint(below)
    app.route("/")(lambda: "<a href=/shop/v3/docs>the API</a>")
    app.run(port=port)


def flask_smorest(port):  # type: ignore[no-untyped-def]
    """Publish below the prefix of its settings."""
    from flask import Flask
    from flask_smorest import Api, Blueprint

    app = Flask("shop")
    settings = {"API_TITLE": "shop", "API_VERSION": "1", "OPENAPI_VERSION": "3.0.2", "OPENAPI_URL_PREFIX": "/api"}
    app.config |= settings
    items = Blueprint("items", "items")
    items.route("/items/<int:item_id>")(items.response(200)(lambda item_id: {}))
    Api(app).register_blueprint(items)
    app.run(port=port)


def litestar(port):  # type: ignore[no-untyped-def]
    """Publish at `/schema/openapi.json`."""
    import uvicorn
    from litestar import Litestar, get

    @get("/items/{item_id:int}")
    async def one(item_id: int) -> dict[str, int]:
        return {"item": item_id}

    uvicorn.run(Litestar([one]), port=port)


def sanic_ext(port):  # type: ignore[no-untyped-def]
    """Publish at `/docs/openapi.json`."""
    from sanic import Sanic, json

    app = Sanic("shop")

    @app.get("/items/<item_id:int>")
    async def one(request, item_id: int):  # type: ignore[no-untyped-def]
        return json({})

    app.run(host="127.0.0.1", port=port, single_process=True)


if __name__ == "__main__":
    globals()[sys.argv[1]](int(sys.argv[2]))
