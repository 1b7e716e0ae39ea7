"""The versions of what is checked, read from the metadata in the target's own environment."""

from __future__ import annotations

import platform
from importlib.metadata import distributions

from sadpath.check.service.probes import NoAnswer
from sadpath.check.service.start import Target


def environment_of(target: Target) -> dict[str, str]:
    """Return the versions of the target's Python and of the packages that matter; empty where no probe answers."""
    if target.probes is None:
        return {}
    try:
        answers = target.probes.ask("looks.hello").values()
    except (NoAnswer, OSError):
        return {}
    hello = max(answers, key=lambda one: len(one["packages"]))  # a process above the workers may have loaded none
    found = {
        name: one.version
        for one in distributions(path=hello["path"])
        if (name := (one.metadata["Name"] or "").lower()) in hello["packages"]
    }
    ordered = {name: found[name] for name in hello["packages"] if name in found}
    return {"python": hello["python"], **ordered, "platform": platform.platform(terse=True)}
