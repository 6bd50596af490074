"""The own memory of a process over a run of orders, and whether it is flat.

    anonymous   what the process has allocated and touched (RssAnon): a leak is in it
    shared      pages of the lanes that the process has touched (RssShmem): it grows until each lane was written once

Memory is flat when, over the last third of the run, the line through the readings of `anonymous` rises by less than
`FLAT_BYTES` for each order: half of a pointer, so that even one pointer kept for each order is found. A rise of less
than `SLACK` is none: the kernel counts in steps, and a burst of messages may need more than any before it. So a run
must have more than `SLACK / FLAT_BYTES` orders in its last third to find a pointer.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

KIB, MIB = 1 << 10, 1 << 20
FLAT_BYTES, SLACK = 4.0, 512 * KIB


class Memory(NamedTuple):
    """One reading, in bytes."""

    orders: int  # that were counted until then
    anonymous: int
    shared: int


def read_memory(orders: int, without: int = 0, status: Path = Path("/proc/self/status")) -> Memory:
    """The memory of this process now, `without` so many bytes of the bench's own."""
    fields = dict(line.split(":") for line in status.read_text().splitlines())
    anonymous, shared = (int(fields[name].split()[0]) * KIB for name in ("RssAnon", "RssShmem"))
    return Memory(orders, anonymous - without, shared)


def last_third(readings: Sequence[Memory]) -> Sequence[Memory]:
    """The readings of the last third of the run, at least three."""
    return readings[-max(3, -(-len(readings) // 3)) :]


def growth(readings: Sequence[Memory]) -> float:
    """By how many bytes the anonymous memory grows with each order, over the last third."""
    last = last_third(readings)
    return float(np.polyfit([one.orders for one in last], [one.anonymous for one in last], 1)[0])


def is_flat(readings: Sequence[Memory]) -> bool:
    """Whether the memory is flat by the rule above; memory that shrinks is."""
    last, each = last_third(readings), growth(readings)
    return each < FLAT_BYTES or each * (last[-1].orders - last[0].orders) < SLACK
