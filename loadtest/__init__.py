"""What drives the service: the Locust scenario, the demo, the measurements. `python -m loadtest --help` lists them."""

HEADLINE = "asgi-middleware"
"""The twin whose variants are also `/reused` and `/factory`, the routes on which a fix can be applied live."""

ARMS = ("reused", "factory")
"""The copies of the service in an experiment: the first gets a twin's leaky variant, the second its fixed one."""
