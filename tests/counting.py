"""What a registry has counted."""

from prometheus_client import CollectorRegistry

Counted = dict[tuple[str, str, str], float]


def counted(registry: CollectorRegistry, name: str = "http_requests_total") -> Counted:
    """Return the figures of one series by method, handler and status."""
    samples = [sample for family in registry.collect() for sample in family.samples if sample.name == name]
    return {(one.labels["method"], one.labels["handler"], one.labels["status"]): one.value for one in samples}
