"""The ring beside its limit and its peers, in one interleaved run: `python -m bench.ring [--json] [--quick]`.

Every round measures everything once, the raw line first, so that all see the same machine; what is reported is the
median over the rounds, with the least and the most beside it. Writer and reader are pinned to two cores. Peers that
are not installed are named, never left out (`make setup-bench` installs them).
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import fanout, idle, machine, rates, readers, report
from bench.limit import Limit, compiled
from bench.measure import Latency, Link, one_way, rate, round_trip
from bench.peers import PEERS, Peer
from bench.ringlink import PollingLink, RingLink, TypedLink

SIZES = (64, 256)
OWN: dict[str, Callable[[int], Link]] = {
    "ring": RingLink,
    "ring, polled from Python": PollingLink,
    "ring, typed": TypedLink,
}
OWN_GAP_NS = 10_000
FAN_OUT = report.FAN_OUT
Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of everything makes a round."""

    rounds: int
    records: int
    """One way, at most what the smallest ring holds: nothing may be lapped."""
    trips: int
    rate_bytes: int
    """In a throughput run, one call a record; batches carry forty times as much."""
    peer_share: float
    idle_s: float
    wakes: int
    cost_turns: int
    cost_chunk: int
    """Publishes: some milliseconds, in which 8 readers look a few times."""
    fan_out: int
    """Records of the paced writer whose readers are timed one by one."""


FULL = Effort(
    rounds=5,
    records=1_000,
    trips=10_000,
    rate_bytes=32 << 20,
    peer_share=1.0,
    idle_s=1.0,
    wakes=40,
    cost_turns=3,
    cost_chunk=100_000,
    fan_out=2_500_000,
)
QUICK = Effort(
    rounds=1,
    records=100,
    trips=200,
    rate_bytes=1 << 20,
    peer_share=0.02,
    idle_s=0.2,
    wakes=3,
    cost_turns=1,
    cost_chunk=5_000,
    fan_out=20_000,
)


class Bench:
    """Collects samples by size, who and what."""

    def __init__(self, effort: Effort, cores: tuple[int, int], limit: Limit) -> None:
        """Nothing measured yet."""
        self.effort, self.cores, self.limit = effort, cores, limit
        self.samples: defaultdict[Key, list[float]] = defaultdict(list)
        self.missing = {peer.name: text for peer in PEERS if (text := peer.missing())}

    def round(self) -> None:
        """Everything once."""
        self._fan_out()
        for size in SIZES:
            self._limit(size)
            self._own(size)
            for peer in PEERS:
                if peer.name not in self.missing:
                    self._peer(peer, size)

    def _keep(self, size: int, who: str, **figures: float) -> None:
        for what, value in figures.items():
            self.samples[size, who, what].append(value)

    def _latency(
        self, size: int, who: str, opener: Callable[[int], Link], counts: tuple[int, int], gap_ns: int
    ) -> None:
        records, trips = counts
        with ExitStack() as stack:
            there, back, along = (_closing(stack, opener(size)) for _ in range(3))
            trip = round_trip(there, back, bytes(size), trips, self.cores)
            way = one_way(along, bytes(size), records, gap_ns, self.cores)
        self._keep(size, who, **_named("rtt_half", trip), **_named("one_way", way))

    def _limit(self, size: int) -> None:
        effort, records = self.effort, self.effort.rate_bytes // size
        self._keep(size, "limit", raw_line_ns=self.limit.raw(max(20, effort.trips // 100)))
        trip = self.limit.trip(size, effort.trips)
        self._keep(size, "limit", rtt_half_p50_ns=trip["p50"], rtt_half_p99_ns=trip["p99"])
        self._keep(size, "limit", per_s=self.limit.stream(size, records * 4, 1))
        self._keep(size, "limit", batch_per_s=self.limit.stream(size, records * 40, rates.BATCH_BYTES // size))

    def _own(self, size: int) -> None:
        effort, records = self.effort, self.effort.rate_bytes // size
        for who, opener in OWN.items():
            self._latency(size, who, opener, (effort.records, effort.trips), OWN_GAP_NS)
        self._keep(size, "ring", per_s=rates.one_call(size, records, self.cores))
        self._keep(size, "ring, typed", per_s=rates.typed(size, records // 4, self.cores))
        self._keep(size, "ring", batch_per_s=rates.batch(size, records * 40, self.cores))
        self._keep(size, "ring", batch_summed_per_s=rates.batch_summed(size, records * 10, self.cores))
        for _ in range(effort.cost_turns):
            self._keep(size, "readers", **readers.cost(size, effort.cost_chunk, self.cores))
        for count in (1, 4, 8):
            found = readers.fan_out(size, count, records // 2, self.cores)
            self._keep(size, f"{count} readers", **found)
        self._keep(size, "idle", idle_cpu_pct=idle.idle_cpu_pct(size, effort.idle_s, self.cores[1]))
        self._keep(size, "idle", **_named("wake", idle.wake(size, effort.wakes, self.cores)))

    def _fan_out(self) -> None:
        """Each reader's own figures, and the core it had."""
        per_s, found = fanout.fan_out(FAN_OUT, self.effort.fan_out, machine.cores())
        self._keep(fanout.SIZE, "paced writer", per_s=per_s)
        for number, seen in enumerate(found, 1):
            figures = {"p50_ns": seen.p50_ns, "p99_ns": seen.p99_ns, "lost": seen.lost, "core": seen.core}
            self._keep(fanout.SIZE, report.reader_row(number), **figures)

    def _peer(self, peer: Peer, size: int) -> None:
        share = self.effort.peer_share
        try:
            counts = max(20, int(300 * share)), max(50, int(1000 * share))
            self._latency(size, peer.name, peer.open, counts, peer.gap_ns)
            with ExitStack() as stack:
                link = _closing(stack, peer.open(size))
                self._keep(
                    size, peer.name, per_s=rate(link, bytes(size), max(100, int(peer.records * share)), self.cores)
                )
        except Exception as error:  # noqa: BLE001 - a peer that fails becomes a row with its error
            self.missing[peer.name] = f"failed: {str(error).strip().splitlines()[-1]}"


def _closing(stack: ExitStack, link: Link) -> Link:
    stack.callback(link.close)
    return link


def _named(prefix: str, latency: Latency) -> dict[str, float]:
    return {f"{prefix}_p50_ns": latency.p50, f"{prefix}_p99_ns": latency.p99, f"{prefix}_p999_ns": latency.p999}


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--quick", action="store_true", help="one tiny round: does it run, not how fast it is")
    parser.add_argument("--rounds", type=int, help="how many rounds instead of the usual")
    options = parser.parse_args(arguments)
    effort = QUICK if options.quick else FULL
    cores = machine.pair()
    with compiled(cores) as limit:
        bench = Bench(effort, cores, limit)
        for number in range(options.rounds or effort.rounds):
            print(f"round {number + 1} of {options.rounds or effort.rounds}", file=sys.stderr, flush=True)
            bench.round()
    found = report.summary(bench.samples, bench.missing, machine.describe() | {"pinned": cores})
    print(json.dumps(found, indent=2) if options.json else report.table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
