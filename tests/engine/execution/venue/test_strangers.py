"""Orders of others on the account: published once, never touched, in bounded memory."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.execution.orders.fills import KnownFills, Trade
from engine.execution.orders.ledger import Ledger
from engine.execution.venue import strangers
from engine.execution.venue.strangers import Strangers
from engine.model import client_id
from engine.model.text import bare
from engine.model.words import BUY, OrderFlag, OrderState, OrderType, TimeInForce
from engine.venues.binance.trading.fill_order import BinanceFillOrder
from engine.venues.trading.news import OrderNews
from tests.engine.execution.memory import BTC, ETH, House
from tests.engine.execution.test_questions import NOW, Calls, fill, open_order

ORDER = BinanceFillOrder()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A system that may trade and remembers ten strangers."""
    monkeypatch.setattr(strangers, "FOREIGN_KEPT", 10)
    house = House(tmp_path)
    house.ready()
    return house


def reported(house: House) -> list[int]:
    """The venue's ids of others' orders, as often as they were published."""
    return [int(bare(row.venue_order_id)) for row in house.rings["orders"].rows if row.flags & 32]


def test_others_orders_do_not_fill_the_memory(house: House) -> None:
    """Another program on the account may send a hundred thousand a day."""
    for number in range(300):
        house.venue.foreign(client_id=f"web_{number}")
        house.venue.fill(f"web_{number}", 500)
        house.run(3)
    assert len(house.role.strangers.foreign) == 10
    assert len(reported(house)) == len(set(reported(house))) == 300
    house.settle(40)
    assert len(house.role.strangers.foreign) == 10
    assert house.role.blotter.watermarks[1] == str(house.venue.fills[-1]["id"]).encode()
    assert not house.role.strangers.waiting


def test_open_orders_are_remembered_longer_than_ended_ones(house: House) -> None:
    """An order that rests for a week is in every listing: it must not be published each time."""
    resting = house.venue.foreign(client_id="rests")
    for number in range(100):
        house.venue.foreign(client_id=f"web_{number}")
        house.venue.fill(f"web_{number}", 500)
        house.settle(4)
    assert reported(house).count(resting.id) == 1


class StrangerBench:
    """Strangers among neighbours that only note what is done to them."""

    def __init__(self, *, cancel_orphans: bool = False) -> None:
        """No order is known; ids of 16 bytes are ours."""
        self.broker, self.blotter = Calls(), Calls(owner=3)
        self.broker.is_ours, self.broker.halted = lambda one: len(one) == 16, lambda _: False
        self.blotter.by_venue, self.blotter.orders, self.blotter.watermarks = {}, {}, {}
        self.blotter.fills = {1: KnownFills(ORDER), 2: KnownFills(ORDER)}
        self.blotter.fill_order = ORDER
        self.blotter.knows_fill = lambda number, one: self.blotter.fills[number].knows(one.fill_id, one.venue_ns)
        self.blotter.ledger = Ledger((BTC, ETH), (3,))
        self.others: list[tuple[int, int]] = []
        self.false: list[tuple[int, OrderNews, str, int]] = []
        ids = {"BTCUSDT": 1, "ETHUSDT": 2}
        alarm = SimpleNamespace(not_adopted=lambda *words: self.false.append(words))
        movements = SimpleNamespace(on_others=lambda *words: self.others.append(words))
        neighbours: Any = (self.blotter, self.broker, alarm, movements)
        self.it = Strangers(*neighbours, ids, cancel_orphans=cancel_orphans)


@pytest.fixture
def bench() -> StrangerBench:
    """Strangers without an order."""
    return StrangerBench()


OURS = (7 << 96 | 5 << 32 | 2).to_bytes(16, "big")


def test_a_fill_goes_to_its_order_and_one_of_an_unknown_order_waits(bench: StrangerBench) -> None:
    """A dropped fill makes a wrong position; one of another's order belongs to no position."""
    known = object()
    bench.blotter.by_venue[1, b"42"] = known
    bench.it.assign_fill(1, fill(7), NOW)
    assert bench.broker.made == [("apply_fill", known, fill(7), NOW)]
    bench.it.foreign[1, b"43"] = None
    bench.it.assign_fill(1, fill(8, 43), NOW)
    bench.blotter.fills[1].add(b"9", Trade(b"44", 1, 1, 1, 1), b"0")
    bench.it.assign_fill(1, fill(9, 44), NOW)
    assert not bench.it.waiting
    bench.it.assign_fill(1, fill(10, 45), NOW + 5)
    bench.it.assign_fill(1, fill(11, 45), NOW + 9)
    bench.it.assign_fill(2, fill(12, 45, "ETHUSDT"), NOW + 9)
    assert bench.it.waiting
    assert bench.it.due(NOW + 4, 9) == []
    assert bench.it.due(NOW + 5, 9) == [(1, b"45")]
    assert bench.it.due(NOW + 9, 9) == [(2, b"45")]


