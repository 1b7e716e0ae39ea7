"""What a request costs once many were served, reused and fresh: written to `reports/cost.json` and `reports/cost.png`."""
