"""The measured process of `bench.path`: roles as the runtime builds them, with a clock at every border of the way.

    received   when the socket's bytes were read: `receive_ns` of the tick, which its intent carries
    parse      when the decoded event begins to be published: `publish_ns` of the tick
    book       when the feed's step ends: book changed, ticks and top published
    strategy   when the strategy's step ends: intent published, STEPS written
    risk       when the gate has approved and the journal's bytes are made, just before they are kept
    submit     when the order's bytes are handed to the kernel: journalled, made, masked; send(2) is about to be entered
    kernel     when send(2) has returned

An order is one row of `Row`: it is found by its intent in the journal's batch, so that orders which share a round, and
orders that leave in a later round than their tick, are rows too. The rows are written to a file at the end.
"""

import array
import importlib
import json
import os
import resource
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from bench.memory import Memory, read_memory
from engine import garbage
from engine.model import records
from engine.model.words import JournalKind, Reason
from engine.runtime import IDLE_ROUNDS

INTENT = JournalKind.INTENT.value
KIND_AT, PAYLOAD_AT = 16, 24  # in a journal record
TICK_OF_INTENT = struct.Struct("<Q24xqq")  # intent_id, tick_sequence, receive_ns
TICK_TIMES = struct.Struct("<qq")  # receive_ns, publish_ns, also in BOOKS
BOOKS_BACK = range(1, 9)  # the newest books, in which one is looked for
BATCH_SIZE = 3 * records.JOURNAL.size  # intent, verdict, order
ROUNDS_KEPT = 64
MS = 1_000_000
STALL_NS = MS  # a longer round is listed
LOOK_NS = 100 * MS  # how often the machine's counts and the verdicts are read, beside after each long round
PARTS = ("feed_ns", "strategy_ns", "execution_ns", "rest_ns")  # of a round; the rest has the warming and the rows
APPROVED = Reason.APPROVED.value
LAST_NS = 500 * MS  # after the end the last intents may still become orders
MEMORY_PARTS = 10  # of a run, after each of which the memory is read
OPEN_LIMIT_NS = 10_000 * MS
STEAL_FIELD = 8  # in a line of /proc/stat


class Row(NamedTuple):
    """One order: times in ns, 0 where a border is in another process."""

    received: int
    published: int
    fed: int
    decided: int
    judged: int
    handed: int
    sent: int
    intent: int


class Outside:
    """What the machine did to this process: involuntary switches, time stolen from its core, waits for the core.

    Stolen time has the grain of /proc/stat, 10 ms; `waited_ns` is exact.
    """

    def __init__(self, core: int) -> None:
        """Watch this core."""
        self._name, self._file = f"cpu{core} ".encode(), os.open("/proc/stat", os.O_RDONLY)
        self._waits = os.open("/proc/self/schedstat", os.O_RDONLY)
        self._last = self.read()

    def read(self) -> dict[str, int]:
        """The counts now."""
        line = next(one for one in os.pread(self._file, 1 << 16, 0).split(b"\n") if one.startswith(self._name))
        used, waited_ns = resource.getrusage(resource.RUSAGE_SELF), int(os.pread(self._waits, 128, 0).split()[1])
        return {
            "switches": used.ru_nivcsw, "steal": int(line.split()[STEAL_FIELD]), "waited_ns": waited_ns,
            "page_faults": used.ru_minflt + used.ru_majflt,
        }  # fmt: skip

    def grew(self) -> dict[str, int]:
        """By how much each grew since the last call."""
        before, self._last = self._last, self.read()
        return {name: count - before[name] for name, count in self._last.items()}