def test_owners_are_asked_for_within_the_room_there_is_and_again_after_a_pause(bench: StrangerBench) -> None:
    """Each is asked about once at a time."""
    for number in (42, 43, 44):
        bench.it.assign_fill(1, fill(number, number), NOW)
    assert bench.it.due(NOW, -1) == bench.it.due(NOW, 0) == []
    assert bench.it.due(NOW, 2) == [(1, b"42"), (1, b"43")]
    assert bench.it.due(NOW, 2) == [(1, b"44")]
    bench.it.again(1, b"43", NOW)
    assert bench.it.due(NOW + 500_000_000 - 1, 2) == []
    assert bench.it.due(NOW + 500_000_000, 2) == [(1, b"43")]


@pytest.mark.parametrize("news", [None, open_order(client_id=b"web_1")])
def test_a_fill_of_anothers_order_is_passed_on_once_and_waits_no_longer(
    bench: StrangerBench, news: OrderNews | None
) -> None:
    """The balances must know that others traded; recovery must go on."""
    bench.it.assign_fill(1, fill(7), NOW)
    bench.it.identify(1, b"42", news, NOW + 1)
    assert (bench.it.waiting, list(bench.it.foreign), bench.others) == (False, [(1, b"42")], [(1, NOW + 1)])
    assert bench.it.due(NOW + 1, 9) == []
    bench.it.identify(1, b"43", news, NOW + 1)
    assert len(bench.others) == 1
    assert bench.broker.made == []


def test_a_fill_of_an_order_of_ours_is_applied_once_the_order_is_adopted(bench: StrangerBench) -> None:
    """A halved disk may have forgotten the order; the venue has not."""
    bench.it.assign_fill(1, fill(7), NOW)
    bench.blotter.fills[1].add(b"6", Trade(b"42", 1, 100, 4, 1), b"0")
    news = open_order(client_id=OURS)
    bench.it.identify(1, b"42", news, NOW + 1)
    (_, order) = bench.blotter.made[-1]
    assert bench.blotter.made == [("owner", OURS), ("enter", order)]
    assert bench.broker.made == [("apply_news", order, news, NOW + 1, True), ("apply_fill", order, fill(7), NOW + 1)]
    assert (order.client_id, order.intent_id, order.child, order.strategy) == (OURS, *client_id.decode(OURS)[1:], 3)
    assert (order.instrument, order.side, order.price, order.size, order.filled) == (1, BUY, 100, 50, 4)
    assert (order.order_type, order.time_in_force, order.state) == (
        OrderType.LIMIT,
        TimeInForce.GTC,
        OrderState.UNKNOWN,
    )
    assert order.flags == OrderFlag.ADOPTED
    bench.blotter.orders[OURS] = order
    assert bench.it.known_or_adopted(news, NOW + 2) is order
    assert bench.blotter.made[2:] == []
    assert bench.broker.made[2:] == [("apply_news", order, news, NOW + 2, True)]


@pytest.mark.parametrize(("policy", "halted"), [(True, False), (False, True)])
def test_an_adopted_order_is_cancelled_by_policy_and_in_a_halt(policy: bool, halted: bool) -> None:
    """No strategy here has asked for it."""
    bench = StrangerBench(cancel_orphans=policy)
    bench.broker.halted = lambda _: halted
    order = bench.it.known_or_adopted(open_order(client_id=OURS), NOW)
    assert order is not None
    assert order.flags == OrderFlag.ADOPTED | OrderFlag.CANCEL_WANTED


@pytest.mark.parametrize(
    ("reported", "instrument", "why"),
    [({"symbol": "DOGEUSDT"}, 0, "DOGEUSDT, which is not configured"), ({"price": 0}, 1, "its price is 0")],
)
def test_an_order_of_ours_that_cannot_be_is_no_order(
    bench: StrangerBench, reported: dict[str, object], instrument: int, why: str
) -> None:
    """Its fills are not applied either, and an operator is alarmed."""
    news = open_order(client_id=OURS, **reported)
    bench.it.assign_fill(1, fill(7), NOW)
    bench.it.identify(1, b"42", news, NOW)
    ((number, news_of_it, text, now_ns),) = bench.false
    assert (number, news_of_it, now_ns) == (instrument, news, NOW)
    assert why in text
    assert (bench.broker.made, bench.it.waiting) == ([], False)


