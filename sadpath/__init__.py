"""Sadpath: tells which error paths of a service leak memory, by how much, and which exception object is to blame."""

__version__ = "0.1.0"
