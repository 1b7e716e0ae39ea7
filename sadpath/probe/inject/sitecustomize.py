"""What Python imports at its start where this folder is the first on PYTHONPATH: it puts the probe into a target.

The target's own `sitecustomize` runs first, as if this one were not there. The probe's package gets a private name, so
a target that uses `sadpath` itself finds its own.
"""

import os
import sys

PACKAGE = "_sadpath_probe"
HERE = os.path.dirname(os.path.abspath(__file__))


def run_the_targets_own() -> None:
    """Take our folder off the path, and import the `sitecustomize` that comes next, if there is one."""
    sys.path[:] = [place for place in sys.path if os.path.abspath(place) != HERE]
    sys.path_importer_cache.pop(HERE, None)
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401, PLC0415 - another one than this
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        if ours is not None:
            sys.modules["sitecustomize"] = ours


def start_the_probe() -> None:
    """Load the probe below its private name, and let it listen."""
    package = type(sys)(PACKAGE)
    package.__path__ = [os.path.dirname(HERE)]  # what makes a module a package
    sys.modules[PACKAGE] = package
    from _sadpath_probe import agent  # type: ignore[import-not-found]  # noqa: PLC0415

    agent.start(os.environ["SADPATH_PROBE"])


try:
    run_the_targets_own()
finally:
    if os.environ.get("SADPATH_PROBE") and PACKAGE not in sys.modules:
        try:
            start_the_probe()
        except Exception as reason:  # noqa: BLE001 - whatever it is, the target has to start
            sys.stderr.write(f"sadpath: no probe in process {os.getpid()}: {reason!r}\n")
