"""No network inside a run: a strategy that opens a connection would test against today, not against its data."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

REFUSED = frozenset({"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})
_running: set[int] = set()  # threads
_hooked: list[bool] = []


@contextmanager
def offline() -> Iterator[None]:
    """Refuse what this thread asks of the network, until the block ends; other threads are left alone."""
    if not _hooked:
        sys.addaudithook(_refuse)  # a hook stays for the life of the process
        _hooked.append(True)
    _running.add(threading.get_ident())
    try:
        yield
    finally:
        _running.discard(threading.get_ident())


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse a call of the network in a thread that runs a simulation."""
    if _running and event in REFUSED and threading.get_ident() in _running:
        where = arguments[1] if len(arguments) > 1 else arguments
        raise PermissionError(
            f"{event} {where}: a simulation has no network: read what the strategy needs before the run"
        )
