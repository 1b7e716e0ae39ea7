"""Metrics of a service in production: `sadpath.install`, and the collectors and middleware that it adds."""
