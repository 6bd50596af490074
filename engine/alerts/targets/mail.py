"""E-mail by SMTP: STARTTLS (port 587), TLS from the first byte (port 465), or plain text to this machine only."""

import smtplib
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Annotated, ClassVar, Literal

import msgspec

from engine.alerts.message import SECOND_NS, Message
from engine.alerts.outbox import Failed, Outcome, Sent
from engine.alerts.targets.target import TIMEOUT_S, Target, TargetOptions
from engine.caller import LOCAL
from engine.config import Secret

Address = Annotated[
    str, msgspec.Meta(pattern=r"^[^@\s,<>]+@[^@\s,<>]+$", description="one address, NAME@HOST")
]  # a comma or a line end would add a recipient or a header


class MailOptions(TargetOptions, frozen=True, kw_only=True, rename={"sender": "from"}):
    """The keys of e-mail."""

    host: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: Secret | None = None
    sender: Address
    to: Annotated[tuple[Address, ...], msgspec.Meta(min_length=1)]
    ca_file: str = ""  # the certificate of a server of one's own; "": those of this machine


class Mail(Target):
    """An e-mail for each message."""

    options_type: ClassVar = MailOptions
    options: MailOptions

    def __init__(self, options: MailOptions) -> None:
        """Make no connection yet."""
        super().__init__(options)
        self._client: smtplib.SMTP | None = None

    def check(self) -> None:
        """Read the password and the certificate; plain text leaves the machine never."""
        options = self.options
        if options.security == "none" and options.host not in LOCAL:
            msg = f'security = "none" to {options.host} is readable on the way, expected "starttls" or "tls"'
            raise ValueError(msg)
        if bool(options.user) != (options.password is not None):
            raise ValueError("expected both of user and password, or none of them")
        self.secrets()
        self._context()

    def secrets(self) -> tuple[str, ...]:
        """The password."""
        return (self.options.password.reveal(),) if self.options.password is not None else ()

    def abort(self) -> None:
        """Close the connection of the call that runs."""
        with suppress(AttributeError, OSError):  # no call runs, or it has just ended
            self._client.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

    def deliver(self, message: Message) -> Outcome:
        """Send one e-mail."""
        options = self.options
        place = f"{options.host}:{options.port}"
        try:
            with self._connect() as client:
                self._client = client
                self._log_in(client)
                refused = client.send_message(self.mail(message))
        except OSError as error:  # SMTPException is one too
            return Failed(f"{place}: {self._reason(error)}")
        finally:
            self._client = None
        return Failed(f"{place} refused {', '.join(refused)}") if refused else Sent()

    def mail(self, message: Message) -> EmailMessage:
        """The e-mail; its Message-ID is the message's id, so a repetition is recognised."""
        mail = EmailMessage()
        mail["Subject"] = message.title
        mail["From"], mail["To"] = self.options.sender, ", ".join(self.options.to)
        mail["Message-ID"] = f"<{message.id}@{message.host}.steelyard>"
        mail["Date"] = format_datetime(_moment(message.last_ns))
        mail.set_content(message.text)
        return mail

    def _connect(self) -> smtplib.SMTP:
        options = self.options
        if options.security == "tls":
            return smtplib.SMTP_SSL(options.host, options.port, timeout=TIMEOUT_S, context=self._context())
        return smtplib.SMTP(options.host, options.port, timeout=TIMEOUT_S)

    def _log_in(self, client: smtplib.SMTP) -> None:
        if self.options.security == "starttls":
            client.starttls(context=self._context())
        if self.options.user:
            client.login(self.options.user, self.secrets()[0])

    def _context(self) -> ssl.SSLContext:
        """The authorities whose certificates are accepted."""
        file = self.options.ca_file
        try:
            return ssl.create_default_context(cafile=file or None)
        except OSError as error:
            msg = f"ca_file = {file!r}: {error.strerror or error}; expected a PEM file with the authority's certificate"
            raise ValueError(msg) from error

    def _reason(self, error: OSError) -> str:
        """Why no mail was sent."""
        if isinstance(error, ssl.SSLCertVerificationError):
            authority = self.options.ca_file or "an authority of this machine, or ca_file with the server's own"
            expected = f"expected one for {self.options.host} by {authority}"
            return f"its certificate was refused: {error.verify_message}; {expected}"
        reply = _reply(error) if isinstance(error, smtplib.SMTPException) else error.strerror or str(error)
        return f"{type(error).__name__}: {reply}"


def _moment(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // SECOND_NS, UTC)


def _reply(error: smtplib.SMTPException) -> str:
    """The server's words."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"refused {', '.join(error.recipients)}"
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
    return str(error)
