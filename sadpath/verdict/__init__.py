"""From samples to a verdict: `Run` splits them into arms and process lifetimes, `judge` decides."""
