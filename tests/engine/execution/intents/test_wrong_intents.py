"""Intents with any numbers in them, through the real step: each ends in a verdict, and execution lives on."""

import random
import struct
from pathlib import Path

import pytest

from engine.execution.orders import codec
from engine.model.words import BUY, SELL, BookState, IntentKind, OrderState, OrderType, Reason, TimeInForce
from tests.engine.execution.memory import CHASE, MS, OTHER, SECOND, STRATEGY, House

INT64_MAX, UINT64_MAX, UINT32_MAX = 2**63 - 1, 2**64 - 1, 2**32 - 1
SIGNED = (-INT64_MAX - 1, -INT64_MAX, -(2**62), -(2**32), -SECOND, -1, 0, 1, 2**31, 2**62, INT64_MAX - 1, INT64_MAX)
UNSIGNED = (0, 1, 2**31, 2**32, 2**40, 2**63 - 1, 2**63, UINT64_MAX)
WORDS = (0, 1, 2, 3, 2**31, UINT32_MAX)
EDGES: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(
        ("now_ns", "ttl_ns", "tick_sequence", "receive_ns", "price", "size", "timeout_ns"), SIGNED
    ),
    "target_id": UNSIGNED,
    **dict.fromkeys(("strategy", "instrument"), WORDS),
    **dict.fromkeys(("algorithm", "flags"), (0, 1, 2, 20, 25, 2**15, 2**16 - 1)),
    **dict.fromkeys(("kind", "order_type", "time_in_force"), (0, 5, 127, 128, 255)),
    "side": (-128, -2, 0, 2, 127),
    "signal": (float("nan"), float("inf"), -float("inf")),
}  # fmt: skip
STOP, BRACKET = 20, 25  # numbers of algorithms
SHAPES = (
    {"kind": IntentKind.PLACE, "order_type": OrderType.LIMIT},
    {"kind": IntentKind.PLACE, "order_type": OrderType.MARKET},
    {"kind": IntentKind.PLACE, "algorithm": CHASE},
    {"kind": IntentKind.PLACE, "algorithm": STOP, "parameters": (5_000_000, 0, 0, 0)},
    {"kind": IntentKind.PLACE, "algorithm": BRACKET, "parameters": (6_000_000, 5_000_000, 0, 0)},
    {"kind": IntentKind.REPLACE, "order_type": OrderType.LIMIT},
    {"kind": IntentKind.CANCEL},
    {"kind": IntentKind.CANCEL_ALL},
)
SHARE, WHOLE, BATCH = 4_000, 520_000, 500
SOAK = pytest.mark.soak


class Writer:
    """Writes intents of one strategy as bytes into its lane, whatever they hold."""

    def __init__(self, directory: Path) -> None:
        """A house that trades, with an open order that may be replaced and cancelled."""
        self.house = House(directory, strategies=(STRATEGY, OTHER), limits={"max_order_rate_per_min": 10**6})
        self.house.ready()
        self.sound = codec.INTENT.record.row(
            0, 0, 0, SECOND, 0, 0, 5_999_000, 1_000, 0, STRATEGY, 1, IntentKind.PLACE, BUY, OrderType.LIMIT,
            TimeInForce.GTC, 0, 0, 0.0, (0, 0, 0, 0),
        )  # fmt: skip

    def write(self, **fields: float) -> int:
        """One intent with these fields and sound ones beside them; its id."""
        house = self.house
        house.counts[STRATEGY] += 1
        intent_id = STRATEGY << 40 | house.counts[STRATEGY]
        usual = {"intent_id": intent_id, "target_id": intent_id - 1, "now_ns": house.now_ns}
        house.intents[STRATEGY].publish_bytes(codec.INTENT.pack_row(self.sound._replace(**(usual | fields))))
        return intent_id

    def judged(self, intents: list[int]) -> None:
        """Every one of these has at least one verdict."""
        reported = {row.intent_id for row in self.house.rings["verdicts"].rows}
        assert not set(intents) - reported
        assert all(abs(row.value) <= INT64_MAX for row in self.house.rings["verdicts"].rows)

    def trades_on(self) -> None:
        """A sound order of each strategy is placed: the wrong ones stopped neither."""
        house = self.house
        house.settle(10)
        house.book()
        house.run(3)
        mine = self.write()
        house.run(3)
        other = house.intent(strategy=OTHER)
        house.run(3)
        for intent in (mine, other):
            assert house.verdict(intent) == Reason.APPROVED
            assert house.role.blotter.newest[intent].state == OrderState.OPEN


