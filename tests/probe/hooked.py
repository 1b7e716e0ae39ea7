"""Objects that note each call of their code which the probe makes. Runs on Python 3.9.

Whatever can be defined is: every method of Python's own types, on classes that extend them, on metaclasses, on keys, on
names. `answers` asks the probe everything about them; `python -m tests.probe.hooked PORT` serves them, and writes the
calls to the file that `HOOKED_CALLS` names.
"""

import contextlib
import contextvars
import functools
import gc
import io
import os
import re
import sys
import threading
import weakref
from collections import OrderedDict, defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import CodeType, FunctionType, ModuleType
from typing import Any, Callable, Dict, Iterable, Iterator, List, Set

from sadpath.probe import agent

CALLS: List[str] = []
"""The calls with a frame of the probe above them: what was called, and from where."""

WRITTEN_TO = os.open(os.environ.get("HOOKED_CALLS", os.devnull), os.O_WRONLY | os.O_APPEND)
PROBES = ("sadpath.probe.", "_sadpath_probe.")


def caller() -> str:
    """Return where the probe stands, if it is above us; else an empty text."""
    frame = sys._getframe(1)  # noqa: SLF001 - who calls is the question
    while frame is not None:
        module = frame.f_globals.get("__name__")
        if type(module) is str and module.startswith(PROBES):
            return f"{module}.{frame.f_code.co_name}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def hit(name: str) -> None:
    """Note a call if the probe makes it."""
    if where := caller():
        CALLS.append(f"{name} <- {where}")
        os.write(WRITTEN_TO, f"{CALLS[-1]}\n".encode())


BY_THE_INTERPRETER: Set[str] = set()
"""What the interpreter calls in the thread of the probe, since that collects and imports."""


def hit_by_the_interpreter(name: str) -> None:
    """Note such a call."""
    if name not in BY_THE_INTERPRETER and caller():
        BY_THE_INTERPRETER.add(name)


NOT_WATCHED = ("__new__", "__init__", "__init_subclass__", "__subclasshook__", "__class_getitem__", "__class__", "mro")
ON_ALL = (
    *("__getattribute__", "__getattr__", "__eq__", "__hash__", "__repr__", "__str__", "__format__", "__bool__"),
    *(
        "__len__",
        "__iter__",
        "__next__",
        "__contains__",
        "__getitem__",
        "__index__",
        "__int__",
        "__float__",
        "__call__",
    ),
    *("__sizeof__", "__reduce_ex__", "__dir__", "__lt__", "__ne__", "__bytes__", "__fspath__", "__reversed__"),
    *("__instancecheck__", "__subclasscheck__", "__enter__", "__exit__", "__get__", "__copy__", "__length_hint__"),
)
"""What is defined on every class that is watched, whether the class that it extends has it or not."""

PROPERTIES = ("__class__", "__dict__", "__traceback__", "__cause__", "args", "detail")
OF_CLASSES = ("__class__", "__dict__", "__module__", "__mro__", "__name__", "__bases__", "__flags__")


def watched_method(base: type, name: str) -> Callable[..., Any]:
    """Return a method that notes its call and does what the base does, or fails as where there is none."""
    original = getattr(base, name, None)

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        hit(f"{base.__name__}.{name}")
        if name == "__bool__":
            return True
        if original is None:
            raise AttributeError(name) if name == "__getattr__" else TypeError(name)
        return original(self, *arguments, **named)

    return method


def watched_property(base: type, name: str) -> property:
    """Return a property that notes its call and says something wrong."""

    def read(_: Any) -> Any:
        hit(f"{base.__name__}.{name} (a property)")
        return int

    return property(read, lambda *_: None)


def hooks(base: type) -> Dict[str, Any]:
    """Return a namespace for a class that extends `base`, with all that can be watched."""
    own = [name for name in dir(base) if callable(getattr(base, name, None))]
    return {name: watched_method(base, name) for name in (*ON_ALL, *own) if name not in NOT_WATCHED}


def properties(base: type, names: Iterable[str]) -> Dict[str, Any]:
    """Return a namespace with properties of these names."""
    return {name: watched_property(base, name) for name in names}


