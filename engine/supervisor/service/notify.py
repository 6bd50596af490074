"""The notification socket of systemd (sd_notify): one datagram for each message, to the address in $NOTIFY_SOCKET.

    READY=1  STATUS=…  WATCHDOG=1  STOPPING=1  EXTEND_TIMEOUT_USEC=…       lines of one datagram

The variables are removed from the environment, so that no role can send a message in the guard's name. Without
$NOTIFY_SOCKET nothing is sent. A datagram that systemd does not read at once is dropped: the next one follows soon.
"""

import contextlib
import socket
from collections.abc import MutableMapping

US = 1_000
SOCKET, WATCHDOG, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class Notifier:
    """Sends messages to the service manager."""

    def __init__(self, address: str = "", watchdog_ns: int = 0) -> None:
        """The address of the socket, with "@" before a name that is not a path; "": there is no service manager."""
        self.watchdog_ns = watchdog_ns  # the service manager expects WATCHDOG=1 within this time; 0: never
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> "Notifier":
        """The service manager that these variables name; they are removed."""
        address, watchdog_us = environment.pop(SOCKET, ""), environment.pop(WATCHDOG, "0")
        environment.pop(WATCHDOG_PID, None)
        return cls(address, int(watchdog_us) * US)

    @property
    def listens(self) -> bool:
        """Whether there is a service manager."""
        return bool(self._address)

    def send(self, *lines: str) -> None:
        """Send one message."""
        if self._address and lines:
            with contextlib.suppress(OSError):
                self._socket.sendto("\n".join(lines).encode(), self._address)
