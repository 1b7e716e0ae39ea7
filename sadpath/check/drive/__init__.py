"""Send exact numbers of requests."""
