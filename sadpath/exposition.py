"""A page of metrics, as Prometheus and OpenMetrics have it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder


def render(registry: CollectorRegistry, accept: str = "") -> tuple[bytes, str]:
    """Return the page of a registry in the format that the header `accept` asks for, and its content type.

    As text if that cannot be understood: anybody can send one, and prometheus_client's own apps fail with it.
    """
    try:
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type
    except (TypeError, ValueError):  # a version that is no version: `text/plain;version=new`
        encode, content_type = choose_encoder("")
        return encode(registry), content_type
