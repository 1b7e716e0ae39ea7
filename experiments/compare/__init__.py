"""One server against another, in turn: what the instruments cost, and what a request costs after many."""
