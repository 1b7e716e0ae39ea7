"""Sadpath finds the error paths of a web service that leak memory, by how much, and the exception object to blame."""

__version__ = "0.1.0"
