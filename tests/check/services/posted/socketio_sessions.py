"""Sessions of a chat: `python socketio_sessions.py PORT`. python-socketio 1.8.1 keeps what it refused."""

import sys

import socketio
from flask import Flask, Response, request

app = Flask(__name__)
chat = socketio.Server(async_mode="threading")


@chat.on("connect")
def is_known(sid, environ):
    """Refuse a session without a known token."""
    return environ["chat.token"] == "a token that nobody guesses"


@app.post("/sessions")
def begin():
    """Begin a session for the token that was sent."""
    sent = request.get_json(silent=True) or {}
    opening = {**request.environ, "REQUEST_METHOD": "GET", "QUERY_STRING": "", "chat.token": sent.get("token")}
    statuses = []
    body = chat.handle_request(opening, lambda status, headers: statuses.append(status))
    return Response(body, status=statuses[0])


app.run(port=int(sys.argv[1]))
