"""The least that Flask can do, for gunicorn with the sidecar's own configuration: what intake is compared with."""

from __future__ import annotations

from flask import Flask, jsonify

app = Flask("hello")


@app.post("/messages")
def hello():
    return jsonify(hello="world")