class Stamps:
    """The roles of one process, and the rows of its orders."""

    def __init__(self, config: Any, name: str) -> None:
        """Build the roles of this process; the last one is execution."""
        import shm
        from engine import clock, runtime

        process = config.process(name)
        self.now, self.rows, self.rounds = clock.now_ns, array.array("q"), 0
        self._found: list[tuple[int, int, int, int, int, int]] = []
        self._kept: list[tuple[int, int, int]] = []  # start, fed, decided of the last rounds with work
        self._intent, self._judged_ns, self._judged = (0, 0, 0), 0, False
        runtime.place(config, process)
        self.loop = runtime.start(config, process, process.roles)
        self.approval: Any = self.loop.roles[-1].gate  # type: ignore[attr-defined]
        self._stamp()
        self._ticks = shm.RingReader(config.lane("ticks", "feed"))
        self._books = shm.RingReader(config.lane("books", "feed"))
        self._intents = shm.RingReader(config.lane("intents", "prompt.execution"))
        self._verdicts = shm.RingReader(config.lane("verdicts", "execution"))
        self._outside = Outside(min(os.sched_getaffinity(0)))
        self.stalls: list[dict[str, int]] = []
        self.refused = 0

    def _stamp(self) -> None:
        """Put clocks around the journal's and the socket's part of an order's way."""
        journal: Any = self.loop.roles[-1].journal  # type: ignore[attr-defined]
        inlet: Any = importlib.import_module("engine.venues.wire.inlet")
        publish, transmit, now = journal._publish, inlet.transmit, self.now  # noqa: SLF001

        def stamped_publish(batch: bytes, now_ns: int) -> None:
            if len(batch) == BATCH_SIZE and batch[KIND_AT] == INTENT:
                self._judged_ns, self._judged = now(), True
                self._intent = TICK_OF_INTENT.unpack_from(batch, PAYLOAD_AT)
            publish(batch, now_ns)

        def stamped_transmit(descriptor: int, block: bytes) -> Any:
            if not self._judged:
                return transmit(descriptor, block)
            handed_ns = now()
            count = transmit(descriptor, block)
            self._judged = False
            self._found.append((*self._intent, self._judged_ns, handed_ns, now()))
            return count

        journal._publish, inlet.transmit = stamped_publish, stamped_transmit  # noqa: SLF001

    def run(self, seconds: float, warm_seconds: float) -> dict[str, Any]:
        """Rounds until the time is over, and until no intent waits; what was counted after `warm_seconds`."""
        garbage.exclude_built()
        self._await_open()
        self._warm_up(warm_seconds)
        intents, verdicts, ticks = self._intents.end, self._verdicts.end, self._ticks.end
        checks = self.approval.checks
        self._verdicts.cursor, self.refused = verdicts, 0
        memory = [self._memory()]
        end_ns = self.now() + int(seconds * 1e9)
        for part in range(MEMORY_PARTS, 0, -1):
            self._rounds(end_ns - (part - 1) * int(seconds * 1e9) // MEMORY_PARTS, feeds=True)
            memory.append(self._memory())
        submitted, judged = self._intents.end - intents, verdicts + self._intents.end - intents
        while self._verdicts.end < judged and self.now() < end_ns + LAST_NS:
            self._rounds(self.now() + MS, feeds=False)
        self._count_refused()
        return {
            "refused": self.refused, "left_out": submitted - len(self.rows) // len(Row._fields) - self.refused,
            "ticks": self._ticks.end - ticks, "round_ns": int(seconds * 1e9) // max(1, self.rounds),
            "stalls": self.stalls, "checks": self.approval.checks - checks, "memory": memory,
        }  # fmt: skip

    def _count_refused(self) -> None:
        """Count the refusals among the verdicts since the last call."""
        lost, verdicts = self._verdicts.copy()
        if lost:
            raise SystemExit(f"{lost} verdicts were overwritten before they were counted: nothing was measured")
        self.refused += int((verdicts["reason"] != APPROVED).sum())

    def _memory(self) -> Memory:
        """The process's own memory, without the rows."""
        return read_memory(len(self.rows) // len(Row._fields), len(self.rows) * self.rows.itemsize)

    def _await_open(self) -> None:
        """Rounds until the gate is open, which are not counted."""
        end_ns = self.now() + OPEN_LIMIT_NS
        while not (self.approval.connected and self.approval.reconciled):
            if self.now() > end_ns:
                raise SystemExit("the session at the venue did not come up: nothing was measured")
            self._rounds(self.now() + 50 * MS, feeds=True)

    def _warm_up(self, seconds: float) -> None:
        """Rounds that are not counted: the first intents may have been refused before."""
        self._rounds(self.now() + max(500 * MS, int(seconds * 1e9)), feeds=True)
        del self.rows[:]
        self.stalls, self.rounds = [], 0

    def _rounds(self, end_ns: int, *, feeds: bool) -> None:
        """Step the roles in turns; without `feeds` only execution, which ends what waits."""
        now, idle, idle_rounds, found, rows = self.now, self.loop.idle, 0, self._found, self.rows
        *before, execution = self.loop.roles if feeds else self.loop.roles[-1:]
        start_ns = fed_ns = decided_ns = ended_ns = look_ns = now()
        while (now_ns := now()) < end_ns:
            if now_ns - start_ns > STALL_NS or now_ns >= look_ns:
                self._look_outside((start_ns, fed_ns, decided_ns, ended_ns, now_ns))
                look_ns = now_ns + LOOK_NS
                now_ns = now()
            start_ns = fed_ns = decided_ns = now_ns
            self.rounds += 1
            work = 0
            if before:
                work = before[0].step(start_ns)
                fed_ns = now()
                work += before[1].step(start_ns)
                decided_ns = now()
            work += execution.step(start_ns)
            ended_ns = now()
            idle_rounds = 0 if work else idle_rounds + 1
            if idle_rounds > IDLE_ROUNDS:
                idle(idle_rounds - IDLE_ROUNDS)
            elif work and before:
                self._kept.append((start_ns, fed_ns, decided_ns))
                del self._kept[:-ROUNDS_KEPT]
            if found:
                for one in found:
                    rows.extend(self._row(*one))
                found.clear()

    def _row(
        self, intent: int, sequence: int, received_ns: int, judged_ns: int, handed_ns: int, sent_ns: int
    ) -> Row:  # fmt: skip
        """The row of an order; its round is the last one that began before its tick was read."""
        published_ns = fed_ns = decided_ns = 0
        for start_ns, fed, decided in reversed(self._kept):
            if start_ns <= received_ns:
                fed_ns, decided_ns, published_ns = fed, decided, self._published_ns(sequence, received_ns)
                break
        return Row(received_ns, published_ns, fed_ns, decided_ns, judged_ns, handed_ns, sent_ns, intent)

    def _published_ns(self, sequence: int, received_ns: int) -> int:
        """`publish_ns` of the tick before this cursor, or of the book that has no tick; 0: neither is of this time."""
        for lane, at in ((self._ticks, sequence - 1), *((self._books, self._books.end - back) for back in BOOKS_BACK)):
            lane.cursor = max(lane.oldest, at)
            record = lane.read_bytes()
            if isinstance(record, bytes) and (times := TICK_TIMES.unpack_from(record))[0] == received_ns:
                return int(times[1])
        return 0

    def _look_outside(self, times: tuple[int, int, int, int, int]) -> None:
        """Count refusals; note the last round if it was long: its parts, and what the machine did meanwhile."""
        self._count_refused()
        grown = self._outside.grew()
        if times[-1] - times[0] > STALL_NS:
            parts = dict(zip(PARTS, (after - before for before, after in pairwise(times)), strict=True))
            self.stalls.append({"at_ns": times[-1], "round_ns": times[-1] - times[0], **grown, **parts})


def run(config_path: str, name: str, seconds: float, warm_seconds: float, file: Path) -> None:
    """The engine's process: run, and write the rows to the file, and what was counted to `counts` beside it."""
    from engine.config import load

    stamps = Stamps(load(config_path), name)
    counts = stamps.run(seconds, warm_seconds)
    stamps.loop.close()
    file.write_bytes(stamps.rows.tobytes())
    file.with_name("counts").write_text(json.dumps(counts))
