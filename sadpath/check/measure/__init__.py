"""Measure the error paths one after the other, and explain what leaks."""
