"""An upstream that says what it is told to, so many tokens a second, over Chat Completions."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from emulator.prose import tokens


def _last_words(request: dict[str, Any]) -> str:
    """Return the text of the last message of a request."""
    content = request["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


@contextlib.contextmanager
def dictate(say: Callable[[str], str], *, rate: float) -> Iterator[str]:
    """Answer each request with what ``say`` returns for the user's last words, at ``rate`` tokens a second; yield the origin."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = list(tokens(say(_last_words(asked))))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            begin = time.monotonic()
            with contextlib.suppress(OSError):
                for number, token in enumerate(said):
                    time.sleep(max(0.0, begin + number / rate - time.monotonic()))
                    self._say([{"index": 0, "delta": {"content": token}, "finish_reason": None}])
                self._say([{"index": 0, "delta": {}, "finish_reason": "stop"}])
                count = len(json.dumps(asked["messages"])) // 4
                self._say(
                    [],
                    {
                        "prompt_tokens": count,
                        "completion_tokens": len(said),
                        "total_tokens": count + len(said),
                    },
                )
                self.wfile.write(b"data: [DONE]\n\n")

        def _say(self, choices: list[Any], usage: dict[str, int] | None = None) -> None:
            chunk = {"id": "1", "object": "chat.completion.chunk", "choices": choices, "usage": usage}
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
