"""The HTTP side: answers from the last reading, in threads of its own, so that no client can hold up the role.

    GET /metrics    Prometheus' text, or 503 where the last reading is old or empty
    GET /healthz    200, or 503 where a role or the supervisor is not alive; JSON with each check
    GET /readyz     the same, and whether the system may trade: books, order sessions, halts

A client that sends nothing, or half a request, is closed after `TIMEOUT_S`, or as soon as `MOST` connections are open
and a further one comes: however many are silent, a probe is answered at once. With a token each request needs
`Authorization: Bearer TOKEN`.
"""

import contextlib
import hmac
import json
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from engine.metrics.exposition import Check, Exposition

TIMEOUT_S = 5.0
MOST = 16
TEXT = "text/plain; version=0.0.4; charset=utf-8"
PATHS = ("/metrics", "/healthz", "/readyz")


class MetricsServer:
    """Listens at an address from the beginning, and answers 503 before the first reading."""

    def __init__(self, address: str, port: int, token: str = "") -> None:
        """Listen; a port that is in use is an error that names it."""
        self.exposition: Exposition | None = None
        self.token = token
        try:
            self._server = _Server(self, address, port)
        except OSError as error:
            msg = f"metrics: cannot listen on {address} port {port}: {error.strerror}: choose another port in [metrics]"
            raise OSError(msg) from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="metrics", daemon=True)
        self._thread.start()

    def serve(self, exposition: Exposition) -> None:
        """Answer from this reading from now on."""
        self.exposition = exposition

    def close(self) -> None:
        """Stop listening; a request that is being answered is cut off with the process."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """The status, type and body for a path."""
        found = self.exposition
        if path == "/metrics":
            fault = found.fault if found else "no reading yet"
            if fault or not found:
                return HTTPStatus.SERVICE_UNAVAILABLE, TEXT, f"{fault}\n".encode()
            return HTTPStatus.OK, TEXT, found.text
        ready = path == "/readyz"
        checks = found.checked(ready=ready) if found else [Check("reading", False, "none yet", "a reading")]
        healthy = all(check.healthy for check in checks)
        status = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
        trees = [
            {"name": one.name, "healthy": one.healthy, "found": one.found, "expected": one.expected} for one in checks
        ]
        body = json.dumps({"ready" if ready else "healthy": healthy, "checks": trees}, indent=1)
        return status, "application/json", body.encode() + b"\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = socket.SOMAXCONN

    def __init__(self, owner: MetricsServer, address: str, port: int) -> None:
        self.owner = owner
        self._room = threading.BoundedSemaphore(MOST)
        self._lock = threading.Lock()
        self._silent: dict[Any, None] = {}  # connections without a whole request, the oldest first
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self._close_oldest()
            self._room.acquire()  # its thread ends now, or a request that is being answered does
        with self._lock:
            self._silent[request] = None
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread was started: give the room back
            self.on_request(request)
            self._room.release()
            raise

    def on_request(self, request: Any) -> None:
        """The connection has sent a whole request, or has ended."""
        with self._lock:
            self._silent.pop(request, None)

    def _close_oldest(self) -> None:
        """Close the connection that has been silent for longest."""
        with self._lock:
            oldest = next(iter(self._silent), None)
            self._silent.pop(oldest, None)
        if oldest is not None:
            with contextlib.suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.on_request(request)
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address  # a client that ends early is no event


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = TIMEOUT_S  # of each read and write
    server_version, sys_version = "steelyard", ""
    protocol_version = "HTTP/1.0"  # one request a connection: a client cannot keep one of the places
    error_content_type = "text/plain"
    error_message_format = "%(code)d %(explain)s\n"

    def setup(self) -> None:
        super().setup()
        self._alarm = threading.Timer(TIMEOUT_S, self._cut)  # one byte a second must not last for ever
        self._alarm.daemon = True
        self._alarm.start()

    def finish(self) -> None:
        self._alarm.cancel()
        with contextlib.suppress(OSError):
            super().finish()

    def _cut(self) -> None:
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)

    def do_GET(self) -> None:
        self._reply(body=True)

    def do_HEAD(self) -> None:
        self._reply(body=False)

    def _reply(self, *, body: bool) -> None:
        self.server.on_request(self.request)
        path = self.path.partition("?")[0]
        owner = self.server.owner
        if owner.token and not hmac.compare_digest(
            self.headers.get("Authorization", "").encode(), f"Bearer {owner.token}".encode()
        ):
            self.send_error(HTTPStatus.UNAUTHORIZED, explain="expected the header Authorization: Bearer TOKEN")
            return
        if path not in PATHS:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"expected one of {', '.join(PATHS)}")
            return
        status, kind, data = owner.answer(path)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as its base class has it
        """Log nothing: a request each second is no news."""
