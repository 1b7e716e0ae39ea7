"""The live page on Locust's web UI: what the watched services do, readable from the last row of a room."""
