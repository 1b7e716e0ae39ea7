"""What drives the service: the Locust scenario, the demo, the benchmarks."""

HEADLINE = "asgi-middleware"
"""The twin whose variants are also `/reused` and `/factory`, the routes on which a fix can be applied live."""

UNEXPECTED_ANSWERS = 5
"""Locust's exit status where most requests to an arm were not answered as the twin says: flat proves nothing then."""
