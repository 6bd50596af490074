"""One paced writer and several readers, each a process of its own: the delay of each reader, and its lost records.

The ring is as large as the engine's TICKS lane. The writer publishes record by record, one every `GAP_NS`; each bears
the time just before its publish. A reader reads all new records as one view, reads the clock once, and counts the lost
and torn records. The readers get the cores besides the writer's in turn, so with two cores all of them share one: each
yields it when no record waits, and the wait for its turn is a part of its delay.
"""

import os
from dataclasses import dataclass

import numpy as np

from bench.measure import clock
from bench.process import Channel, Worker, together
from bench.ringlink import reader, record_of, segment, writer
from engine.lanes import lane_of

SIZE = 64
GAP_NS = 800  # 1.25 million a second
TICKS = lane_of("ticks")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one reader saw."""

    core: int
    count: int
    lost: int
    p50_ns: float
    p99_ns: float


def fan_out(readers: int, count: int, cores: tuple[int, ...]) -> tuple[float, list[Seen]]:
    """Records a second that the writer kept up, and each reader's figures; `cores` begins with the writer's."""
    shape = {"capacity": TICKS.capacity, "reserve": TICKS.reserve, "wake": "never"}
    places = [cores[1:][number % len(cores[1:])] for number in range(readers)]
    with segment(record_of(SIZE), "ring", **shape) as name:

        def writing(channel: Channel) -> float:
            publish, rest = writer(name, SIZE).publish, bytes(SIZE - 32)
            channel.ready()
            began = due = clock()
            for number in range(count):
                while clock() < due:
                    pass
                due += GAP_NS
                publish(number, clock(), 6_543_210, 250, rest)
            return count * 1e9 / (clock() - began)

        def reading(channel: Channel) -> tuple[int, int, float, float]:
            ring, ways, seen, lost = reader(name, SIZE), np.zeros(count, np.int64), 0, 0
            channel.ready()
            while ring.cursor < count:
                view = ring.view()
                if not view.count:
                    os.sched_yield()
                    continue
                late = clock() - view.records["sent_ns"]
                torn = view.release()
                ways[seen : seen + len(late) - torn] = late[torn:]
                seen, lost = seen + len(late) - torn, lost + view.lost + torn
            p50, p99 = np.percentile(ways[seen // 10 : seen], (50, 99))  # the first tenth only warms up
            return seen, lost, float(p50), float(p99)

        *found, per_s = together(*(Worker(core, reading) for core in places), Worker(cores[0], writing))
    assert all(seen + lost == count for seen, lost, _, _ in found)
    return per_s, [Seen(core, *one) for core, one in zip(places, found, strict=True)]
