"""From a decoded frame to the book's top in another process.

    python -m bench.visible

    core 1   a feed's pipeline: a diff of twenty levels each time; `publish_ns` is stamped when the frame is decoded
    core 0   a reader that spins on BOOKS, and looks at the same clock when it has the record

So the figure holds the book's change, the records' writing and the way between the cores. The reader knows nothing of
the writer, and the first records, before it has attached and warmed up, are not counted.
"""

import json
import sys
import time
import uuid
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import shm
from bench import corpus
from bench.machine import pair
from bench.process import Channel, Worker, together
from bench.rig import NOW, Rig
from engine.lanes import LOOKERS, open_lanes

COUNT, WARM_UP = 20_000, 1_000
GAP_NS = 30_000  # between two frames: longer than the way of one frame
STILL_NS = 2_000_000_000  # after which no more come


def measure(count: int = COUNT) -> dict[str, object]:
    """Nanoseconds from the decoded frame to its book in the reader's hands."""
    system = f"bench-seen-{uuid.uuid4().hex[:8]}"
    frames = corpus.made_diffs(count + 1)
    ours, theirs = pair()

    def writing(channel: Channel) -> None:
        rig = Rig("binance", corpus.made_snapshot(), 8, system=system)
        rig.pipeline.process(frames[:1], NOW, NOW)
        channel.ready()
        for frame in frames[1:]:
            due = time.perf_counter_ns() + GAP_NS
            while time.perf_counter_ns() < due:
                pass
            rig.pipeline.process([frame], NOW, NOW)

    def reading(channel: Channel) -> list[int]:
        channel.ready()
        books = open_lanes(system, LOOKERS).ring_reader("books")
        spin, clock, ages = books.spin, time.perf_counter_ns, []
        while (found := spin(STILL_NS)) is not None:
            ages.append(clock() - found.publish_ns)
        return sorted(ages[WARM_UP:])

    try:
        _, ages = together(Worker(theirs, writing), Worker(ours, reading))
    finally:
        for name in shm.names(system):
            shm.remove(name)
    assert len(ages) > count // 2, f"of {count} books the reader saw {len(ages)}"
    return {
        "top_visible_p50_ns": ages[len(ages) // 2],
        "top_visible_p99_ns": ages[len(ages) * 99 // 100],
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
