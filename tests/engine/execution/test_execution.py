"""Execution against a venue in memory: what leaves, what comes back, and what follows."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from engine.execution.journal.journal import read_journal
from engine.execution.journal.journal_file import SIZE
from engine.lanes import lane_of
from engine.lanes.memory import MemoryRing
from engine.model import client_id
from engine.model.step import steps_of
from engine.model.words import (
    SELL,
    BookState,
    CommandKind,
    IntentKind,
    JournalKind,
    OrderState,
    OrderType,
    Reason,
    TimeInForce,
)
from tests.engine.execution.memory import BTC, MS, OTHER, SECOND, STRATEGY, SYSTEM, House, requests


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade."""
    house = House(tmp_path, strategies=(STRATEGY, OTHER))
    house.ready()
    return house


def test_an_intent_becomes_an_order_and_its_fill_a_position(house: House) -> None:
    """The whole path, once."""
    order = house.place(price=5_999_000, size=1000)
    assert order.state == OrderState.OPEN
    house.venue.fill(order.client_id.hex(), 400)
    house.run(3)
    assert (order.state, order.filled) == (OrderState.PARTLY_FILLED, 400)
    house.venue.fill(order.client_id.hex(), 600)
    house.run(3)
    assert order.state == OrderState.FILLED
    cell = house.cells["positions"].read(0)
    assert (cell.size, cell.open_buy, cell.fill_count) == (1000, 0, 2)
    assert [row.state for row in house.rings["orders"].rows] == [2, 4, 5, 7]
    house.check_truth()


