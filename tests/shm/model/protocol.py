"""The ring, the lossless ring and the wake of RING.md as programs for the explorer.

Each builder accepts `broken`, the name of one planted mutation (empty: the protocol itself):

    broadcast  no_writer_fence · no_reader_fence · relaxed_publish · relaxed_cursor · no_recheck
    lossless   capacity_off_by_one · ack_before_read · relaxed_ack_load · relaxed_publish · relaxed_cursor
    wake       clock_before_only · reader_waits_half · reader_clock_before_load · no_compare · no_wake
               no_wake_at_takeover

The slack is a mutation of the shape (reserve 0) and so is a batch larger than the reserve.
A word of a record holds its sequence and the life of its writer, so that a half-written record of a dead writer
differs from its successor's, and a cursor holds the life that published: the ghost against which a read is judged.
"""

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

from tests.shm.model.memory import (
    Check,
    Clock,
    Fence,
    Jump,
    Load,
    Message,
    Program,
    Set,
    Sleep,
    State,
    Store,
    Wake,
)

CURSOR, ACK, DATA = 0, 1, 2
LIVES = 10
History = tuple[tuple[Message, ...], ...]
Writer = namedtuple("Writer", "life c a", defaults=(0, 0, 0))  # noqa: PYI024 - the explorer sets fields by name
Reader = namedtuple("Reader", "life c r n w0 w1 w2 w3 c2 skip", defaults=(0,) * 10)  # noqa: PYI024
Ringer = namedtuple("Ringer", "c before after last idle", defaults=(0, -1, 0, -1, 0))  # noqa: PYI024
Sleeper = namedtuple("Sleeper", "c seen since now", defaults=(0, -1, -1, -1))  # noqa: PYI024


@dataclass(frozen=True)
class Shape:
    """A ring: how many records it holds, how many a writer may have in hand, and how many are published in all."""

    capacity: int
    reserve: int
    total: int
    batch: int = 1

    @property
    def safe(self) -> int:
        """How far before the cursor a record may be so that the writer is not overwriting it."""
        return self.capacity - self.reserve

    @property
    def memory(self) -> list[int]:
        """The first value of each location: cursor, acknowledgement, two words a slot that no record has."""
        return [0, 0] + [-1] * (2 * self.capacity)

    def word(self, sequence: int, part: int) -> int:
        """Return the location of one word of a record."""
        return DATA + 2 * (sequence % self.capacity) + part


def stamp(sequence: int, life: int) -> int:
    """Return the value that names a sequence and its writer."""
    return sequence * LIVES + life


def write_records(shape: Shape) -> list[Store]:
    """Fill the batch after the cursor, word after word."""
    return [
        Store(
            lambda r, j=j, part=part: shape.word(r.c + j, part),  # type: ignore[misc]
            lambda r, j=j: stamp(r.c + j, r.life),  # type: ignore[misc]
            "relaxed",
        )
        for j in range(shape.batch)
        for part in (0, 1)
    ]


def take_over(r: Any) -> Any:
    """Begin the successor's life: it remembers only that one died."""
    return type(r)(life=r.life + 1)


