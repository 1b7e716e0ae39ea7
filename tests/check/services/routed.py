"""The same small shop on each framework: `routed.py NAME PORT` serves what the function of that name makes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any


def answer(*_: Any, **__: Any) -> str:
    """Answer anything."""
    return "fine"


async def answer_later(*_: Any, **__: Any) -> str:
    """Answer anything."""
    return "fine"


def wsgi(app: Any, port: int) -> None:
    """Serve an application in one thread."""
    from wsgiref.simple_server import make_server

    make_server("127.0.0.1", port, app).serve_forever()


def asgi(app: Any, port: int) -> None:
    """Serve an application."""
    import uvicorn

    uvicorn.run(app, port=port, log_level="warning")


def tornado(port: int) -> None:
    """Handlers, also for a host of its own, and below another application."""
    from tornado.web import Application, RequestHandler

    class User(RequestHandler):
        def get(self, user: str) -> None:
            self.write(user)

        def delete(self, user: str) -> None:
            self.write(user)

    class Orders(User):
        post = User.get

    app = Application([(r"/users/([0-9]+)", User), (r"/shop/(?P<shop>[^/]+)/orders/?", Orders)])
    app.add_handlers("localhost", [(r"/local", User)])

    async def serve() -> None:
        app.listen(port, "127.0.0.1")
        await asyncio.Event().wait()

    asyncio.run(serve())


def aiohttp(port: int) -> None:
    """Handlers, a class of them, and an application below another."""
    from aiohttp import web

    class Orders(web.View):
        async def get(self) -> web.Response:
            return web.Response()

        async def post(self) -> web.Response:
            return web.Response()

    inner = web.Application()
    inner.router.add_route("*", "/any/{name}", answer_later)
    app = web.Application()
    app.router.add_get(r"/users/{user:\d+}", answer_later)
    app.router.add_delete(r"/users/{user:\d+}", answer_later)
    app.router.add_view("/orders", Orders)
    app.add_subapp("/v1", inner)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


def pyramid(port: int) -> None:
    """Routes with views of several methods, and below a prefix."""
    from pyramid.config import Configurator

    with Configurator() as config:
        config.add_route("user", r"/users/{user:\d+}")
        config.add_view(answer, route_name="user", request_method="GET", renderer="string")
        config.add_view(answer, route_name="user", request_method=("PUT", "DELETE"), renderer="string")
        with config.route_prefix_context("v1"):
            config.add_route("rest", "/files/*rest", request_method="POST")
        config.add_view(answer, route_name="rest", renderer="string")
        wsgi(config.make_wsgi_app(), port)


def falcon(port: int) -> None:
    """Resources, with a converter and a suffix."""
    import falcon

    class User:
        def on_get(self, *_: Any, **__: Any) -> None:
            pass

        def on_delete(self, *_: Any, **__: Any) -> None:
            pass

        def on_post_orders(self, *_: Any, **__: Any) -> None:
            pass

    app = falcon.App()
    app.add_route("/users/{user:int}", User())
    app.add_route("/users/{user:int}/orders", User(), suffix="orders")
    wsgi(app, port)


def bottle(port: int) -> None:
    """Rules, and below prefixes another application and one of another framework."""
    from bottle import Bottle
    from flask import Flask

    app, inner, other = Bottle(), Bottle(), Flask("other")
    other.add_url_rule("/other", "other", answer)
    app.route("/users/<user:int>", ["GET", "DELETE"], answer)
    app.route("/files/<name:re:[a-z]+>", callback=answer)
    inner.route("/orders/<order>", "POST", answer)
    app.mount("/v1/", inner)
    app.mount("/flask/", other)
    wsgi(app, port)


def sanic(port: int) -> None:
    """Routes, and a blueprint below a prefix."""
    from sanic import Blueprint, Sanic

    app, blue = Sanic("shop"), Blueprint("blue", url_prefix="/v1")
    app.add_route(answer_later, "/users/<user:int>", ["GET", "DELETE"])
    blue.add_route(answer_later, "/orders/<order:[a-z]{2}>", ["POST"])
    app.blueprint(blue)
    app.run("127.0.0.1", port, single_process=True, access_log=False, motd=False)


def litestar(port: int) -> None:
    """Handlers, a controller below a path, and an application of another framework below one."""
    import litestar as framework
    from litestar import Controller, Litestar, Router, get, post
    from starlette.applications import Starlette
    from starlette.routing import Route

    @get("/users/{user:int}")
    async def user(user: int) -> str:
        return str(user)

    class Orders(Controller):  # type: ignore[misc]
        path = "/orders"

        @post("/{order:str}")
        async def make(self, order: str) -> str:
            return order

    mounted = framework.asgi("/below", is_mount=True)(Starlette(routes=[Route("/other", answer_later)]))
    asgi(Litestar([user, Router("/v1", route_handlers=[Orders]), mounted], openapi_config=None), port)


def quart(port: int) -> None:
    """Rules, and a blueprint below a prefix."""
    from quart import Blueprint, Quart

    app, blue = Quart("shop"), Blueprint("blue", "shop", url_prefix="/v1")
    app.add_url_rule("/users/<int:user>", "user", answer_later, methods=["GET", "DELETE"])
    blue.add_url_rule("/orders/<order>", "order", answer_later, methods=["POST"])
    app.register_blueprint(blue)
    asgi(app, port)


def cherrypy(port: int) -> None:
    """Controllers: pages, and one whose methods are those of the requests."""
    import cherrypy

    class Users:
        @cherrypy.expose
        def index(self) -> str:
            return "all"

        @cherrypy.expose
        def show(self, user: str, page: str = "1") -> str:
            return user + page

        @cherrypy.expose
        def default(self, *rest: str) -> str:
            return str(rest)

        def hidden(self) -> str:
            return ""

    @cherrypy.expose
    class Orders:
        def GET(self, order: str) -> str:
            return order

        def DELETE(self, order: str) -> str:
            return order

    class Root:
        users = Users()

        def __init__(self) -> None:
            self.orders = Orders()

    config = {"/orders": {"request.dispatch": cherrypy.dispatch.MethodDispatcher()}}
    cherrypy.config.update({"server.socket_port": port, "log.screen": False, "engine.autoreload.on": False})
    cherrypy.quickstart(Root(), "/shop", config)


def twisted(port: int) -> None:
    """Resources: a tree of them, one that makes its children as they are asked for, and an application of WSGI."""
    from flask import Flask
    from twisted.internet import reactor
    from twisted.web.resource import EncodingResourceWrapper, Resource
    from twisted.web.server import GzipEncoderFactory, Site
    from twisted.web.wsgi import WSGIResource

    class Users(Resource):
        isLeaf = True

        def render_GET(self, _: Any) -> bytes:
            return b"all"

        def render_POST(self, _: Any) -> bytes:
            return b"made"

    class Orders(Resource):
        def getChild(self, path: bytes, request: Any) -> Resource:
            del path, request
            return Users()

    root, below, app = Resource(), Resource(), Flask("other")
    app.add_url_rule("/other", "other", answer)
    root.putChild(b"v1", EncodingResourceWrapper(below, [GzipEncoderFactory()]))
    root.putChild(b"flask", WSGIResource(reactor, reactor.getThreadPool(), app))
    below.putChild(b"users", Users())
    below.putChild(b"orders", Orders())
    reactor.listenTCP(port, Site(root), interface="127.0.0.1")
    reactor.run()


def django(port: int) -> None:
    """What is included in all forms, regular expressions, views that are classes, translated prefixes."""
    from types import SimpleNamespace

    from django.conf import settings
    from django.conf.urls.i18n import i18n_patterns
    from django.core.wsgi import get_wsgi_application
    from django.urls import include, path, re_path
    from django.utils.translation import gettext_lazy
    from django.views import View
    from django.views.decorators.http import require_POST

    class Orders(View):
        def get(self, _: Any, **__: Any) -> Any:
            raise AssertionError

        def post(self, _: Any, **__: Any) -> Any:
            raise AssertionError

    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", LANGUAGE_CODE="en", USE_I18N=True)
    application = get_wsgi_application()
    users = [path("users/<int:user>/", answer)]
    vars(sys.modules[__name__])["urlpatterns"] = [
        path("top/<int:user>/", answer),
        path("shop/", include(users)),
        path("named/", include((users, "named"), namespace="other")),
        path("module/", include(SimpleNamespace(urlpatterns=users))),
        re_path(r"^legacy/(?P<user>\d+)/(\w+)/?$", require_POST(answer)),
        re_path(r"^old/", include([re_path(r"^(?:json|xml)/(?P<name>[a-z]{2})$", answer)])),
        path("orders/<slug:order>", Orders.as_view()),
        path(gettext_lazy("basket/"), answer),
        *i18n_patterns(path("spoken/", answer)),
    ]
    wsgi(application, port)


def rest_framework(port: int) -> None:
    """A router with a viewset, and a view of one function."""
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application

    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", INSTALLED_APPS=["rest_framework"])
    application = get_wsgi_application()
    from django.urls import include, path
    from rest_framework.decorators import action, api_view
    from rest_framework.routers import DefaultRouter
    from rest_framework.viewsets import ViewSet

    class Users(ViewSet):
        def list(self, _: Any) -> Any:
            raise AssertionError

        def create(self, _: Any) -> Any:
            raise AssertionError

        def retrieve(self, _: Any, pk: str) -> Any:
            raise AssertionError(pk)

        @action(detail=True, methods=["put"])
        def block(self, _: Any, pk: str) -> Any:
            raise AssertionError(pk)

    router = DefaultRouter()
    router.register("users", Users, basename="user")
    one = api_view(["PATCH"])(answer)
    vars(sys.modules[__name__])["urlpatterns"] = [path("api/", include(router.urls)), path("one/", one)]
    wsgi(application, port)


def flask(port: int) -> None:
    """A view that is a class, a blueprint below a prefix, and another application below one."""
    from flask import Blueprint, Flask
    from flask.views import MethodView
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    class Users(MethodView):
        def get(self, user: int) -> str:
            return str(user)

        def delete(self, user: int) -> str:
            return str(user)

    app, inner, blue = Flask("shop"), Flask("inner"), Blueprint("blue", "shop", url_prefix="/v1")
    app.add_url_rule("/users/<int:user>", view_func=Users.as_view("users"))
    blue.add_url_rule("/orders/<order>", "order", answer, methods=["POST"])
    app.register_blueprint(blue)
    inner.add_url_rule("/inner", "inner", answer)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/below": inner.wsgi_app})  # type: ignore[method-assign]
    wsgi(app, port)


def fastapi(port: int) -> None:
    """A router that is included, an application that is mounted behind middleware, and one of WSGI."""
    from a2wsgi import WSGIMiddleware
    from fastapi import APIRouter, FastAPI
    from flask import Flask
    from starlette.middleware.gzip import GZipMiddleware

    app, mounted, router, old = FastAPI(openapi_url=None), FastAPI(openapi_url=None), APIRouter(), Flask("old")
    router.add_api_route("/{order}", answer, methods=["DELETE"])
    app.include_router(router, prefix="/orders")
    mounted.add_api_route("/users/{user:path}", answer)
    old.add_url_rule("/legacy", "legacy", answer)
    app.mount("/v1", GZipMiddleware(mounted))
    app.mount("/old", WSGIMiddleware(old))
    asgi(app, port)


if __name__ == "__main__":
    serve: Callable[[int], None] = globals()[sys.argv[1]]
    serve(int(sys.argv[2]))