def test_every_edge_of_every_field_ends_in_a_verdict(tmp_path: Path) -> None:
    """One strategy's wrong number must not stop execution, and with it everybody."""
    writer, intents = Writer(tmp_path), []
    for field, edges in EDGES.items():
        for edge in edges:
            for shape in SHAPES:
                intents.append(writer.write(**(shape | {field: edge})))
                writer.house.run()
    assert len(intents) >= 366
    writer.judged(intents)
    writer.trades_on()


def test_a_foreign_or_used_intent_id_ends_in_a_verdict(tmp_path: Path) -> None:
    """The id comes from a strategy's memory or from a damaged lane, and may be any number."""
    writer = Writer(tmp_path)
    ids = [*UNSIGNED, OTHER << 40 | 1, STRATEGY << 40, (STRATEGY << 40) + 1]
    for intent_id in ids:
        writer.write(intent_id=intent_id)
        writer.house.run()
    writer.judged(ids)
    writer.trades_on()


@pytest.mark.parametrize("count", [SHARE, pytest.param(WHOLE, marks=[SOAK, pytest.mark.timeout(3600)])])
def test_intents_of_chance_end_in_verdicts(tmp_path: Path, count: int) -> None:
    """Many wrong numbers at once, over books and sessions that change, lead where no table of edges leads."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    random_, writer = random.Random(seed), Writer(tmp_path)
    for _ in range(count // BATCH):
        intents = []
        for _ in range(BATCH):
            intents.append(writer.write(**chance(random_, writer.house.now_ns)))
            if random_.random() < 0.1:
                writer.house.run()
        writer.house.run(3, random_.choice((MS, 30 * MS)))
        writer.judged(intents)
        writer.house.book(state=random_.choice((BookState.GOOD,) * 8 + (BookState.SUSPECT,)))
        del writer.house.rings["verdicts"].rows[:-BATCH], writer.house.venue.outgoing[:]
    writer.trades_on()


def chance(random_: random.Random, now_ns: int) -> dict[str, float]:
    """Fields of an intent: half of them sound, half at an edge or drawn from all that fit."""
    fields: dict[str, float] = dict(random_.choice(SHAPES))
    if random_.random() < 0.3:
        fields |= {"now_ns": now_ns, "side": random_.choice((BUY, SELL)), "price": random_.choice((0, 5_999_000))}
    for field, edges in EDGES.items():
        if field not in fields and random_.random() < 0.15:
            fields[field] = random_.choice(edges) if random_.random() < 0.7 else drawn(random_, field)
    return fields


def drawn(random_: random.Random, field: str) -> float:
    """Any number that the field holds."""
    code = codec.INTENT.record.types[field]
    letter = {"i8": "q", "u8": "Q", "u4": "I", "u2": "H", "u1": "B", "i1": "b", "f8": "d"}[code]
    return float(0) + struct.unpack(letter, random_.randbytes(int(code[1])))[0] if code == "f8" else struct.unpack(
        letter, random_.randbytes(int(code[1]))
    )[0]  # fmt: skip


def test_an_intent_from_the_future_is_refused_and_a_little_ahead_is_not(tmp_path: Path) -> None:
    """It would never be too old; a long step of execution reads intents that were decided after it began."""
    writer = Writer(tmp_path)
    ahead = writer.write(now_ns=writer.house.now_ns + 10 * MS)
    far = writer.write(now_ns=writer.house.now_ns + SECOND)
    expired = writer.write(ttl_ns=-1)
    writer.house.run()
    reasons = [writer.house.verdict(one) for one in (ahead, far, expired)]
    assert reasons == [Reason.APPROVED, Reason.INTENT_FROM_FUTURE, Reason.INTENT_TOO_OLD]


@pytest.mark.parametrize("top", [(6_000_100, 6_000_000), (6_000_000, 6_000_000)])
def test_a_crossed_or_locked_top_that_is_called_good_refuses(tmp_path: Path, top: tuple[int, int]) -> None:
    """In one venue's book such prices would have traded: the book is wrong, also if its state is GOOD."""
    writer = Writer(tmp_path)
    writer.house.book(*top)
    writer.house.run()
    refused = writer.write()
    writer.house.run()
    row = next(row for row in writer.house.rings["verdicts"].rows if row.intent_id == refused)
    assert (row.reason, row.value, row.limit) == (Reason.BOOK_NOT_GOOD, BookState.CROSSED, BookState.GOOD)
