"""The speed of a link: the same loops for the ring and for every peer.

A link carries records of one size one way. Both processes read CLOCK_MONOTONIC, which all cores share; the cost of a
reading is measured in the same place and subtracted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, repeat
from statistics import median
from typing import Protocol

from bench.process import Channel, Worker, together

clock = time.perf_counter_ns
Send = Callable[[bytes], object]
Receive = Callable[[], object]


class Link(Protocol):
    """One direction between two processes. Each end is made in the process that uses it."""

    def sender(self) -> Send:
        """Send one record; blocks rather than lose one."""

    def receiver(self) -> Receive:
        """Wait for the next record, in the link's fastest way."""

    def close(self) -> None:
        """Remove what is left, in the parent."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of one round, in nanoseconds."""

    p50: float
    p99: float
    p999: float

    @classmethod
    def of(cls, samples: list[int], cost_ns: float, share: int = 1) -> "Latency":
        """From raw samples, less what the clock cost, divided by `share`; the first tenth only warms up."""
        ordered = sorted(samples[len(samples) // 10 :])
        p50, p99, p999 = (max(0.0, ordered[int(len(ordered) * part)] - cost_ns) / share for part in (0.5, 0.99, 0.999))
        return cls(p50, p99, p999)


def clock_cost_ns(count: int = 2000) -> float:
    """From one reading of the clock to the next, the loop that keeps them included."""
    stamps = [0] * count
    for i in range(count):
        stamps[i] = clock()
    return median(after - before for before, after in pairwise(stamps))


def one_way(link: Link, payload: bytes, count: int, gap_ns: int, cores: tuple[int, int]) -> Latency:
    """From just before the send to just after the receive; records are `gap_ns` apart, so that none waits."""

    def send(channel: Channel) -> list[int]:
        send, stamps = link.sender(), [0] * count
        channel.ready()
        for i in range(count):
            due = clock() + gap_ns
            while clock() < due:
                pass
            stamps[i] = clock()
            send(payload)
        return stamps

    def receive(channel: Channel) -> tuple[float, list[int]]:
        receive, stamps, cost_ns = link.receiver(), [0] * count, clock_cost_ns()
        channel.ready()
        for i in range(count):
            receive()
            stamps[i] = clock()
        return cost_ns, stamps

    (cost_ns, received), sent = together(Worker(cores[1], receive), Worker(cores[0], send))
    return Latency.of([after - before for before, after in zip(sent, received, strict=True)], cost_ns)


def round_trip(there: Link, back: Link, payload: bytes, count: int, cores: tuple[int, int]) -> Latency:
    """Half of a record's way there and back."""

    def ping(channel: Channel) -> tuple[float, list[int]]:
        send, receive, stamps, cost_ns = there.sender(), back.receiver(), [0] * count, clock_cost_ns()
        channel.ready()
        for i in range(count):
            send(payload)
            receive()
            stamps[i] = clock()
        return cost_ns, [after - before for before, after in pairwise(stamps)]

    def pong(channel: Channel) -> None:
        receive, send = there.receiver(), back.sender()
        channel.ready()
        for _ in repeat(None, count):
            receive()
            send(payload)

    (cost_ns, trips), _ = together(Worker(cores[0], ping), Worker(cores[1], pong))
    return Latency.of(trips, cost_ns, 2)


def rate(link: Link, payload: bytes, count: int, cores: tuple[int, int]) -> float:
    """Records a second from the first send to the last receive, one call a record on both sides."""

    def send(channel: Channel) -> int:
        send = link.sender()
        channel.ready()
        began = clock()
        for _ in repeat(None, count):
            send(payload)
        return began

    def receive(channel: Channel) -> int:
        receive = link.receiver()
        channel.ready()
        for _ in repeat(None, count):
            receive()
        return clock()

    ended, began = together(Worker(cores[1], receive), Worker(cores[0], send))
    return float(count / ((ended - began) / 1e9))