Meta: Any = type("Meta", (type,), {**hooks(type), **properties(type, OF_CLASSES)})
"""A metaclass whose classes watch who reads them."""


def watched(base: type, name: str, **more: Any) -> Any:
    """Return a class that extends `base` and watches everything, with properties in the place of what others read."""
    meta: Any = type(base) if type(base) is not type else Meta
    own = {**hooks(base), **properties(base, PROPERTIES), "__module__": NOT_A_TEXT, **more}
    made = type.__new__(meta, name, (base,), own)
    type.__setattr__(made, "__qualname__", TEXT(f"Outer.{name}"))
    return made


TEXT: Any = type("Text", (str,), hooks(str))
NOT_A_TEXT = type("NotAText", (), hooks(object))()

Thing = watched(object, "Thing")
Error = watched(Exception, "Error")
Slotted = type.__new__(Meta, "Slotted", (), {**hooks(object), "__slots__": ("inner",), "__module__": "hooked"})
BASES = (dict, OrderedDict, defaultdict, list, tuple, set, frozenset, deque, bytes, int, float)
KINDS: Dict[type, Any] = {base: watched(base, base.__name__.title()) for base in BASES}
Module = watched(ModuleType, "Module")


class Local(threading.local):
    """Makes the values of each thread when that asks for the first time."""

    def __init__(self) -> None:
        hit("threading.local.__init__")


class Raw(io.RawIOBase):
    """A file whose buffer asks it."""

    def __getattribute__(self, name: str) -> Any:
        hit(f"Raw.{name}")
        return object.__getattribute__(self, name)

    def readable(self) -> bool:
        """Let it be buffered."""
        return True


def dictionary(kind: type, key: Any, value: Any) -> Any:
    """Return a dictionary of a class that is watched."""
    made = kind()
    dict.__setitem__(made, key, value)
    return made


def namespace(holder: Any) -> Any:
    """Return the dictionary of an instance, whatever its class says."""
    from sadpath.probe.objects import instance_dict  # noqa: PLC0415

    return instance_dict(holder)


HELD: Dict[str, Any] = {}
"""What holds an exception in each way; the exceptions have no other name."""

IDS: Dict[str, int] = {}


def error(way: str) -> Any:
    """Return an exception that is held in one way."""
    made = Error(TEXT(f"held by {way}"), Thing())
    IDS[way] = id(made)
    attributes = namespace(made)
    attributes[TEXT("detail")], attributes[TEXT("message")], attributes["extra"] = TEXT("a detail"), "m", Thing()
    return made


def instance(kind: Any, name: Any, value: Any) -> Any:
    """Return an instance with an attribute of any name."""
    made = kind()
    dict.__setitem__(namespace(made), name, value)
    return made


def slotted(value: Any) -> Any:
    """Return an instance with a slot."""
    made = Slotted()
    attributes: Any = type.__dict__["__dict__"].__get__(Slotted)
    attributes["inner"].__set__(made, value)
    return made


def function(value: Any) -> Any:
    """Return a function of which everything that a user may set is set."""

    def made(*, keyword: Any = None) -> Any:
        return keyword

    made.__kwdefaults__ = dictionary(KINDS[dict], "keyword", value)
    made.__module__, made.__qualname__, made.__defaults__ = NOT_A_TEXT, TEXT("odd"), KINDS[tuple]()
    return made


def suspended(value: Any) -> Iterator[Any]:
    """Hold a value while suspended."""
    local = value
    yield 1
    raise local


def buffered(value: Any) -> Any:
    """Return a buffer above a file that is watched."""
    raw = Raw()
    vars(raw)["error"] = value
    return io.BufferedReader(raw)


def started(generator: Any) -> Any:
    """Return a generator that has begun, by an odd name."""
    next(generator)
    generator.__qualname__ = TEXT("odd generator")
    return generator


