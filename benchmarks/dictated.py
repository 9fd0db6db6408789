"""An upstream that says one text, so many tokens a second, over Chat Completions."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from emulator.prose import tokens


@contextlib.contextmanager
def dictate(text: str, *, rate: float) -> Iterator[str]:
    """Serve every request with ``text`` at ``rate`` tokens per second; yield the origin."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            begin = time.monotonic()
            with contextlib.suppress(OSError):
                for number, token in enumerate(tokens(text)):
                    time.sleep(max(0.0, begin + number / rate - time.monotonic()))
                    self._say({"content": token}, None)
                self._say({}, "stop")
                self.wfile.write(b"data: [DONE]\n\n")

        def _say(self, delta: dict[str, str], reason: str | None) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            chunk = {"id": "1", "object": "chat.completion.chunk", "model": "dictated", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
