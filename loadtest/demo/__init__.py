"""`make demo`: two arms, Locust, a live page, a verdict."""
