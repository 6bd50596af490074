"""Log records as entries of systemd's journal with a field for each value, by its native protocol.

    MESSAGE=died name_of=feed exit_code=-9    PRIORITY=3    SYSLOG_IDENTIFIER=steelyard
    STEELYARD_PROCESS=supervisor    STEELYARD_FROM=engine.supervisor    STEELYARD_EVENT=died
    STEELYARD_NAME_OF=feed    STEELYARD_EXIT_CODE=-9                     a field for each of the caller's values

    journalctl -u steelyard@demo STEELYARD_EVENT=died -o json

One datagram for each record. A journal that does not read at once loses the entry, never the process its time; the
process's own log has the line as well.
"""

import logging
import re
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress

ADDRESS = "/run/systemd/journal/socket"
IDENTIFIER = "steelyard"
NAME_MOST = 64  # characters of a field's name
LEVELS = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}  # as syslog's
DEFAULT_LEVEL = 6


def field(name: str, value: str) -> bytes:
    """One field of an entry; a value with a line break is preceded by its length."""
    data = value.encode(errors="replace")
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"


def name_of(key: str) -> str:
    """The name of the field of a caller's value: capital letters, digits and underscores."""
    return ("STEELYARD_" + re.sub(r"[^A-Z0-9_]", "_", key.upper()))[:NAME_MOST]


class JournalHandler(logging.Handler):
    """Sends each record to the journal."""

    def __init__(
        self,
        process: str,
        fields: Callable[[logging.LogRecord], Mapping[str, object]],
        cut: Callable[[object], object],
        address: str = ADDRESS,
    ) -> None:
        """`fields` are the caller's values of a record, `cut` shortens a long one."""
        super().__init__()
        self.process = process
        self.fields = fields
        self.cut = cut
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)

    def emit(self, record: logging.LogRecord) -> None:
        """Send the entry."""
        with suppress(OSError):  # no journal, or one that does not read
            self.socket.sendto(self.entry(record), self.address)

    def entry(self, record: logging.LogRecord) -> bytes:
        """The entry's datagram."""
        values = {key: str(self.cut(value)) for key, value in self.fields(record).items()}
        event = str(self.cut(record.getMessage()))
        if record.exc_info:
            values["traceback"] = str(self.cut(logging.Formatter().formatException(record.exc_info)))
        parts = {
            "MESSAGE": " ".join([event, *(f"{key}={value}" for key, value in values.items() if key != "traceback")]),
            "PRIORITY": str(LEVELS.get(record.levelno, DEFAULT_LEVEL)),
            "SYSLOG_IDENTIFIER": IDENTIFIER,
            "STEELYARD_PROCESS": self.process,
            "STEELYARD_FROM": record.name,
            "STEELYARD_EVENT": event,
            **{name_of(key): value for key, value in values.items()},
        }
        return b"".join(field(name, value) for name, value in parts.items())
