"""What readers cost: how much 1, 4 and 8 of them see, and whether the writer feels that they are there."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from statistics import median

import shm
from bench.process import Channel, Worker, together
from bench.rates import publish_ns
from bench.ringlink import lane, reader, writer

READERS = 8
LOOKS_A_SECOND = 100
LOOK = 16
CHUNKS = 7


def fan_out(size: int, readers: int, count: int, cores: tuple[int, int]) -> dict[str, float]:
    """The writer publishes as fast as it can; the readers share the other core and count what they missed."""
    with lane(size) as name:

        def writing(channel: Channel) -> float:
            ring = writer(name, size)
            channel.ready()
            return 1e9 / publish_ns(ring, bytes(size), count)

        def reading(channel: Channel) -> tuple[int, int]:
            ring, seen, lost = reader(name, size), 0, 0
            channel.ready()
            while ring.cursor < count:
                view = ring.view()
                torn = view.release()
                seen, lost = seen + view.count - torn, lost + view.lost + torn
            return seen, lost

        *found, per_s = together(*(Worker(cores[1], reading) for _ in range(readers)), Worker(cores[0], writing))
    assert all(seen + lost == count for seen, lost in found)
    return {"publish_per_s": per_s, "lost_share": median(lost for _, lost in found) / count}


def cost(size: int, chunk: int, cores: tuple[int, int]) -> dict[str, float]:
    """Nanoseconds a publish without readers, with 8 that look, with the same 8 stopped, and without readers again.

    The readers share the other core, so the figures show memory and protocol, not turns on the writer's core.
    """
    with lane(size) as name:

        def writing(channel: Channel) -> dict[str, float]:
            ring = writer(name, size)
            spent: dict[str, float] = {}
            _publish_ns(ring, size, chunk)
            for phase in ("before", "looking", "stopped", "after"):
                channel.ready()
                spent[phase] = _publish_ns(ring, size, chunk)
            channel.answer(None)
            return spent

        worker = Worker(cores[0], writing)
        try:
            spent = _phases(worker, name, size, cores[1])
        finally:
            worker.end()
    alone = (spent["before"] + spent["after"]) / 2
    return {"alone_ns": alone, "looking_ratio": spent["looking"] / alone, "stopped_ratio": spent["stopped"] / alone}


def _phases(worker: Worker, name: str, size: int, core: int) -> dict[str, float]:
    worker.answer()
    worker.begin()
    worker.answer()
    with _lookers(name, size, core) as lookers:
        worker.begin()
        worker.answer()
        for looker in lookers:
            looker.stop()
        worker.begin()
        worker.answer()
    worker.begin()
    worker.answer()
    return worker.answer()  # type: ignore[no-any-return]


@contextmanager
def _lookers(name: str, size: int, core: int) -> Iterator[list[Worker]]:
    def looking(channel: Channel) -> None:
        ring = reader(name, size)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, 1 / LOOKS_A_SECOND, 1 / LOOKS_A_SECOND)
        channel.answer(None)
        while True:
            signal.sigwait({signal.SIGALRM})
            ring.latest(LOOK)

    lookers = [Worker(core, looking) for _ in repeat(None, READERS)]
    try:
        for looker in lookers:
            looker.answer()
        yield lookers
    finally:
        for looker in lookers:
            looker.end()


def _publish_ns(ring: shm.RingWriter, size: int, chunk: int) -> float:
    """The median of a few chunks: each is long enough to hold looks, and one that was interrupted does not count."""
    return median(publish_ns(ring, bytes(size), chunk) for _ in range(CHUNKS))
