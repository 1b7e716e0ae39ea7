"""Notes on a disk that is full: `python ujson_notes.py PORT`. ujson 5.12.0 loses what the file's `write` raised."""

import sys

import ujson
from flask import Flask, request

app = Flask(__name__)


class Disk:
    """A file on a disk that is full."""

    def write(self, text):
        """Write nothing."""
        raise OSError(28, f"no space left for {len(text)} characters")


HEADING = "Notes are stored for a year, and can be read by everybody who has the address of this page. " * 10


@app.post("/notes")
def store():
    """Store a note."""
    try:
        ujson.dump({"heading": HEADING, "note": request.get_json(silent=True)}, Disk())
    except OSError:
        return {"error": "the disk is full"}, 507
    return {}, 201


app.run(port=int(sys.argv[1]))
