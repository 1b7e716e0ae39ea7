"""What the instruments cost: ratios from interleaved runs, written to `reports/bench.json`."""