def test_the_open_size_is_in_the_position_at_once_and_its_price_after_the_interval(house: House) -> None:
    """Each order changes the open size twice: a valuation each time would cost more than the order itself."""
    house.place(size=1000)
    house.book(bid=6_000_200, ask=6_000_300)
    house.place(size=500)
    cells = [house.cells["positions"].read(index) for index in (0, 2)]
    assert [cell.open_buy for cell in cells] == [1500, 1500]
    house.run(house.role.config.mark_interval_ns // MS)
    house.book(bid=6_000_200, ask=6_000_300)
    house.place(size=100)
    cell = house.cells["positions"].read(0)
    assert (cell.open_buy, cell.mark_price) == (1600, 6_000_250)
    house.command(CommandKind.CANCEL_ALL)
    house.run(6)
    assert house.cells["positions"].read(0).open_buy == 0


def test_the_order_leaves_in_the_step_that_reads_the_intent(house: House) -> None:
    """Latency is one step."""
    house.intent()
    before = len(requests(house, "order.place"))
    house.run(1)
    (params,) = requests(house, "order.place")[before:]
    assert (params["price"], params["quantity"], params["side"]) == ("59990.00", "0.01000", "BUY")
    assert client_id.decode(bytes.fromhex(params["newClientOrderId"])) == (SYSTEM.bytes[-6:], STRATEGY << 40 | 1, 0)


def test_an_order_leaves_before_the_venues_messages_are_read(house: House) -> None:
    """What waits in the socket has waited already; an order that waits for it too is late."""
    seen = []
    look = house.role.session.step

    def looked(now_ns: int) -> int:
        seen.append(len(house.venue.outgoing))
        return look(now_ns)

    house.role.session.step = looked  # type: ignore[method-assign]
    before = len(house.venue.outgoing)
    house.intent()
    house.run(1)
    assert seen == [before + 1]


def test_intent_verdict_and_request_are_journalled_before_the_bytes_leave(house: House) -> None:
    """Seen from the wire: at the moment of sending the ring already holds all three."""
    kinds: list[list[int]] = []
    receive = house.venue.receive

    def spy(port: object, payload: bytes) -> None:
        if b"order.place" in payload:
            kinds.append([row.kind for row in house.rings["journal"].rows[-3:]])
        receive(port, payload)  # type: ignore[arg-type]

    house.venue.receive = spy  # type: ignore[method-assign]
    house.place()
    assert kinds == [[JournalKind.INTENT, JournalKind.VERDICT, JournalKind.ORDER]]


def test_the_lanes_cursor_is_accepted_only_after_the_journal_has_the_intent(house: House) -> None:
    """Otherwise a death in between loses the intent."""
    seen: list[int] = []
    write = house.cells["accepted"].write_bytes

    def spy(index: int, record: bytes) -> None:
        seen.append(sum(row.kind == JournalKind.INTENT for row in house.rings["journal"].rows))
        write(index, record)

    house.cells["accepted"].write_bytes = spy  # type: ignore[method-assign]
    house.restart()
    house.ready()
    seen.clear()
    house.intent()
    house.intent()
    house.run(1)
    assert seen == [2]
    assert house.cells["accepted"].read(0).cursor == 2


def test_a_refusal_is_a_record_and_sends_nothing(house: House) -> None:
    """Every verdict is published, with what was found and what was allowed."""
    intent_id = house.intent(size=0)
    house.run(1)
    verdict = house.rings["verdicts"].rows[-1]
    assert (verdict.intent_id, verdict.reason, verdict.value, verdict.limit) == (intent_id, Reason.MALFORMED, 0, 1)
    assert requests(house, "order.place") == []


def test_a_strategy_cannot_speak_for_another(house: House) -> None:
    """The lane identifies the strategy; the record may be wrong."""
    forged = house.intent(strategy=STRATEGY, intent_id=OTHER << 40 | 7)
    house.run(1)
    assert house.verdict(forged) == Reason.MALFORMED
    order = house.place()
    foreign = house.intent(strategy=OTHER, kind=IntentKind.CANCEL, target_id=order.intent_id)
    house.run(3)
    assert house.verdict(foreign) == Reason.UNKNOWN_ORDER
    assert order.state == OrderState.OPEN


def test_a_halt_cancels_open_orders_and_refuses_new_ones(house: House) -> None:
    """And roles keep running: cancels go through, resume trades on."""
    order = house.place()
    house.command(CommandKind.HALT)
    house.run(1)
    assert len(requests(house, "order.cancel")) == 1
    house.settle(1)
    assert order.state == OrderState.CANCELLED
    house.book()
    refused = house.intent()
    house.run(1)
    assert house.verdict(refused) == Reason.HALTED
    house.command(CommandKind.RESUME)
    assert house.place().state == OrderState.OPEN


def test_an_order_in_flight_at_the_halt_is_cancelled_once_it_is_open(house: House) -> None:
    """It cannot be cancelled before the venue has it, and must not be forgotten after."""
    intent_id = house.intent()
    house.run(1)
    house.command(CommandKind.HALT)
    house.settle(1)
    assert house.role.blotter.newest[intent_id].state == OrderState.CANCELLED
    house.check_truth()


def test_cancels_are_allowed_when_nothing_else_is(house: House) -> None:
    """Stale book, full journal, stale intent: a cancel only makes things smaller."""
    order = house.place()
    house.book(state=BookState.SUSPECT)
    house.role.journal.file.full = True
    cancel = house.intent(kind=IntentKind.CANCEL, target_id=order.intent_id, now_ns=house.now_ns - 100 * SECOND)
    house.settle(1)
    assert house.verdict(cancel) == Reason.APPROVED
    assert order.state == OrderState.CANCELLED


def test_draining_cancels_everything_and_ends(house: House) -> None:
    """True only when nothing is left at the venue."""
    house.place()
    for _ in range(10):
        house.now_ns += MS
        house.venue.advance(house.now_ns)
        if house.role.drain(house.now_ns):
            break
    assert not any(one.open for one in house.venue.orders.values())
    refused = house.intent()
    house.run(1)
    assert house.verdict(refused) == Reason.DRAINING


def test_an_orders_timeout_is_kept_without_its_strategy(house: House) -> None:
    """A crashed strategy leaves no order open after its time."""
    order = house.place(timeout_ns=500 * MS)
    house.run(490)
    assert order.state == OrderState.OPEN
    house.run(20)
    assert order.state == OrderState.CANCELLED


def test_a_market_order_has_a_worst_price(house: House) -> None:
    """IOC at the protective price; the rest expires."""
    house.venue.liquidity["BTCUSDT"] = 600
    order = house.place(order_type=OrderType.MARKET, price=0)
    (params,) = requests(house, "order.place")
    assert (params["type"], params["timeInForce"]) == ("LIMIT", "IOC")
    assert params["price"] == "63000.52"  # 5 % over the middle of 60,000.50, on the step below
    assert (order.state, order.filled) == (OrderState.EXPIRED, 600)
    house.check_truth()


def test_post_only_is_the_venues_limit_maker(house: House) -> None:
    """It has no time in force there."""
    house.place(time_in_force=TimeInForce.POST_ONLY)
    (params,) = requests(house, "order.place")
    assert params["type"] == "LIMIT_MAKER"
    assert "timeInForce" not in params


def test_a_replacement_whose_new_half_fails_leaves_the_old_cancelled(house: House) -> None:
    """409: half of it happened."""
    order = house.place()
    house.venue.fault("new_half", "no")
    replace = house.intent(kind=IntentKind.REPLACE, target_id=order.intent_id, price=5_998_000)
    house.settle(1)
    assert order.state == OrderState.CANCELLED
    new = house.role.blotter.newest[replace]
    assert (new.state, new.error) == (OrderState.REJECTED, b"-2010")
    assert house.role.ledger.account[1].open_buy == 0


def test_a_replacement_of_a_partly_filled_order_counts_what_was_filled(house: House) -> None:
    """Its size is the whole."""
    order = house.place(size=1000)
    house.venue.fill(order.client_id.hex(), 300)
    house.run(5)
    house.intent(kind=IntentKind.REPLACE, target_id=order.intent_id, price=5_998_000, size=1200)
    house.settle(1)
    assert [one.size for one in house.venue.orders.values() if one.open] == [900]
    house.check_truth()


@pytest.mark.parametrize("filled", [0, 300])
def test_a_replacement_ends_when_its_order_would_have(house: House, filled: int) -> None:
    """At another price it would be open for ever, and no strategy manages it any more."""
    order = house.place(size=1000, timeout_ns=2 * SECOND)
    if filled:
        house.venue.fill(order.client_id.hex(), filled)
    house.run(5)
    replace = house.intent(kind=IntentKind.REPLACE, target_id=order.intent_id, price=5_998_000, size=1200)
    house.settle(1)
    new = house.role.blotter.newest[replace]
    assert (new.state, new.deadline_ns) == (OrderState.OPEN, order.deadline_ns)
    house.restart()
    house.settle(3)
    assert [one.size for one in house.venue.orders.values() if one.open] == []
    house.check_truth()


def test_the_position_cap_counts_orders_in_flight(tmp_path: Path) -> None:
    """Two intents in one step cannot both use the same room."""
    house = House(tmp_path, limits={"max_position_usd": 1_000})
    house.ready()
    first, second = house.intent(size=1000), house.intent(size=1000)
    house.run(1)
    assert (house.verdict(first), house.verdict(second)) == (Reason.APPROVED, Reason.POSITION_TOO_LARGE)


def test_a_rejected_order_gives_its_room_back(house: House) -> None:
    """Otherwise the cap shrinks with every reject."""
    house.venue.do_order_place = _refuse  # type: ignore[method-assign]
    order = house.place()
    assert (order.state, order.error) == (OrderState.REJECTED, b"-2010")
    assert house.role.ledger.account[1].open_buy == 0


def _refuse(_port: object, _params: object) -> None:
    from tests.engine.execution.venue_double import RefusedError

    raise RefusedError(-2010, "Account has insufficient balance for requested action.")


def test_a_lapped_book_is_not_used_until_it_is_published_again(house: House) -> None:
    """The lost records may have had another state."""
    house.put("books", MemoryRing(lane_of("books")))
    house.restart()
    house.ready()
    for _ in range(lane_of("books").capacity):
        house.book(instrument=2)
    refused = house.intent()
    house.run(1)
    assert house.verdict(refused) == Reason.BOOK_NOT_GOOD
    house.book()
    assert house.place().state == OrderState.OPEN


def test_the_venues_clock_is_measured_not_assumed(house: House) -> None:
    """It is 1.3 s ahead here; a request stamped with our own time would be refused soon."""
    assert abs(house.role.session.clock.offset_ns - 1_300 * MS) <= house.role.session.clock.doubt_ns + MS
    house.place()
    stamp = int(requests(house, "order.place")[0]["timestamp"])
    assert abs(stamp * MS - house.now_ns - 1_300 * MS) < 10 * MS


def test_a_full_disk_stops_entries_and_lets_exits_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The journal knows before the last byte is used."""
    full = False

    def reserve(descriptor: int, size: int) -> None:
        if full:
            raise OSError(28, "no room")
        os.posix_fallocate(descriptor, 0, size)

    house = House(tmp_path, segment_size=8192, reserve=reserve)
    house.ready()
    bought = house.place(size=1000)
    resting = house.place(size=1000)
    house.venue.fill(bought.client_id.hex(), 1000)
    house.run(3)
    full = True
    for _ in range(30):
        house.intent()
        house.run(3)
    refused = house.intent()
    house.run(3)
    assert house.verdict(refused) == Reason.JOURNAL_FULL
    assert [one.message for one in caplog.records if one.message.startswith("the disk")] == [  # logged once
        "the disk has no room for the journal: only exits are sent"
    ]
    house.cancel(resting.intent_id)
    way_out = house.intent(side=SELL, price=6_000_000, size=500)
    house.settle(1)
    assert resting.state == OrderState.CANCELLED
    assert house.verdict(way_out) == Reason.APPROVED
    full = False
    house.settle(5)
    assert "the disk has room for the journal again: orders are sent" in caplog.messages
    house.book()
    assert house.place().state == OrderState.OPEN
    house.role.journal.close()
    entries = [entry.sequence for entry in read_journal(tmp_path)]
    assert entries == list(range(1, house.role.journal.sequence + 1))


def test_records_that_a_normal_end_could_not_write_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The memory that still has them ends with the system."""

    def reserve(descriptor: int, size: int) -> None:
        if any(one.stat().st_size for one in tmp_path.glob("journal.0*")):
            raise OSError(28, "no room")
        os.posix_fallocate(descriptor, 0, size)

    house = House(tmp_path, segment_size=8192, reserve=reserve)
    house.ready()
    for _ in range(30):
        house.intent()
        house.run(3)
    waiting = house.role.journal.sequence - 8192 // SIZE
    house.role.close()
    (reported,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert (reported.message[:34], reported.__dict__["records"]) == ("the journal lacks its last records", waiting)


def test_a_fill_is_published_before_the_order_that_it_fills(house: House) -> None:
    """A reader that sees a filled order must find its fill, or it acts on a position that is not there yet."""
    order = house.place(size=1000)
    reported: list[str] = []
    fills, orders = house.role.blotter._publish_fill, house.role.blotter._publish_order
    house.role.blotter._publish_fill = lambda data: reported.append("fill") or fills(data)
    house.role.blotter._publish_order = lambda data: reported.append("order") or orders(data)
    house.venue.fill(order.client_id.hex(), 1000)
    house.run(3)
    assert reported[:2] == ["fill", "order"]


def test_an_order_that_its_first_answer_fills_is_published_with_the_time_of_the_answer(house: House) -> None:
    """The latency of an acknowledgement is read from this record, and no other follows it."""
    house.venue.liquidity["BTCUSDT"], house.venue.event_latency_ns = 1000, SECOND  # the answer overtakes the reports
    order = house.place(size=1000, time_in_force=TimeInForce.IOC)
    newest = house.rings["orders"].rows[-1]
    assert (newest.state, newest.filled) == (OrderState.FILLED, 1000)
    assert newest.answer_ns == order.answer_ns >= order.sent_ns > 0


def test_two_runs_of_the_same_inputs_are_the_same_bytes(tmp_path: Path) -> None:
    """No clock, no chance, no order of a hash: a replay is exact."""
    from tests.engine.execution.venue.test_faults import script

    runs = []
    for run in range(2):
        house = House(tmp_path / str(run))
        house.ready()
        house.venue.fault("order.place", "ok", "mute", "late")
        for action in script(house):
            action()
            house.run(3)
        house.restart()
        house.settle(15)
        lanes = b"".join(bytes(ring.log) for ring in house.rings.values())
        runs.append((lanes, b"".join(house.venue.outgoing), repr(house.rows("positions"))))
    assert runs[0] == runs[1]


def test_every_working_step_publishes_how_far_it_read(house: House) -> None:
    """A replay is driven from these."""
    house.rings["steps"].rows.clear()
    house.book()
    house.intent()
    house.run(1)
    step = house.rings["steps"].rows[-1]
    assert step.now_ns == house.now_ns
    assert step.cursors[:4] == (house.rings["books"].cursor, 0, 1, 0)


def test_a_step_with_forty_strategies_has_a_cursor_for_each(tmp_path: Path) -> None:
    """More cursors than a record holds are one batch of records, so a reader never sees half a step."""
    strategies = tuple(range(3, 43))
    house = House(tmp_path, strategies=strategies)
    house.ready()
    published = len(house.rings["steps"].rows)
    for count, strategy in enumerate(strategies):
        for _ in range(count % 3):
            house.intent(strategy=strategy)
    house.run(1)
    [step] = steps_of(house.rings["steps"].rows[published:])
    assert step.now_ns == house.now_ns
    assert step.cursors[2:42] == tuple(count % 3 for count in range(40))
    assert [house.cells["accepted"].read(index).cursor for index in range(40)] == [count % 3 for count in range(40)]


def test_an_idle_step_publishes_nothing(house: House) -> None:
    """And does nothing."""
    house.run(10)
    before = {name: len(ring.rows) for name, ring in house.rings.items()}
    for _ in range(100):
        house.run(1, 1)
    assert {name: len(ring.rows) for name, ring in house.rings.items()} == before


def test_the_caps_are_the_files(tmp_path: Path) -> None:
    """The gate has what the configuration has."""
    house = House(tmp_path, limits={"max_order_size_usd": Decimal("599.90")})
    house.ready()
    assert house.place(price=5_999_000, size=1000).state == OrderState.OPEN
    refused = house.intent(price=5_999_001, size=1000)
    house.run(1)
    assert house.verdict(refused) == Reason.ORDER_TOO_LARGE
    assert BTC.size_decimals == 5