def test_a_watermark_moves_up_to_what_was_listed_where_no_fill_waits(bench: StrangerBench) -> None:
    """A death after it would lose the fill that waits."""
    bench.it.assign_fill(2, fill(7, symbol="ETHUSDT"), NOW)
    bench.it.scanned.update({1: b"70", 2: b"80"})
    bench.it.close_watermarks(NOW)
    assert (bench.blotter.made, bench.it.scanned) == ([("watermark", 1, b"70", NOW)], {2: b"80"})
    bench.it.identify(2, b"42", None, NOW)
    bench.blotter.watermarks.update({1: b"70", 2: b"80"})
    bench.it.scanned[1] = b"71"
    bench.it.close_watermarks(NOW + 1)
    assert bench.blotter.made[1:] == [("watermark", 1, b"71", NOW + 1)]
    assert bench.it.scanned == {}
    bench.blotter.watermarks.clear()
    bench.it.scanned.update({1: b"1", 2: b"0"})
    bench.it.close_watermarks(NOW + 2)
    assert bench.blotter.made[2:] == [("watermark", 1, b"1", NOW + 2), ("watermark", 2, b"0", NOW + 2)]


def test_anothers_order_is_shown_once_as_what_it_is(bench: StrangerBench, caplog: pytest.LogCaptureFixture) -> None:
    """An operator sees who else trades on the account; nothing here touches it."""
    news = open_order(client_id=b"web_1_with_a_long_name", executed=0, unknown_status="ODD")
    bench.it.report(news, NOW)
    ((_, order, now_ns),) = bench.blotter.made
    assert (order.client_id, order.intent_id, order.strategy, now_ns) == (b"web_1_with_a_lon", 0, 0, NOW)
    assert (order.instrument, order.side, order.price, order.size, order.filled) == (1, BUY, 100, 50, 0)
    assert (order.order_type, order.time_in_force, order.state) == (OrderType.LIMIT, TimeInForce.GTC, OrderState.OPEN)
    assert (order.flags, order.answer_ns, order.venue_order_id) == (OrderFlag.FOREIGN, NOW, b"42")
    assert [one.status for one in caplog.records] == ["ODD"]  # type: ignore[attr-defined]
    assert bench.others == []
    bench.it.report(open_order(executed=3), NOW)
    assert (len(bench.blotter.made), bench.others) == (1, [(1, NOW)])
    bench.it.report(open_order(symbol="DOGEUSDT", executed=0, venue_order_id=b"9"), NOW)
    assert (len(bench.blotter.made), bench.others, list(bench.it.foreign)) == (1, [(1, NOW), (0, NOW)], [(1, b"42")])
    bench.it.report(open_order(venue_order_id=b"44"), NOW)
    assert bench.blotter.made[-1][1].filled == 7
    assert len(caplog.records) == 1


def test_as_many_of_others_orders_are_remembered_as_architecture_md_has() -> None:
    """A machine's memory is planned by it."""
    assert (strangers.FOREIGN_KEPT, strangers.HELD_MOST) == (65_536, 16_384)


def test_no_more_fills_are_listed_while_too_many_wait(bench: StrangerBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count is that of the fills, whichever orders they are of, and sinks when their owner is known."""
    monkeypatch.setattr(strangers, "HELD_MOST", 3)
    full = [bench.it.full]
    for number, of in ((7, 42), (8, 42), (9, 43)):
        bench.it.assign_fill(1, fill(number, of), NOW)
        full.append(bench.it.full)
    assert full == [False, False, False, True]
    bench.it.identify(1, b"42", None, NOW)
    full = []
    for number in (10, 11):
        bench.it.assign_fill(1, fill(number, 44), NOW)
        full.append(bench.it.full)
    assert full == [False, True]


def test_the_orders_reported_last_are_remembered(bench: StrangerBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of which is asked again and again is a question too many."""
    monkeypatch.setattr(strangers, "FOREIGN_KEPT", 2)
    for number in (1, 2, 1, 3):
        bench.it.identify(1, b"%d" % number, None, NOW)
    assert list(bench.it.foreign) == [(1, b"1"), (1, b"3")]
