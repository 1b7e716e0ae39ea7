"""From rounds or samples to a verdict. Pure functions: no clock, no file; one table of thresholds, in `verdict.py`."""
