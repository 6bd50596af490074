"""`python -m tests.engine.chaos.decisions SEED… [--seconds S]`: what a chaos world decides, as text to compare.

Two commits decide the same when this prints the same for the same seeds. A line is one of:

    seed N
    intent  time strategy instrument kind side price size verdict    every intent that got a verdict, in verdict order
    request time action price size                                  every request to the venue, in the order sent
"""

import argparse
from collections.abc import Iterator
from typing import Any

import orjson

import shm
from engine.chaos.world import World
from engine.model.words import Reason

SLICE = 0.25  # simulated seconds between two reads of the lanes: no ring is lapped in that time


class Decisions:
    """Records the intents with their verdicts, and the requests, of one world."""

    def __init__(self, world: World) -> None:
        """Attach to the lanes and to execution's connection."""
        self.lines: list[str] = []
        self._world = world
        self._intents = [world.lanes.reader(f"intents.{name}") for name in world.strategies]
        self._verdicts = world.lanes.reader("verdicts")
        self._known: dict[int, Any] = {}
        self._check = world.halt.check
        world.halt.check = self._on_request  # type: ignore[method-assign] # every request of execution passes here

    def read(self) -> None:
        """Add what was decided since the last read."""
        for reader in self._intents:
            self._known.update((row.intent_id, row) for row in rows(reader))
        for verdict in rows(self._verdicts):
            intent = self._known[verdict.intent_id]
            self.lines.append(
                f"intent  {verdict.now_ns} {intent.strategy} {intent.instrument} {intent.kind} {intent.side} "
                f"{intent.price} {intent.size} {Reason(verdict.reason).name}"
            )

    def _on_request(self, payload: bytes) -> None:
        self._check(payload)
        request = orjson.loads(payload)
        params = request.get("params") or {}
        price, size = params.get("price", "-"), params.get("quantity", "-")
        self.lines.append(f"request {self._world.now_ns} {request['method']} {price} {size}")


def rows(reader: shm.RingReader) -> Iterator[Any]:
    """Yield what waits on a lane; a lapped reader is an error here."""
    for row in reader.rows():
        assert not isinstance(row, shm.Lapped), f"{reader.path}: {row}"
        yield row


def decide(seed: int, seconds: float) -> list[str]:
    """Run one world to its end and return its decisions."""
    world = World(seed)
    try:
        decisions = Decisions(world)
        for _ in range(round(seconds / SLICE)):
            world.run(SLICE)
            decisions.read()
        world.settle()
        decisions.read()
        world.check_end()
        return [f"seed {seed}", *decisions.lines]
    finally:
        world.close()


def main() -> None:
    """Read the arguments, run each seed, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[2].partition("\n")[0])
    parser.add_argument("seeds", type=int, nargs="+", metavar="SEED")
    parser.add_argument("--seconds", type=float, default=4.0, help="simulated time of each seed, mishaps included")
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        print(*decide(seed, arguments.seconds), sep="\n", flush=True)  # noqa: T201 - the text is the result


if __name__ == "__main__":
    main()
