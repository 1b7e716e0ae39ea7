"""What drives the service: the Locust scenario, the demo, the benchmarks."""
