"""A Flask app that raises a constant, and its twin."""

from flask import Flask


class Gone(Exception):
    """It is gone."""


GONE = Gone("no such thing")
app = Flask(__name__)


@app.errorhandler(Gone)
def gone(_: Gone) -> "tuple[str, int]":
    """Answer it."""
    return "gone", 410


@app.get("/leak/<int:item>")
def leak(item: int) -> str:
    """Raise the constant."""
    del item
    raise GONE


@app.get("/fresh/<int:item>")
def fresh(item: int) -> str:
    """Raise a fresh exception."""
    del item
    raise Gone("no such thing")
