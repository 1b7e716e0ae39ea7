import pytest
from prometheus_client import CollectorRegistry, Counter

from sadpath.exposition import render

UNCLEAR = [
    "text/plain;version=new",
    "text/plain;version=1..0",
    "text/plain;version",
    "text/plain;version=1.0.0;escaping",
    "application/openmetrics-text;version=new",
    "application/openmetrics-text;version",
    "application/openmetrics-text;version=1.0.0;escaping=unknown",
    ";;;,,,==",
]
"""`Accept` headers that no client of Prometheus sends."""


@pytest.fixture
def registry() -> CollectorRegistry:
    """One counter."""
    registry = CollectorRegistry()
    Counter("orders", "Orders.", registry=registry).inc()
    return registry


def test_a_page_has_the_format_that_is_asked_for(registry: CollectorRegistry) -> None:
    """Text where nothing is; of OpenMetrics the last line shows that the page is complete."""
    text, content_type = render(registry)
    assert ("orders_total 1.0\n" in text.decode(), content_type.startswith("text/plain")) == (True, True)
    text, content_type = render(registry, "application/openmetrics-text")
    assert (text.endswith(b"# EOF\n"), content_type.startswith("application/openmetrics-text")) == (True, True)


@pytest.mark.parametrize("accept", UNCLEAR)
def test_a_header_that_is_not_understood_gets_a_page(registry: CollectorRegistry, accept: str) -> None:
    """Anybody can send one, and it is no error of the service."""
    assert b"orders_total 1.0\n" in render(registry, accept)[0]