def hold() -> None:
    """Hold an exception in each way."""
    for base, kind in KINDS.items():
        if issubclass(base, dict):
            HELD[base.__name__] = dictionary(kind, Thing(), error(base.__name__))
        elif base in (list, tuple, set, frozenset, deque):
            HELD[base.__name__] = kind([error(base.__name__)])
    HELD["attribute"] = instance(Thing, TEXT("odd"), error("attribute"))
    HELD["key"] = instance(Thing, Thing(), error("key"))
    HELD["slot"] = slotted(error("slot"))
    HELD["function"] = function(error("function"))
    HELD["generator"] = started(suspended(error("generator")))
    HELD["buffer"] = buffered(error("buffer"))
    HELD["property"] = property(instance(Thing, "__isabstractmethod__", error("property")))
    HELD["local"] = Local()
    HELD["cause"] = Error()
    BaseException.__dict__["__cause__"].__set__(HELD["cause"], error("cause"))
    HELD["class"] = type.__new__(Meta, "Holder", (), {"__module__": "hooked", TEXT("odd"): error("class")})
    HELD["module"] = Module(TEXT("odd"))
    attributes: Any = vars(ModuleType)["__dict__"].__get__(HELD["module"])
    attributes["error"] = error("module")
    sys.modules["tests.probe.odd_module"] = HELD["module"]
    VARIABLE.set(error("variable"))


VARIABLE: Any = contextvars.ContextVar(TEXT("odd variable"))


class Body(dict):  # type: ignore[type-arg]
    """The namespace of a class whose body runs for long."""


for name in ("items", "keys", "values", "__iter__", "__contains__", "get", "copy", "clear", "__len__"):
    setattr(Body, name, watched_method(dict, name))
Body.__setitem__ = watched_method(dict, "__setitem__")  # type: ignore[method-assign]


class Prepared(type):
    """Gives the body of a class such a namespace."""

    @classmethod
    def __prepare__(cls, *_: Any, **__: Any) -> Any:
        """Give it."""
        return Body()


IN_BODY, LEAVE = threading.Event(), threading.Event()


def in_the_body_of_a_class() -> None:
    """Hold an exception in a running function alone, and stay below in the body of a class."""
    running = error("running")

    class Long(metaclass=Prepared):
        cell = lambda: __class__  # type: ignore[name-defined]  # noqa: E731 - what a cell is made for
        own = running
        IN_BODY.set()
        LEAVE.wait(300)

    del Long


def odd_code(original: FunctionType) -> Any:
    """Return a function whose code has odd names and constants."""
    code: CodeType = original.__code__
    odd = code.replace(co_filename=TEXT("/srv/odd.py"), co_name=TEXT("odd"), co_consts=(*code.co_consts, Thing()))
    return FunctionType(odd, globals())


def _raise(one: Any) -> None:
    raise one


raise_oddly = odd_code(_raise)  # type: ignore[arg-type]
REUSED = error("reused")
GROWN: Any = KINDS[list]()
GROWN_BY_KEY: Any = KINDS[dict]()
KEPT: Any = KINDS[deque]()


@functools.lru_cache(maxsize=None)  # noqa: UP033 - Python 3.9
def cached(_: Any) -> Any:
    """Be cached for ever."""
    return Thing()


