"""Reports to Sentry: they arrive, and they hold nothing that opens a link or names a secret."""

import gzip
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from sidecar.adapters import faults


def test_tokens_and_secrets_are_blotted_out_wherever_they_stand():
    event = {
        "request": {"url": "https://shop.example/smi/download/abc.def-ghi/picture.jpg"},
        "exception": {"values": [{"value": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw and /webhooks/upsampler/tok.en"}]},
    }
    text = json.dumps(faults.scrub(event))
    assert "abc.def-ghi" not in text
    assert "MfKQ9r8" not in text
    assert "tok.en" not in text
    assert "/download/***/picture.jpg" in text


def test_a_fault_is_reported_with_its_traceback_and_without_local_variables():
    received: list[bytes] = []
    came = threading.Event()

    class Inbox(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()
            came.set()

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Inbox) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code = (
            "from sidecar.adapters import faults, logs\n"
            f"faults.report_to('http://key@127.0.0.1:{server.server_port}/1')\n"
            "def broken():\n    hidden = 'customer@shop.example'\n    raise ValueError('boom')\n"
            "try:\n    broken()\nexcept ValueError:\n"
            "    logs.log('stage.broke', 'A fault of ours.', exc_info=True)\n"
            "import sentry_sdk; sentry_sdk.flush(10)\n"
        )
        # A process of its own: Sentry hooks itself into the interpreter that calls it.
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
        assert came.wait(10)
        server.shutdown()
    text = b"".join(received).decode()
    assert "boom" in text
    assert "broken" in text
    assert "customer@shop.example" not in text
