"""Ports for the tests' servers."""

import itertools
import os
import random
import socket
from collections.abc import Iterator
from contextlib import suppress

FIRST, SHARE, SHARES = 20_000, 2_000, 6  # below the ports that the kernel gives to outgoing connections


def _ports() -> Iterator[int]:
    """Every port of this worker's share in a random order, then again."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = FIRST + worker % SHARES * SHARE
    return itertools.cycle(random.sample(range(first, first + SHARE), SHARE))


PORTS = _ports()


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


def free_port() -> int:
    """A port on which no process listens, and that no other test of this run gets."""
    return next(filter(_is_free, PORTS))
