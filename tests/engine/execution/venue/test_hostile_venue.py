"""Frames spoilt in their structure, through the real session and broker: none ends execution.

The frames spoilt are those that a session really received: answers to every request, reports, fills, errors. After
each one execution steps on; every life goes through resumes, restarts and reconnects, and in the end the venue speaks
sense again and the positions are the venue's, or the instrument is halted by name.
"""

import json
import logging
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.model.words import INSTRUMENT_REASONS, SELL, AlarmReason, CommandKind, IntentKind
from engine.venues.binance.trading.reader import BinanceTrading
from engine.venues.trading.news import UnreadableError
from tests.engine.execution.memory import MS, House
from tests.engine.execution.venue.test_alarm import alarms
from tests.engine.execution.venue_double import RefusedError
from tests.engine.venues.mutations import MUTATIONS, TRADING
from tests.mutate_frames import mutate

READERS = ("read", "read_order", "read_orders", "read_fills", "read_time", "read_balances")
BURST = 20  # spoilt frames a step


@pytest.fixture
def seed() -> int:
    """A seed of its own for each run; printed, and set by STEELYARD_SEED to have a run again."""
    chosen = int(os.environ.get("STEELYARD_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    print(f"STEELYARD_SEED={chosen}")  # noqa: T201
    return chosen


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A system that may trade, and whose log is not kept."""
    house = House(tmp_path, balance_interval_ns=2_000 * MS)
    house.ready()
    logging.disable(logging.ERROR)
    yield house
    logging.disable(logging.NOTSET)


def received(house: House) -> list[bytes]:
    """Frames of every kind that the venue sends, each as it was sent."""
    frames: list[bytes] = []
    connect = house.venue.connect

    def listening(now_ns: int) -> Any:
        port = connect(now_ns)
        poll = port.poll

        def listen(now_ns: int) -> list[bytes]:
            found: list[bytes] = poll(now_ns)
            frames.extend(found)
            return found

        port.poll = listen
        return port

    house.venue.connect = house.role.session._connect = listening
    house.venue.cut()
    house.ready()
    order, other = house.place(), house.place(size=800)
    house.venue.fill(order.client_id.hex(), 400)
    house.venue.fill(house.venue.foreign().client_id, 100)
    house.intent(kind=IntentKind.REPLACE, target_id=other.intent_id, size=900)
    house.run(5)
    house.cancel(order.intent_id)
    house.venue.fault("order.place", "unknown_not", "busy")
    house.intent()
    house.intent()
    house.settle(40)
    house.venue.connect = house.role.session._connect = connect
    return list(frames)


def refuse_some(house: House, draw: random.Random) -> None:
    """The venue rejects one order in eight."""
    place = house.venue.do_order_place

    def placing(*call: Any) -> Any:
        if draw.random() < 0.125:
            raise RefusedError(-2010, "Account has insufficient balance for requested action.")
        return place(*call)

    house.venue.do_order_place = placing


def answer_again(frames: list[bytes], house: House, draw: random.Random) -> bytes:
    """A frame of the past, as an answer to a request that waits, or as news of an order that lives."""
    frame = draw.choice(frames)
    waiting, orders = list(house.role.session._requests), list(house.role.blotter.live.values())
    whole = json.loads(frame)
    if "event" in whole and orders:
        order = draw.choice(orders)
        whole["event"] |= {"c": order.client_id.hex(), "C": "", "i": int(order.venue_order_id or 0)}
    elif waiting:
        whole["id"] = draw.choice(waiting)
    return json.dumps(whole).encode()


def test_no_frame_ends_execution_and_its_successors_live_too(house: House, seed: int) -> None:
    """A frame that ends the process ends it again when it is sent again, with orders at the venue."""
    draw, frames = random.Random(seed), received(house)
    refuse_some(house, draw)
    for turn in range(max(200, TRADING // BURST)):
        house.book()
        if turn % 3 == 0:
            house.intent(side=draw.choice((1, SELL)), price=draw.choice((5_999_000, 6_001_000)))
        for port in house.venue.ports[-1:]:
            spoilt = (mutate(draw, answer_again(frames, house, draw), tuple(frames)) for _ in range(BURST))
            port.inbox.extend((0, frame) for frame in spoilt)
        house.run(1, 20 * MS)
        if turn % 25 == 0:
            house.command(CommandKind.RESUME)
        if turn % 100 == 50:
            house.restart()
    assert AlarmReason.UNREADABLE in alarms(house)
    check_end(house)


def check_end(house: House) -> None:
    """The venue is correct again: trades are applied as reported, and an instrument that differs is halted by name."""
    house.restart()
    house.settle(60)
    for instrument, position in house.role.ledger.account.items():
        true = house.venue.holding(house.mark, position.instrument.symbol)
        if position.size != true:
            raised = {one for one in alarms(house) if one in INSTRUMENT_REASONS or one == AlarmReason.FILL_DISPUTED}
            assert raised, (instrument, position.size, true)
    assert len(house.role.session._requests) < 64


def test_every_reader_answers_or_refuses_what_it_cannot_read(house: House, seed: int) -> None:
    """The one border: nothing but a typed value within range, or UnreadableError, leaves a reader."""
    draw, frames = random.Random(seed), received(house)
    wire: Any = house.role.session._wire
    assert isinstance(wire, BinanceTrading)
    bodies = [json.dumps(whole["result"]).encode() for frame in frames if "result" in (whole := json.loads(frame))]
    read = refused = 0
    for _ in range(MUTATIONS):
        name = draw.choice(READERS)
        whole = tuple(frames if name == "read" else bodies)
        error = failure(getattr(wire, name), mutate(draw, draw.choice(whole), whole))
        read, refused = read + (error is None), refused + (error is not None)
        assert error is None or (len(error.why) < 400 and len(error.text) <= 500)
    assert min(read, refused) > MUTATIONS // 20


def failure(read: Callable[[bytes], object], frame: bytes) -> UnreadableError | None:
    """How a reader refuses a frame, if it does."""
    try:
        read(frame)
    except UnreadableError as error:
        return error
    return None
