"""A look that costs little however large the heap is: the garbage of the last requests, and the live exceptions.

While a round is measured the collector is off, so all that came since is in the youngest generation, and a collection
of that one finds what of it is garbage.
"""

from .census import is_supported
from .frozen import frozen_exceptions
from .heap import full_census
from .looks import MAX_TRACEBACKS, collect, switch_off, switch_on
from .memory import bytes_in_use
from .wire import GlanceAnswer

OPS = ("glance",)


def glance(*, census: bool) -> GlanceAnswer:
    """Op: return how many young objects are garbage, and with a `census` the live exceptions as a settle does.

    What is in use counts older garbage too. The collector is off afterwards, until a settle or for half a minute.
    """
    switch_on()  # the half minute begins anew
    collected = collect(0)
    switch_off()
    found = full_census(frozen_exceptions()) if census and is_supported() else None
    return {
        "in_use": bytes_in_use(),
        "collected": collected,
        "live_exceptions": found.live if found else None,
        "tracebacks": found.with_traceback[:MAX_TRACEBACKS] if found else None,
    }
