"""A reader with nothing to read: what waiting costs the processor, and how fast it is back when something comes."""

import time
from functools import partial

from bench.measure import Latency, Receive, clock, one_way
from bench.process import Channel, Worker, together
from bench.ringlink import PATIENCE_NS, RingLink, lane, reader

WAKE_GAP_NS = 2_000_000


def idle_cpu_pct(size: int, seconds: float, core: int) -> float:
    """The share of one core that a waiting reader of a silent `idle_edge` lane uses, its first spins included."""
    with lane(size, wake="idle_edge") as name:

        def waiting(channel: Channel) -> float:
            ring = reader(name, size)
            channel.ready()
            began, spent = clock(), time.process_time_ns()
            ring.wait(int(seconds * 1e9))
            return (time.process_time_ns() - spent) / (clock() - began) * 100

        return float(together(Worker(core, waiting))[0])


class SleepingLink(RingLink):
    """A lane that wakes its reader out of the kernel's sleep."""

    wake = "idle_edge"

    def receiver(self) -> Receive:
        """`RingReader.wait`, then `read_bytes`."""
        ring = reader(self._name, self._size)
        wait, read = partial(ring.wait, PATIENCE_NS), ring.read_bytes
        return lambda: wait() and read()


def wake(size: int, count: int, cores: tuple[int, int]) -> Latency:
    """One way to a reader that fell asleep: records far enough apart that it always does."""
    link = SleepingLink(size)
    try:
        return one_way(link, bytes(size), count, WAKE_GAP_NS, cores)
    finally:
        link.close()
