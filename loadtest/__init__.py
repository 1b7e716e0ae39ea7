"""What drives the service: the Locust scenario, the demo, the benchmarks."""

HEADLINE = "asgi-middleware"
"""The twin whose variants are also `/reused` and `/factory`, the routes on which a remedy can be applied live."""
