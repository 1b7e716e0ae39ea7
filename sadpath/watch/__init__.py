"""Watch the memory of services under somebody else's load: samples, a live page, a verdict and a report."""
