"""What a request costs once many were served, by a reused error and by fresh ones: `make cost`."""