class Application:
    """An application by the name of its class, with what it has."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)

    def method(self) -> None:
        """Be what answers."""


Answering: Any = type.__new__(
    Meta, "Answering", (), {**hooks(object), "__module__": "hooked", "get": Thing(), "render_GET": Thing()}
)
"""A class that answers."""


def application(module: str, name: str, **attributes: Any) -> Any:
    """Return an application of a framework."""
    kind: Any = type.__new__(Meta, name, (Application,), {"__module__": module})
    made = object.__new__(kind)
    Application.__init__(made, **attributes)
    return made


def applications() -> List[Any]:
    """Return an application of each framework, whose lists, texts and mappings are of classes that are watched."""
    return [*applications_with_tables(), django(), *applications_with_trees()]


def mapping(**items: Any) -> Any:
    """Return a dictionary that is watched, with a key that is."""
    made = dictionary(KINDS[dict], Thing(), next(iter(items.values()), Thing()))
    for key, value in items.items():
        dict.__setitem__(made, TEXT(key), value)
        dict.__setitem__(made, key, value)
    return made


def applications_with_tables() -> List[Any]:
    """Return those whose router has a list or a mapping."""
    methods, listed, handler = KINDS[set]([TEXT("GET")]), KINDS[list], function(None)
    route = Application(path=TEXT("/star/{id}"), methods=methods, endpoint=handler)
    mount = Application(path=TEXT("/nowhere"), app=Thing())
    rule = Application(rule=TEXT("/flask/<int:id>"), methods=methods, build_only=Thing())
    by_endpoint = dictionary(KINDS[dict], Thing(), listed([rule]))
    url_map = Application(_rules_by_endpoint=by_endpoint)
    resource = Application(
        _path=TEXT("/aiohttp/{id}"), _routes=listed([Application(_method=TEXT("GET"), _handler=Thing())])
    )
    of_tornado = Application(target=Answering, matcher=Application(regex=re.compile(TEXT("/tornado/(.*)"))))
    of_sanic = Application(path=TEXT("sanic/<id:int>"), methods=methods, handler=functools.partial(handler))
    group = Application(_routes=KINDS[tuple]([of_sanic]))
    router = Application(static_routes={}, dynamic_routes=mapping(one=group), regex_routes=KINDS[dict]())
    of_litestar = Application(
        path_format=TEXT("/litestar/{id}"),
        route_handlers=listed([Application(_fn=handler, http_methods=methods)]),
    )
    of_bottle = Application(rule=TEXT("/bottle/<id>"), method=TEXT("GET"), callback=handler)
    predicate = application("pyramid.predicates", "RequestMethodPredicate", val=methods)
    of_pyramid = Application(name=TEXT("one"), pattern=TEXT("pyramid/{id}"), predicates=listed([predicate, Thing()]))
    view = mapping(route_name=TEXT("one"), request_methods=methods, callable=handler, attr=Thing())
    registry = Application(introspector=Application(_categories=mapping(views=mapping(one=view))))
    return [
        application("starlette.applications", "Starlette", router=Application(routes=listed([route, mount]))),
        application("flask.app", "Flask", url_map=url_map, view_functions=mapping()),
        application("aiohttp.web_app", "Application", _router=Application(_resources=listed([resource]))),
        application("tornado.web", "Application", default_router=Application(rules=listed([of_tornado]))),
        application("sanic.app", "Sanic", router=router),
        application("litestar.app", "Litestar", routes=listed([of_litestar])),
        application("bottle", "Bottle", routes=listed([of_bottle])),
        application(
            "pyramid.router",
            "Router",
            registry=registry,
            routes_mapper=Application(routelist=listed([of_pyramid])),
        ),
    ]


def django() -> Any:
    """Return a root of Django's."""
    pattern = Application(pattern=Application(_route=TEXT("django/<id>")), callback=function(None))
    lazy = Application(pattern=Application(_route=Application(_args=KINDS[tuple]([TEXT("lazy/")]))), callback=Thing())
    inner = Application(pattern=Application(_regex=TEXT("^re/")), callback=None, urlconf_name=KINDS[list]([pattern]))
    suffix = Application(pattern=Application(_regex=TEXT(r"^django\.(?P<format>[a-z]+)$")), callback=Thing())
    listed = KINDS[list]([pattern, lazy, inner, suffix])
    return application(
        "django.urls.resolvers", "URLResolver", pattern=Application(_regex="^/"), url_patterns=listed, urlconf_name=""
    )


def applications_with_trees() -> List[Any]:
    """Return those whose routes are a tree of objects."""
    node = Application(
        uri_template=TEXT("/falcon/{id}"), method_map=mapping(GET=Application().method), children=KINDS[list]()
    )
    child = instance(Answering, "children", KINDS[dict]())
    root = instance(Answering, "children", dictionary(KINDS[dict], KINDS[bytes](b"twisted"), child))
    page = function(None)
    page.exposed, page.__wrapped__ = True, odd_code(leave_a_circle)  # type: ignore[arg-type]
    controller = instance(Thing, "cherrypy", page)
    dict.update(namespace(controller), {"other": controller, TEXT("odd"): page, "exposed": Thing()})
    tree = mapping(shop=application("cherrypy._cptree", "Application", _script_name=TEXT("/shop"), root=controller))
    return [
        application("falcon.app", "App", _router=Application(_roots=KINDS[list]([node]))),
        application("twisted.web.server", "Site", resource=root),
        application("cherrypy._cptree", "Tree", apps=tree),
    ]


