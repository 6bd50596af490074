"""An SMTP server of the tests: it keeps the mails that it accepted, and what a client sent to it before and after TLS.

MailServer()                        plain text
MailServer("starttls", context)     offers STARTTLS; a password is accepted only after it
MailServer("tls", context)          TLS from the first byte
"""

import base64
import socketserver
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from email import message_from_string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from email.message import Message as Mail


class MailServer:
    """The server. `refusal` is the reply to each recipient where it is set."""

    def __init__(self, security: str = "none", context: ssl.SSLContext | None = None) -> None:
        """Listen; `plain` and `secret` have the words of the commands that arrived without TLS and inside TLS."""
        self.security, self.context = security, context
        self.mails: list[Mail] = []
        self.logins: list[tuple[str, str]] = []
        self.plain: list[str] = []
        self.secret: list[str] = []
        self.refusal = ""
        self.arrived = threading.Event()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> Callable[..., socketserver.BaseRequestHandler]:
        return lambda *parts: Session(self, *parts)


class Session(socketserver.BaseRequestHandler):
    """One connection of a client."""

    def __init__(self, server: MailServer, *parts: Any) -> None:
        """Serve it until the client is done, or refuses our certificate."""
        self.post, self.has_tls = server, False
        with suppress(OSError):
            super().__init__(*parts)

    def handle(self) -> None:
        """Answer each command until the client closes: a close before it has sent all resets its connection."""
        self.file = self.request.makefile("rwb", 0)
        if self.post.security == "tls":
            self._begin_tls()
        self._reply("220 post")
        while read := self.file.readline():
            line = read.decode().strip()
            word = line[:4].upper()
            (self.post.secret if self.has_tls else self.post.plain).append(word)
            answer = getattr(self, f"_on_{word.lower()}", None)
            answer(line) if answer is not None else self._reply("500 no command")

    def _on_ehlo(self, _: str) -> None:
        offers = ["post", *(["STARTTLS"] if self.post.security == "starttls" and not self.has_tls else [])]
        offers += ["AUTH PLAIN"] if self.has_tls else []
        for offer in offers[:-1]:
            self._reply(f"250-{offer}")
        self._reply(f"250 {offers[-1]}")

    def _on_star(self, _: str) -> None:
        self._reply("220 begin")
        self._begin_tls()

    def _on_auth(self, line: str) -> None:
        _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
        self.post.logins.append((user, password))
        self._reply("235 welcome")

    def _on_rcpt(self, _: str) -> None:
        self._reply(self.post.refusal or "250 ok")

    def _on_mail(self, _: str) -> None:
        self._reply("250 ok")

    _on_rset = _on_mail

    def _on_quit(self, _: str) -> None:
        self._reply("221 bye")

    def _on_data(self, _: str) -> None:
        self._reply("354 go on")
        lines = list(iter(lambda: self.file.readline().decode(), ".\r\n"))
        self.post.mails.append(message_from_string("".join(lines)))
        self._reply("250 accepted")
        self.post.arrived.set()

    def _begin_tls(self) -> None:
        assert self.post.context is not None
        self.request = self.post.context.wrap_socket(self.request, server_side=True)
        self.file, self.has_tls = self.request.makefile("rwb", 0), True

    def _reply(self, text: str) -> None:
        self.file.write(f"{text}\r\n".encode())
