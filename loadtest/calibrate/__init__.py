"""How often the verdict is right, on series whose growth and noise are known: `make calibrate`."""
