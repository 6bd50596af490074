"""One HTTP request to an endpoint that is no venue, with its answer, over a connection of its own.

The wire of the venues is made for a step that never waits; here a thread may wait, and the standard library is enough.
An error names scheme, host and port only: the path of a webhook and the token of a bot are secrets. A redirect is a
failure, because the new address was not configured. A request ends after `limit_s`,
however slowly the endpoint answers.
"""

import email.utils
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

BODY_MOST = 1 << 16
ANSWER_SHOWN = 160  # characters of an endpoint's answer in an error
SCHEMES = ("https", "http")
LOCAL = ("127.0.0.1", "localhost", "::1")


class Answer(NamedTuple):
    """What an endpoint has answered."""

    status: int
    body: bytes
    retry_after: str

    @property
    def good(self) -> bool:
        """Whether the endpoint accepted the request."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success

    @property
    def text(self) -> str:
        """The beginning of the answer, on one line."""
        return " ".join(self.body.decode(errors="replace").split())[:ANSWER_SHOWN] or "no text"


class Caller:
    """Makes requests one at a time; `abort` ends the one that runs."""

    def __init__(
        self, timeout_s: float, limit_s: float = 0.0, check: Callable[[str], SplitResult] | None = None
    ) -> None:
        """Wait this long for each answer of the network, and `limit_s` for the whole request; 0: without that limit.

        `check` refuses a URL: `checked_url`, or `split_url` for what others may read on the way.
        """
        self.timeout_s, self.limit_s, self._check = timeout_s, limit_s, check or checked_url
        self._socket: socket.socket | None = None

    def request(self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Make one request; OSError with the place, but without the path, when there is no answer."""
        parts = self._check(url)
        connection = self._connection(parts)
        path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        alarm = threading.Timer(self.limit_s, self.abort) if self.limit_s else None
        try:
            connection.connect()
            self._socket = connection.sock
            if alarm is not None:
                alarm.start()
            connection.request(method, path, body or None, {"User-Agent": "steelyard", **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(BODY_MOST), answer.headers.get("Retry-After", ""))
        except (OSError, http.client.HTTPException) as error:
            msg = f"{place_of(parts)}: {type(error).__name__}: {reason_of(error)}"
            raise OSError(msg) from None  # the cause may hold the path
        finally:
            if alarm is not None:
                alarm.cancel()
            self._socket = None
            connection.close()

    def abort(self) -> None:
        """Close the connection of the request that runs."""
        with suppress(AttributeError, OSError):  # no request runs, or it has just ended
            self._socket.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        assert parts.hostname is not None
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout_s)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=self.timeout_s, context=context)


def checked_url(url: str) -> SplitResult:
    """The parts of a URL whose content others must not read; ValueError, without its path, when it is no such URL."""
    parts = split_url(url)
    if parts.scheme == "http" and not is_private(parts.hostname or ""):
        msg = (
            f"http:// to {parts.hostname} is readable on the way, expected https://, or an address of a private network"
        )
        raise ValueError(msg)
    return parts


def split_url(url: str) -> SplitResult:
    """The parts of a URL; ValueError, without its path, when it cannot be requested."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        msg = f"the URL begins with {parts.scheme + '://' if parts.scheme else 'no scheme'}, expected https://HOST/…"
        raise ValueError(msg)
    if any(one.isspace() for one in url):
        raise ValueError("the URL holds a space or a line end, expected https://HOST/…")
    try:
        _ = parts.port
    except ValueError:
        msg = f"the port of the URL to {parts.hostname} is no number, expected https://HOST:PORT/…"
        raise ValueError(msg) from None
    return parts


def is_private(host: str) -> bool:
    """Whether a host is this machine, or an address of a private network."""
    try:
        return host in LOCAL or ipaddress.ip_address(host).is_private
    except ValueError:  # a name
        return False


def place_of(parts: SplitResult) -> str:
    """Scheme, host and port."""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"


def reason_of(error: Exception) -> str:
    """An error's text without the request line."""
    if isinstance(error, http.client.HTTPException):
        return "the answer is no HTTP"
    return getattr(error, "strerror", None) or str(error) or "no reason given"


def retry_after_s(text: str) -> float:
    """The pause of a Retry-After header: seconds or a date; 0 without one."""
    with suppress(ValueError):
        return max(0.0, float(text))
    with suppress(TypeError, ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    return 0.0
