"""Shared memory at work: one writer, three readers, kills and stops.

    writer ──ring──▶ keen      spins, measures the latency of each record
                ├──▶ sleeper   waits on the futex
                └──▶ laggard   is stopped for a while, is lapped, and learns exactly how many records it lost

The writer is killed with SIGKILL every few seconds; the next writer continues at the cursor with a new epoch. Every
record carries a check of its own sequence, so a torn, doubled or silently lost record is counted and shown.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table

import shm

EVENT = shm.Record("demo_event", 64, {"sequence": "u8", "sent_ns": "i8", "check": "u8", "spare": "5u8"})
GAUGE = shm.Record(
    "demo_gauge", 64,
    {"records": "u8", "lost": "u8", "laps": "u8", "wrong": "u8", "p50_ns": "u8", "p99_ns": "u8", "epoch": "u8",
     "now_ns": "i8"},
)  # fmt: skip
CAPACITY, RESERVE = 1 << 14, 64
MIX = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1
READERS = ("keen", "sleeper", "laggard")
WINDOW = 4096
KILL_EVERY_NS, STALL_EVERY_NS, STALL_NS = 3_000_000_000, 4_000_000_000, 1_000_000_000
BURST, REST_NS = 32, 400_000
SPIN_NS = 100_000_000


def lane(system: str, name: str) -> str:
    """The full name of a lane of this demo."""
    return f"{system}.{name}"


def write(system: str) -> None:
    """Publish bursts until this process is killed."""
    writer = shm.RingWriter(lane(system, "events"), EVENT)
    publish, now = writer.publish, time.monotonic_ns
    spare = (0,) * 5
    due = now()
    while True:
        time.sleep(max(due - now(), 0) / 1e9)
        due = max(due, now() - REST_NS) + REST_NS
        for sequence in range(writer.cursor, writer.cursor + BURST):
            publish(sequence, now(), sequence * MIX & MASK, spare)


def read(system: str, name: str) -> None:
    """Read and check every record until this process is killed; write the figures to a cell."""
    reader = shm.RingReader(lane(system, "events"), EVENT)
    gauge = shm.CellWriter(lane(system, name), GAUGE)
    spin_ns = SPIN_NS if name == "keen" else 0
    records = lost = laps = wrong = 0
    expected, ways = reader.cursor, [0] * WINDOW
    shown_ns = 0
    while True:
        row = reader.read()
        if row is None:
            reader.wait(SPIN_NS, spin_ns)
        elif isinstance(row, shm.Lapped):
            lost, laps, expected = lost + row.lost, laps + 1, row.after
        else:
            ways[records % WINDOW] = time.monotonic_ns() - row.sent_ns
            wrong += row.sequence != expected or row.check != row.sequence * MIX & MASK
            records, expected = records + 1, expected + 1
        if (now_ns := time.monotonic_ns()) - shown_ns > SPIN_NS:
            sample, shown_ns = sorted(ways[: min(records, WINDOW)] or [0]), now_ns
            p50, p99 = sample[len(sample) // 2], sample[len(sample) * 99 // 100]
            gauge.write(0, records, lost, laps, wrong, p50, p99, reader.epoch, now_ns)


@dataclass
class Floor:
    """The demo's main process: it starts, kills and stops the others, and draws the table."""

    system: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kills: int = 0
    stalls: int = 0
    before: dict[str, tuple[int, int]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start the writer or a reader as a process of its own."""
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", "engine.demo.floor", "--system", self.system, name]
        )

    def up(self) -> None:
        """Create the segments and start every process."""
        shm.create(lane(self.system, "events"), EVENT, capacity=CAPACITY, reserve=RESERVE, wake="idle_edge")
        for name in READERS:
            shm.create(lane(self.system, name), GAUGE, "cells")
            self.start(name)
        self.start("writer")

    def down(self) -> None:
        """Kill every process and remove the segments."""
        for process in self.processes.values():
            process.kill()
            process.wait()
        for name in shm.names(self.system):
            shm.remove(name)

    def kill_writer(self) -> None:
        """Kill the writer while it publishes, and start the next one."""
        self.processes["writer"].kill()
        self.processes["writer"].wait()
        self.kills += 1
        self.start("writer")

    def stall(self, *, on: bool) -> None:
        """Stop the laggard, or continue it."""
        self.processes["laggard"].send_signal(signal.SIGSTOP if on else signal.SIGCONT)
        self.stalls += on

    def table(self, cells: dict[str, shm.CellReader], ring: shm.RingReader) -> Table:
        """The table of the live view."""
        title = f"ring {ring.header.capacity} x {EVENT.size} B · epoch {ring.epoch} · cursor {ring.end:,}"
        caption = f"writer killed {self.kills} times, laggard stopped {self.stalls} times · Ctrl-C ends"
        columns = ("reader", "records/s", "p50 µs", "p99 µs", "lapped", "lost", "torn or doubled")
        table = Table(*columns, title=title, caption=caption)
        for name, cell in cells.items():
            if (row := cell.read()) is not None:
                count, at = self.before.get(name, (row.records, row.now_ns - 1))
                rate = (row.records - count) * 1e9 / max(row.now_ns - at, 1)
                self.before[name] = (row.records, row.now_ns) if row.now_ns - at > SPIN_NS * 5 else (count, at)
                table.add_row(
                    name, f"{rate:,.0f}", f"{row.p50_ns / 1e3:.1f}", f"{row.p99_ns / 1e3:.1f}", str(row.laps),
                    f"{row.lost:,}", f"[{'red' if row.wrong else 'green'}]{row.wrong}",
                )  # fmt: skip
        return table


def run(duration_s: float | None) -> int:
    """Run the demo for a time or until Ctrl-C; exit code 1 if a record was wrong."""
    floor = Floor(f"floor{os.getpid()}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    floor.up()
    cells = {name: shm.CellReader(lane(floor.system, name)) for name in READERS}
    ring = shm.RingReader(lane(floor.system, "events"))
    start_ns = kill_ns = stall_ns = time.monotonic_ns()
    stalled = False
    try:
        with Live(console=Console(), auto_refresh=False) as live:
            while duration_s is None or time.monotonic_ns() - start_ns < duration_s * 1e9:
                now_ns = time.monotonic_ns()
                if now_ns - kill_ns > KILL_EVERY_NS:
                    floor.kill_writer()
                    kill_ns = now_ns
                if now_ns - stall_ns > (STALL_NS if stalled else STALL_EVERY_NS):
                    stalled = not stalled
                    floor.stall(on=stalled)
                    stall_ns = now_ns
                live.update(floor.table(cells, ring), refresh=True)
                time.sleep(0.25)
    except KeyboardInterrupt:
        pass
    finally:
        rows = [row for cell in cells.values() if (row := cell.read()) is not None]
        floor.down()
    wrong = sum(row.wrong for row in rows)
    records, lost = sum(row.records for row in rows), sum(row.lost for row in rows)
    print(f"{records:,} records read through {floor.kills} kills of the writer,")  # noqa: T201 - the result of the demo
    print(f"{lost:,} lost and reported by lapped readers, {wrong} torn or doubled")  # noqa: T201
    return int(wrong > 0 or len(rows) < len(READERS))


def main(argv: list[str] | None = None) -> int:
    """Run the demo, or one of the processes that it starts."""
    parser = argparse.ArgumentParser(prog="python -m engine.demo.floor", description=__doc__)
    parser.add_argument("--duration", type=float, help="seconds; default: until Ctrl-C")
    parser.add_argument("--system", help=argparse.SUPPRESS)
    parser.add_argument("part", nargs="?", choices=("writer", *READERS), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.part is None:
        return run(options.duration)
    if options.part == "writer":
        write(options.system)
    else:
        read(options.system, options.part)
    return 0


if __name__ == "__main__":
    sys.exit(main())
