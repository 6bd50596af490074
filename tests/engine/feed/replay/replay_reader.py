"""A reader of TICKS in its own process: it counts, and compares every record with what the writer's session holds.

    python -m tests.engine.feed.replay.replay_reader SYSTEM LAST

Of the session in test_replay_soak every best bid's size is its number at the venue, so a torn record shows.
"""

import json
import sys

import numpy as np

import shm
from engine.model.words import TickKind

WAIT_NS = 5_000_000
UNIT = 10**8


def read(system: str, last: int) -> dict[str, int]:
    """Read until the tick of this number; what was seen."""
    ring = shm.RingReader(f"{system}.ticks.feed")
    ring.cursor = ring.header.first
    print("ready", flush=True)  # noqa: T201 - the writer begins now
    found = {"ticks": 0, "lost": 0, "torn": 0, "lag": 0}
    while True:
        found["lag"] = max(found["lag"], ring.lag)
        lost, ticks = ring.copy()
        found["lost"] += lost
        found["ticks"] += len(ticks)
        bids = ticks[(ticks["kind"] == TickKind.BEST) & (ticks["side"] == 1)]
        found["torn"] += int(np.count_nonzero(bids["size"] != bids["venue_sequence"] * UNIT))
        if len(bids) and int(bids["venue_sequence"][-1]) >= last:
            return found
        ring.wait(WAIT_NS)


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[1], int(sys.argv[2]))))  # noqa: T201
