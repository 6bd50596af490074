"""An HTTP endpoint of the tests: it answers as a test sets it, and keeps the requests that it accepted."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Endpoint:
    """An HTTP endpoint. `status` is what it answers, after `delay_s`; `headers` go with the answer."""

    def __init__(self, port: int = 0) -> None:
        """Listen; `requests` has (path, tree, time) of each request that was answered with 200."""
        self.status, self.delay_s = 200, 0.0
        self.headers: dict[str, str] = {}
        self.body = b"ok"
        self.tried: list[tuple[float, int]] = []  # when each request came, and what it was answered
        self.requests: list[tuple[str, dict[str, Any], float]] = []
        self.arrived = threading.Condition()
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Its address, with a path that is a secret."""
        return f"http://127.0.0.1:{self.port}/hooks/open-sesame"

    def trees(self, cause: str = "", state: str = "") -> list[dict[str, Any]]:
        """The messages that it has accepted."""
        trees = [tree for _, tree, _ in self.requests if tree]
        return [one for one in trees if cause in ("", one["cause"]) and state in ("", one["state"])]

    def wait_for(self, found: Callable[[], Any], deadline_s: float = 60.0) -> Any:
        """Wait until a request makes this true."""
        with self.arrived:
            assert self.arrived.wait_for(found, deadline_s), f"after {deadline_s} s it has {self.trees()}"
        return found()

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def log_message(self, *_: object) -> None:
                """Be quiet."""

            def do_GET(self) -> None:
                """An outside heartbeat."""
                self._answer({})

            def do_POST(self) -> None:
                """A message."""
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _answer(self, tree: dict[str, Any]) -> None:
                status = endpoint.status
                threading.Event().wait(endpoint.delay_s)
                with endpoint.arrived:
                    endpoint.tried.append((time.monotonic(), status))
                    if status == 200:
                        endpoint.requests.append((self.path, tree, time.monotonic()))
                    endpoint.arrived.notify_all()
                self.send_response(status)
                for name, value in {**endpoint.headers, "Content-Length": str(len(endpoint.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(OSError):  # the client has closed the connection meanwhile
                    self.wfile.write(endpoint.body)

        return Handler
