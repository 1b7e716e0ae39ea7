"""From samples to a verdict: read and split them, judge them."""
