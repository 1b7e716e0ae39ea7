"""The service that is checked: start it with the probe in it, or attach to one that runs."""