def raise_reused() -> None:
    """Raise the exception that is reused, from odd code."""
    with contextlib.suppress(Exception):
        raise_oddly(REUSED)


def leave_a_circle() -> None:
    """Keep an exception in a local of its own traceback."""
    try:
        raise_oddly(Error(TEXT("kept")))
    except Exception as one:  # noqa: BLE001
        local = one  # noqa: F841 - a circle


LEAVES: Dict[str, Callable[[], Any]] = {
    "/reused": raise_reused,
    "/circle": leave_a_circle,
    "/kept": lambda: deque.append(KEPT, Error(TEXT("kept"))),
    "/grown": lambda: list.extend(GROWN, (Thing() for _ in range(5))),
    "/by-key": lambda: dict.__setitem__(GROWN_BY_KEY, Thing(), Thing()),
    "/cached": lambda: cached(Thing()),
}
"""What a request leaves behind, by path."""


def ask(op: str, **arguments: Any) -> Any:
    """Ask as it is asked over the socket."""
    import json  # noqa: PLC0415

    answer = json.loads(agent.answer(json.dumps({"op": op, **arguments}).encode()))
    assert "ok" in answer, answer
    return answer["ok"]


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Hold exceptions in every way, and have applications."""
    hold()
    HELD["applications"] = applications()
    thread = threading.Thread(target=in_the_body_of_a_class)
    thread.start()
    assert IN_BODY.wait(300)
    yield
    LEAVE.set()
    thread.join()


def answers() -> Dict[str, Any]:
    """Return the answer to each question that may concern one of these objects, and the calls."""
    with held():
        watch_the_interpreter()
        return {**asked(), "calls": CALLS, "by_the_interpreter": sorted(BY_THE_INTERPRETER)}


def asked() -> Dict[str, Any]:
    """Ask everything, with something left behind."""
    for op in ("looks.hello", "growth.begin"):
        ask(op)
    gc.enable()
    ask("cycles.begin")
    for leave in LEAVES.values():
        for _ in range(100):
            leave()
    found = {op: ask(op) for op in ("cycles.end", "routes.routes")}
    found.update((op, ask(op, limit=5)) for op in ("growth.kept", "growth.grown"))
    found["looks.settle"] = ask("looks.settle", begins_round=False)
    found["explain.explain"] = ask("explain.explain", ids=list(IDS.values()))
    return found


class Dying:
    """Dies when its circle of references is collected, and so does its mark."""

    def __init__(self) -> None:
        self.me, self.mark = self, KINDS[set]()

    def __del__(self) -> None:
        hit_by_the_interpreter("__del__")


class Finder:
    """Is asked for each module that is imported."""

    @staticmethod
    def find_spec(*_: Any) -> None:
        """Find none."""
        hit_by_the_interpreter("sys.meta_path")


IS_BUSY = threading.Lock()


def audit(*_: Any) -> None:
    """Be told what the interpreter does, which is much."""
    if IS_BUSY.acquire(blocking=False):
        hit_by_the_interpreter("sys.addaudithook")
        IS_BUSY.release()


def watch_the_interpreter() -> None:
    """Have all that the interpreter calls by itself; the collector is off until the probe collects."""
    gc.disable()
    dying = Dying()
    HELD["weak"] = weakref.ref(dying.mark, lambda _: hit_by_the_interpreter("weakref.ref"))
    gc.callbacks.append(lambda *_: hit_by_the_interpreter("gc.callbacks"))
    sys.meta_path.insert(0, Finder)
    sys.addaudithook(audit)


class Handler(BaseHTTPRequestHandler):
    """Leaves something with each request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with an error."""
        LEAVES.get(self.path, int)()
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


if __name__ == "__main__":
    with held():
        ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