def ring_writer(shape: Shape, broken: str = "") -> Program:
    """One writer of a broadcast ring, going on at the cursor it finds."""
    code: list[Any] = [
        Load("c", lambda _: CURSOR, "relaxed"),
        Set(lambda r: r._replace(c=r.c // LIVES)),
        "publish",
        Jump("end", lambda r: r.c >= shape.total),
        *([] if broken == "no_writer_fence" else [Fence("release")]),
        *write_records(shape),
        publish(shape, broken),
        Set(lambda r: r._replace(c=r.c + shape.batch)),
        Jump("publish"),
        "end",
    ]
    return Program("writer", code, Writer(), take_over)


def publish(shape: Shape, broken: str) -> Store:
    """Move the cursor over the batch."""
    order = "relaxed" if broken == "relaxed_publish" else "release"
    return Store(lambda _: CURSOR, lambda r: stamp(r.c + shape.batch, r.life), order)


def ring_reader(shape: Shape, broken: str = "", view: int = 1, *, newest_only: bool = False) -> Program:
    """Read views of up to `view` records until the last one, judging each record that is accepted.

    With `newest_only` it reads as a cell is read: the slot before the cursor, and again if that was overwritten.
    """
    code: list[Any] = [
        "look",
        Load("c", lambda _: CURSOR, "relaxed" if broken == "relaxed_cursor" else "acquire"),
        Set(lambda r: r._replace(c=r.c // LIVES)),
        Jump("look", lambda r: r.c == r.r),
        *([Set(lambda r: r._replace(r=r.c - 1))] if newest_only else lose(shape)),
        Set(lambda r: r._replace(n=min(view, r.c - r.r))),
        *read_words(shape, view),
        *([] if broken == "no_reader_fence" else [Fence("acquire")]),
        Load("c2", lambda _: CURSOR, "relaxed"),
        Set(lambda r: r._replace(skip=min(r.n, max(0, r.c2 // LIVES - shape.safe - r.r)))),
        *([Set(lambda r: r._replace(skip=0))] if broken == "no_recheck" else []),
        *accept(view),
        Set(lambda r: Reader(r=r.r + r.n)),
        Jump("look", lambda r: r.r < shape.total),
    ]
    return Program("reader", code, Reader())


def lose(shape: Shape) -> list[Any]:
    """Report the records that lie outside the safe part, and go on from the oldest safe one."""
    return [
        Set(lambda r: r._replace(skip=max(0, r.c - shape.safe - r.r))),
        Check(
            lambda r, m: r.skip == 0 or r.r + r.skip <= newest(m) - shape.safe,
            "reported a loss of records that no writer touched",
        ),
        Set(lambda r: r._replace(r=r.r + r.skip)),
    ]


def read_words(shape: Shape, view: int) -> list[Any]:
    """Copy the words of a view; the copy of a record that is not there is jumped over."""
    code: list[Any] = []
    for k in range(view):
        code.append(Jump("read", lambda r, k=k: r.n <= k))  # type: ignore[misc]
        code.extend(
            Load(f"w{2 * k + part}", lambda r, k=k, part=part: shape.word(r.r + k, part), "relaxed")  # type: ignore[misc]
            for part in (0, 1)
        )
    return [*code, "read"]


def accept(view: int) -> list[Any]:
    """Judge the good suffix: each record whole, and the one that was published under its sequence."""
    return [
        Check(
            lambda r, m, k=k: not r.skip <= k < r.n or r[4 + 2 * k] == r[5 + 2 * k] == published(m, r.r + k),  # type: ignore[misc]
            f"accepted a torn or wrong record ({k})",
        )
        for k in range(view)
    ]


def newest(memory: History) -> int:
    """Return the true cursor."""
    return memory[CURSOR][-1].value // LIVES


def published(memory: History, sequence: int) -> int:
    """Return the words of the record that was truly published under a sequence."""
    for message in memory[CURSOR]:
        if message.value // LIVES > sequence:
            return stamp(sequence, message.value % LIVES)
    return -2


def lossless_producer(shape: Shape, broken: str = "") -> Program:
    """A writer that is refused, and here tries again, while its consumer is a full lane late."""
    spare = 1 if broken == "capacity_off_by_one" else 0
    code: list[Any] = [
        Load("c", lambda _: CURSOR, "relaxed"),
        Set(lambda r: r._replace(c=r.c // LIVES)),
        "publish",
        Jump("end", lambda r: r.c >= shape.total),
        "full",
        Load("a", lambda _: ACK, "relaxed" if broken == "relaxed_ack_load" else "acquire"),
        Jump("full", lambda r: r.c + shape.batch - r.a > shape.safe + spare),
        *([] if broken == "no_writer_fence" else [Fence("release")]),
        *write_records(shape),
        publish(shape, broken),
        Set(lambda r: r._replace(c=r.c + shape.batch, a=0)),
        Jump("publish"),
        "end",
    ]
    return Program("producer", code, Writer(), take_over)


def lossless_consumer(shape: Shape, broken: str = "") -> Program:
    """The one consumer: read as any reader does, then acknowledge. `skip` is the ghost of what it has read."""
    read = [
        Check(lambda r, _: r.r <= r.skip, "lost a record"),
        Check(lambda r, _: r.c - r.r <= shape.safe, "lost a record (lapped)"),
        Load("w0", lambda r: shape.word(r.r, 0), "relaxed"),
        Load("w1", lambda r: shape.word(r.r, 1), "relaxed"),
        Check(lambda r, m: r.w0 == r.w1 == published(m, r.r), "accepted a torn or wrong record"),
    ]
    acknowledge = Store(lambda _: ACK, lambda r: r.r + 1, "release")
    code: list[Any] = [
        Load("r", lambda _: ACK, "relaxed"),
        "look",
        Jump("end", lambda r: r.r >= shape.total),
        "empty",
        Load("c", lambda _: CURSOR, "relaxed" if broken == "relaxed_cursor" else "acquire"),
        Set(lambda r: r._replace(c=r.c // LIVES)),
        Jump("empty", lambda r: r.c == r.r),
        *([acknowledge, *read] if broken == "ack_before_read" else [*read, acknowledge]),
        Set(lambda r: Reader(life=r.life, r=r.r + 1, skip=max(r.skip, r.r + 1))),
        Jump("look"),
        "end",
    ]
    return Program("consumer", code, Reader(), lambda r: Reader(life=r.life + 1, skip=r.skip))


LIMIT_TICKS = 2


def ringer(total: int, broken: str = "") -> Program:
    """A writer that wakes on the idle edge: only when its last store began more than T before this one ended.

    `last` is the age of the clock read before the last store; `idle` is that age when the deciding clock is read.
    """
    decide = Set(lambda r: r._replace(idle=int(not 0 <= r.last <= LIMIT_TICKS)))
    early = broken == "clock_before_only"
    code: list[Any] = [
        *([] if broken in {"no_wake_at_takeover", "no_wake"} else [Wake()]),
        Load("c", lambda _: CURSOR, "relaxed"),
        "publish",
        Jump("end", lambda r: r.c >= total),
        Clock("before"),
        *([decide] if early else []),
        Store(lambda _: CURSOR, lambda r: r.c + 1, "release"),
        Clock("after"),
        *([] if early else [decide]),
        Set(lambda r: r._replace(c=r.c + 1, after=0)),
        Jump("busy", lambda r: not r.idle),
        *([] if broken == "no_wake" else [Wake()]),
        "busy",
        Set(lambda r: r._replace(last=r.before, before=-1, idle=0)),
        Jump("publish"),
        "end",
    ]
    return Program("ringer", code, Ringer(), lambda _: Ringer(), {"before": LIMIT_TICKS + 1, "last": LIMIT_TICKS + 1})


def sleeper(total: int, broken: str = "") -> Program:
    """A reader that sleeps once it has seen the cursor still for 2T; `since` is read after the cursor was seen."""
    patience = LIMIT_TICKS if broken == "reader_waits_half" else 2 * LIMIT_TICKS
    early = broken == "reader_clock_before_load"
    code: list[Any] = [
        "look",
        *([Clock("now")] if early else []),
        Load("c", lambda _: CURSOR, "acquire"),
        Jump("end", lambda r: r.c >= total),
        Jump("still", lambda r: r.c == r.seen),
        Set(lambda r: r._replace(seen=r.c, since=r.now)) if early else Clock("since"),
        Set(lambda r: r._replace(seen=r.c)),
        "still",
        Clock("now"),
        Set(lambda r: r._replace(now=-1)),
        Jump("look", lambda r: r.since < patience),
        Set(lambda r: r._replace(since=-1)),
        Sleep(CURSOR, lambda r: r.seen, compares=broken != "no_compare"),
        Clock("since"),
        Jump("look"),
        "end",
    ]
    return Program("sleeper", code, Sleeper(), None, {"since": patience, "now": patience})


def stranded(state: State) -> str | None:
    """A reader sleeps, the cursor has moved, and no writer is left that could still wake it."""
    *others, last = state.threads
    if not last.asleep or any(t.at < len(t.program.code) for t in others):
        return None
    cursor, seen = state.memory[CURSOR][-1].value, last.registers.seen
    return f"asleep at {seen} while the cursor is at {cursor}" if cursor != seen else None
