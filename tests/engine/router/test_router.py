"""The router over three accounts: what becomes of a parent in one life."""

from pathlib import Path
from random import Random

import pytest

from engine.model.intent_id import is_routed, strategy_of
from engine.model.records import ORDER
from engine.model.rows import IntentRow
from engine.model.words import SELL, CommandKind, IntentFlag, IntentKind, OrderFlag, OrderState, Reason, TimeInForce
from engine.router import parents
from tests.engine.router.house import ACCOUNTS, INTENTS, MAKER, MS, ORDERS, SECOND, House

WHOLE = 10**5


class Nothing(Random):
    """The venue fills nothing."""

    def uniform(self, a: float, _b: float) -> float:
        """The least."""
        return a


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A router with books."""
    house = House(tmp_path)
    house.books()
    house.step()
    return house


def test_a_parent_goes_to_the_cheapest_venue_after_fees(house: House) -> None:
    """The least price is not the least cost: north is dearer than west by less than the difference of their fees."""
    intent = house.place(WHOLE // 2)
    house.step(5)
    assert [len(house.sent(one)) for one in ACCOUNTS] == [0, 0, 1]
    order = house.order_of(intent)
    assert (order.state, order.filled) == (OrderState.FILLED, WHOLE // 2)


def test_a_parent_above_one_venues_depth_is_split_and_adds_up(house: House) -> None:
    """Each venue gets at most what its book shows, and together they get the whole size."""
    intent = house.place(3 * WHOLE + WHOLE // 2)
    house.step(5)
    sizes = {one: [row.size for row in house.sent(one)] for one in ACCOUNTS}
    assert sizes == {"east": [WHOLE // 2], "west": [WHOLE // 10], "north": [2 * WHOLE]}
    assert house.order_of(intent).state == OrderState.FILLED
    assert house.traded() == 3 * WHOLE + WHOLE // 2


def test_a_child_belongs_to_the_strategy_under_an_id_of_the_routers_line(house: House) -> None:
    """Position, caps and halts of a strategy must count what the router sends for it; no id of the two may be equal."""
    house.place(WHOLE)
    house.step(3)
    (child,) = house.sent("north")
    assert (child.strategy, strategy_of(child.intent_id), is_routed(child.intent_id)) == (MAKER, MAKER, True)
    assert child.time_in_force == TimeInForce.IOC


def test_no_child_is_beyond_the_parents_limit(house: House) -> None:
    """The limit bounds the price that is paid, whatever the fees are."""
    intent = house.place(3 * WHOLE, price=50_005_00)
    house.step(5)
    assert sorted(row.price for one in ACCOUNTS for row in house.sent(one)) == [50_000_0, 50_005_00]
    assert house.order_of(intent).state == OrderState.PARTLY_FILLED


def test_what_a_venue_leaves_unfilled_is_routed_again(house: House) -> None:
    """A quote that is gone must not end the parent while other venues have the size."""
    house.desks["north"].fill_least = 0.0
    intent = house.place(WHOLE)
    for _ in range(40):
        house.books()
        house.step(10)
    assert house.order_of(intent).state == OrderState.FILLED
    assert house.traded() == WHOLE


@pytest.mark.parametrize("reason", [Reason.ORDER_RATE, Reason.ACCOUNT_HALTED, Reason.POSITION_TOO_LARGE])
def test_a_refused_share_goes_to_the_other_accounts(house: House, reason: Reason) -> None:
    """One account at its cap must not stop what the others may still do."""
    house.desks["north"].refusing = reason
    intent = house.place(WHOLE)
    house.step(20)
    assert house.order_of(intent).state == OrderState.FILLED
    assert not house.sent("north")
    assert house.sent("west")


def test_a_share_above_an_accounts_largest_order_is_split(house: House) -> None:
    """The cap of an account in dollars is no venue's limit: the parent would be refused until its time is over."""
    most = {"east": 15_000_00 * WHOLE, "west": 15_000_0 * WHOLE // 10, "north": 15_000_00 * WHOLE}
    for one in ACCOUNTS:
        house.desks[one].notional_most = most[one]
    intent = house.place(2 * WHOLE, timeout_ns=SECOND // 2)
    for _ in range(20):
        house.step(10)
        house.books()
    assert house.order_of(intent).state == OrderState.FILLED
    assert all(house.desks[one].reasons.count(Reason.ORDER_TOO_LARGE) <= 1 for one in ACCOUNTS)
    assert max(row.size for row in house.sent("north")) > WHOLE * 29 // 100, "as large as the account allows"


def test_a_larger_share_is_tried_again_after_a_time(house: House) -> None:
    """An operator or the ramp may have raised the account's cap."""
    house.desks["north"].notional_most = 50_010_00 * WHOLE // 10
    house.place(WHOLE // 2)
    house.step(20)
    house.desks["north"].notional_most = 0
    house.now += 61 * SECOND
    house.books()
    house.place(WHOLE // 2)
    house.step(3)
    assert house.sent("north")[-1].size == WHOLE // 2


def test_a_silent_execution_gets_no_share(house: House) -> None:
    """A child to a dead execution would bind its share until that is back."""
    house.beating["north"] = False
    intent = house.place(WHOLE)
    house.step(5)
    assert house.order_of(intent).state == OrderState.FILLED
    assert not house.sent("north")


def test_a_dead_execution_binds_only_its_own_share(house: House) -> None:
    """The others go on; what the dead one had is known again when its next life answers."""
    house.desks["north"].dead = True
    intent = house.place(3 * WHOLE)
    house.step(20)
    assert house.order_of(intent).filled == WHOLE
    house.desks["north"].dead = False
    house.books()
    house.step(20)
    assert house.order_of(intent).state == OrderState.FILLED
    assert house.traded() == 3 * WHOLE


def test_a_child_that_is_read_too_late_is_refused_and_routed_again(house: House) -> None:
    """An execution that comes back after seconds must not trade on the old split."""
    house.desks["north"].dead = True
    intent = house.place(WHOLE)
    house.step(400)
    house.desks["north"].dead = False
    house.step(2)
    assert not house.sent("north")
    house.books()
    house.step(10)
    assert house.order_of(intent).state == OrderState.FILLED


def test_an_ioc_ends_after_its_first_wave(house: House) -> None:
    """IOC means what the venues have now."""
    intent = house.place(10 * WHOLE, time_in_force=TimeInForce.IOC)
    house.step(5)
    order = house.order_of(intent)
    assert (order.state, order.filled) == (OrderState.CANCELLED, 6 * WHOLE)


def test_a_parent_ends_at_its_time(house: House) -> None:
    """A parent that no venue can fill must not wait for ever."""
    intent = house.place(WHOLE, price=40_000_00, timeout_ns=50 * MS)
    house.step(60)
    assert house.order_of(intent).state == OrderState.EXPIRED


def test_a_cancelled_parent_makes_no_further_child(house: House) -> None:
    """A strategy that cancels must be able to rely on it."""
    intent = house.place(WHOLE, price=40_000_00)
    house.step(3)
    cancel = house.cancel(intent)
    house.step(3)
    assert house.verdict_of(cancel).reason == Reason.APPROVED
    assert house.order_of(intent).state == OrderState.CANCELLED
    house.books()
    house.step(5)
    assert not house.traded()


def test_the_cancel_of_an_instrument_ends_each_parent_that_may_trade_it(house: House) -> None:
    """After `close` of an instrument no child may open a position in it, because the intent named another venue's."""
    intent = house.place(WHOLE, price=40_000_00, instrument=1)
    house.step(3)
    house.place(0, kind=IntentKind.CANCEL_ALL, instrument=3, algorithm=0)
    house.step(3)
    assert house.order_of(intent).state == OrderState.CANCELLED


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        (CommandKind.HALT, {"strategy": MAKER}),
        (CommandKind.FLATTEN, {"instrument": 3}),
        (CommandKind.CANCEL_ALL, {"account": 2}),
        (CommandKind.DRAIN, {}),
    ],
)
def test_an_operators_command_ends_the_parents_in_its_scope(
    house: House, kind: CommandKind, scope: dict[str, int]
) -> None:
    """What an operator stops must not come back as the router's next wave."""
    intent = house.place(WHOLE, price=40_000_00)
    house.step(3)
    house.command(kind, **scope)
    house.step(2)
    assert house.order_of(intent).state == OrderState.CANCELLED


def test_a_command_about_another_strategy_ends_nothing(house: House) -> None:
    """A halt of one strategy must not stop the orders of all."""
    intent = house.place(WHOLE, price=40_000_00)
    house.step(3)
    house.command(CommandKind.HALT, strategy=MAKER + 1)
    house.step(2)
    assert house.order_of(intent).state == OrderState.OPEN


def test_a_halted_system_ends_every_parent_and_refuses_new_ones(house: House) -> None:
    """The halt reaches the parents, not only their children."""
    intent = house.place(WHOLE, price=40_000_00)
    house.step(3)
    house.halt.write(0, 1, house.now, 0, 0, 1, (0,) * 4)
    house.step(2)
    late = house.place(WHOLE)
    house.step(2)
    assert house.order_of(intent).state == OrderState.CANCELLED
    assert house.verdict_of(late).reason == Reason.HALTED


def test_a_halted_strategy_ends_its_parent_at_the_first_refusal(house: House) -> None:
    """Asking the other gates would only collect refusals until the parent's time is over."""
    house.desks["north"].refusing = Reason.STRATEGY_HALTED
    intent = house.place(WHOLE)
    house.step(5)
    order = house.order_of(intent)
    assert (order.state, b"STRATEGY_HALTED" in order.error_text) == (OrderState.CANCELLED, True)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"size": WHOLE + 5}, Reason.SIZE_STEP),
        ({"size": 10, "price": 49_000_00}, Reason.NOTIONAL_TOO_SMALL),
        ({"price": 0}, Reason.MALFORMED),
        ({"instrument": 9}, Reason.UNKNOWN_INSTRUMENT),
        ({"algorithm": 1}, Reason.UNKNOWN_ALGORITHM),
        ({"parameters": (0, 5, 0, 0)}, Reason.ALGORITHM_PARAMETER),
        ({"time_in_force": TimeInForce.POST_ONLY}, Reason.MALFORMED),
        ({"flags": 1 << 9}, Reason.MALFORMED),
        ({"strategy": MAKER + 1}, Reason.MALFORMED),
        ({"ttl_ns": 0}, Reason.INTENT_TOO_OLD),
    ],
)
def test_what_could_not_be_brought_to_an_end_is_refused_at_the_start(
    house: House, fields: dict[str, object], reason: Reason
) -> None:
    """A refusal names its reason before the first child, not after half of the size."""
    intent = house.place(**{"size": WHOLE, **fields})  # type: ignore[arg-type]
    house.step(3)
    assert house.verdict_of(intent).reason == reason
    assert not house.router.parents.living


def test_a_rest_that_no_venue_accepts_ends_the_parent(house: House) -> None:
    """A rest below every venue's least order would keep the parent open until its time is over."""
    for desk in house.desks.values():
        desk.fill_least = 0.99
    intent = house.place(2 * WHOLE // 100)
    for _ in range(60):
        house.books()
        house.step(10)
    order = house.order_of(intent)
    assert order.state == OrderState.FILLED or b"too small" in order.error_text
    assert house.traded() == order.filled


def test_reduce_only_and_the_side_reach_the_children(house: House) -> None:
    """An exit over several accounts must be cut by each of them to what is held there."""
    house.place(WHOLE // 2, price=49_000_00, side=SELL, flags=IntentFlag.REDUCE_ONLY)
    house.step(3)
    (child,) = [row for one in ACCOUNTS for row in house.sent(one)]
    assert (child.side, child.flags) == (SELL, IntentFlag.REDUCE_ONLY)


def test_a_child_that_its_account_cuts_counts_with_what_it_filled(house: House) -> None:
    """A reduce-only order is FILLED at the size that was held: the rest is still to be sold elsewhere."""
    house.desks["north"].held = WHOLE // 10
    intent = house.place(WHOLE // 2, price=49_000_00, side=SELL, flags=IntentFlag.REDUCE_ONLY)
    for _ in range(8):
        house.step(5)
        house.books()
    assert house.sent("north"), "the best bid after its fee"
    assert house.order_of(intent).filled == house.traded() == WHOLE // 2


def test_a_slow_account_is_charged_for_its_latency(house: House) -> None:
    """A quote may move while the order is on its way: at equal cost the faster account is asked."""
    offers = house.router._offers
    for _ in range(10):
        offers.acknowledgements["north"].add(SECOND)
    house.place(WHOLE // 2)
    house.step(3)
    assert [len(house.sent(one)) for one in ACCOUNTS] == [0, 1, 0]


def test_the_sizes_of_every_parent_add_up_to_the_lot(tmp_path: Path) -> None:
    """From one lot up: the children are the parent, not one lot more or less."""
    house = House(tmp_path, wave_ms=1)
    house.step()
    for lots in range(1, 60):
        before = house.traded()
        house.books(size=0.0003)
        intent = house.place(lots * 10)
        for _ in range(4):
            house.step(3)
            house.books(size=0.0003)
        if house.verdict_of(intent).reason == Reason.NOTIONAL_TOO_SMALL:
            continue
        assert house.order_of(intent).filled == house.traded() - before


def order_on(house: House, account: str, *, size: int, filled: int, state: int = OrderState.EXPIRED) -> None:
    """What an execution publishes of its last child when the venue contradicts the end that it inferred."""
    desk = house.desks[account]
    intent = house.sent(account)[-1]
    desk.filled[intent.intent_id] = filled
    desk._order(intent._replace(size=size), state, filled, house.now)


def test_a_fill_after_the_end_of_a_child_counts_and_is_not_routed_again(house: House) -> None:
    """Without it the rest would be bought a second time."""
    house.desks["north"].fill_least = 0.0
    house.desks["north"].random = Nothing()
    intent = house.place(WHOLE // 2, price=50_005_00, timeout_ns=SECOND)
    for name in ("east", "west"):
        house.desks[name].refusing = Reason.ORDER_RATE
    house.step(3)
    assert house.order_of(intent).filled == 0
    order_on(house, "north", size=WHOLE // 2, filled=WHOLE // 5)
    house.step(2)
    assert house.order_of(intent).filled == WHOLE // 5
    house.revive()
    for desk in house.desks.values():
        desk.refusing, desk.random = None, house.random
        desk.fill_least = 1.0
    house.now += SECOND // 2
    house.books()
    house.step(5)
    assert (house.order_of(intent).filled, house.traded()) == (WHOLE // 2, WHOLE // 2)
    house.revive()
    house.step()
    assert house.order_of(intent).filled == WHOLE // 2


def test_a_fill_after_the_end_of_the_parent_is_reported(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """The size was traded elsewhere meanwhile: the strategy and the operator must see how much too much it is."""
    house.desks["north"].fill_least = 0.0
    house.desks["north"].random = Nothing()
    intent = house.place(WHOLE // 2)
    house.step(20)
    assert (house.order_of(intent).filled, house.router.parents.living) == (WHOLE // 2, {})
    order_on(house, "north", size=WHOLE // 2, filled=WHOLE // 5)
    house.step(2)
    assert house.order_of(intent).filled == house.traded() == WHOLE // 2 + WHOLE // 5
    assert any("more than its size" in one.message and one.__dict__["over"] == "0.20000" for one in caplog.records)
    house.revive()
    house.step()
    assert house.order_of(intent).filled == house.traded()


def test_a_fill_after_the_end_of_a_child_cancels_the_child_that_has_its_size(house: House) -> None:
    """What has not traded twice yet need not."""
    house.desks["north"].fill_least = 0.0
    house.desks["north"].random = Nothing()
    house.desks["west"].dead = True
    intent = house.place(WHOLE // 2)
    house.step(10)
    (parent,) = house.router.parents.living.values()
    (child,) = parent.children.values()
    assert (child.member.account, child.cancelled) == ("west", False)
    order_on(house, "north", size=WHOLE // 2, filled=WHOLE // 5)
    house.step(2)
    assert child.cancelled
    assert (parent.free, house.order_of(intent).filled) == (0, WHOLE // 5)


def with_a_lost_child(house: House, size: int = WHOLE // 2, **fields: object) -> tuple[int, IntentRow]:
    """A parent whose child north's execution has read and then lost with its records; the child."""
    north = house.desks["north"]
    north.dead = True
    intent = house.place(size, **fields)  # type: ignore[arg-type]
    house.step(2)
    data = north._routed.read_bytes()
    assert isinstance(data, bytes)
    north.dead = False
    return intent, INTENTS.unpack(data)


def test_a_cancelled_parent_ends_although_an_execution_has_lost_its_child(house: House) -> None:
    """Its strategy would wait for ever; the child counts as filled, so that nothing is traded twice."""
    intent, _ = with_a_lost_child(house)
    house.cancel(intent)
    house.step(3)
    assert (house.order_of(intent).filled, house.router.parents.living) == (WHOLE // 2, {})
    assert house.router.parents.cancels == {}


def test_a_cancelled_parent_ends_after_a_death_that_lost_the_answer(house: House) -> None:
    """The next life cannot know which intent the answer was to: it asks again."""
    intent, _ = with_a_lost_child(house, timeout_ns=10 * MS)
    house.step(9)
    house.revive()
    house.step(4)
    assert (house.order_of(intent).filled, house.router.parents.living) == (WHOLE // 2, {})


def test_a_child_whose_fills_are_missing_is_not_ended_by_the_refusal_of_its_cancel(house: House) -> None:
    """Execution knows its end and asks the venue for the fills: a guess would be wrong a moment later."""
    intent, child = with_a_lost_child(house)
    north = house.desks["north"]
    known = ORDERS.unpack(bytes(ORDER.size))._replace(
        intent_id=child.intent_id, size=child.size, state=OrderState.EXPIRED, flags=OrderFlag.FILLS_MISSING, filled=10
    )
    north._orders.publish_bytes(ORDERS.pack_row(known))
    house.cancel(intent)
    house.step(3)
    assert (house.order_of(intent).state, house.order_of(intent).filled) == (OrderState.PARTLY_FILLED, 10)
    north._orders.publish_bytes(ORDERS.pack_row(known._replace(flags=0, filled=WHOLE // 5)))
    house.step(2)
    assert (house.order_of(intent).state, house.order_of(intent).filled) == (OrderState.CANCELLED, WHOLE // 5)


def test_the_fills_of_a_lost_child_correct_what_it_counted_as(house: House) -> None:
    """Its execution finds the order at the venue again: the strategy must not be shown what it does not hold."""
    intent, child = with_a_lost_child(house)
    house.cancel(intent)
    house.step(3)
    assert (house.order_of(intent).state, house.order_of(intent).filled) == (OrderState.FILLED, WHOLE // 2)
    house.revive()
    adopted = ORDERS.unpack(bytes(ORDER.size))._replace(
        intent_id=child.intent_id, size=child.size, state=OrderState.EXPIRED, filled=0, flags=OrderFlag.FILLS_MISSING
    )
    house.desks["north"]._orders.publish_bytes(ORDERS.pack_row(adopted))
    house.step(2)
    assert house.order_of(intent).filled == WHOLE // 2, "its fills are not there yet"
    known = adopted._replace(flags=OrderFlag.ADOPTED, filled=WHOLE // 5)
    house.desks["north"]._orders.publish_bytes(ORDERS.pack_row(known))
    house.step(2)
    for _ in range(2):
        assert (house.order_of(intent).state, house.order_of(intent).filled) == (OrderState.CANCELLED, WHOLE // 5)
        house.revive()
        house.step(2)


def test_what_a_lost_child_has_left_is_routed_again_while_its_parent_works(house: House) -> None:
    """The parent goes on as if the records had never been lost."""
    intent, child = with_a_lost_child(house, 8 * WHOLE)
    (parent,) = house.router.parents.living.values()
    house.router.parents.cancel(parent, parent.children[child.intent_id], house.now)
    house.step(3)
    assert house.order_of(intent).filled == house.traded() + child.size < 8 * WHOLE
    known = ORDERS.unpack(bytes(ORDER.size))._replace(
        intent_id=child.intent_id, size=child.size, state=OrderState.EXPIRED, filled=0
    )
    house.desks["north"]._orders.publish_bytes(ORDERS.pack_row(known))
    for _ in range(4):
        house.step(5)
        house.books()
    assert house.order_of(intent).filled == house.traded() == 8 * WHOLE


def test_a_child_of_which_the_venue_lists_no_fills_counts_as_filled(house: House) -> None:
    """The venue says that it has filled it: what it does not list must not be bought again elsewhere."""
    intent, child = with_a_lost_child(house)
    ended = ORDERS.unpack(bytes(ORDER.size))._replace(
        intent_id=child.intent_id, size=child.size, state=OrderState.EXPIRED, flags=OrderFlag.FILLS_MISSING, filled=10
    )
    for flags in (OrderFlag.FILLS_MISSING, OrderFlag.FILLS_ABSENT):
        house.desks["north"]._orders.publish_bytes(ORDERS.pack_row(ended._replace(flags=flags)))
    house.step(5)
    assert (house.order_of(intent).state, house.order_of(intent).filled) == (OrderState.FILLED, WHOLE // 2)
    assert house.traded() == 0, "no other venue was asked"


def test_an_ioc_has_one_wave_although_a_part_of_it_ends_early(house: House) -> None:
    """What an IOC leaves unfilled lapses; the slow account of its wave is no reason to go on with the others."""
    house.desks["west"].dead = True
    north = house.desks["north"]
    north.fill_least, north.random = 0.0, Nothing()
    intent = house.place(3 * WHOLE + WHOLE // 2, time_in_force=TimeInForce.IOC)
    for _ in range(4):
        house.step(5)
        house.books()
    assert len(house.router.parents.children) == 1, "west has not answered"
    house.desks["west"].dead = False
    house.step(5)
    counts = {one: len(house.sent(one)) for one in ACCOUNTS}
    assert counts == {"east": 1, "west": 1, "north": 1}
    assert house.order_of(intent).state == OrderState.CANCELLED


def test_what_an_account_refuses_as_too_large_of_an_ioc_is_split_once_more(house: House) -> None:
    """No venue was asked for it: an IOC ends after what reached a venue."""
    north = house.desks["north"]
    north.notional_most = 50_005_00 * WHOLE // 4
    intent = house.place(WHOLE // 2, time_in_force=TimeInForce.IOC)
    house.step(15)
    assert north.reasons[0] == Reason.ORDER_TOO_LARGE
    assert (house.order_of(intent).state, house.traded()) == (OrderState.FILLED, WHOLE // 2)


def test_an_ioc_that_no_account_allows_ends(house: House) -> None:
    """It would wait for its time, although nothing can follow."""
    for desk in house.desks.values():
        desk.notional_most = 1
    intent = house.place(WHOLE // 2, time_in_force=TimeInForce.IOC)
    house.step(60)
    assert (house.order_of(intent).state, house.router.parents.living) == (OrderState.CANCELLED, {})


def test_a_parent_that_waits_long_is_on_its_lane_whenever_one_looks(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records of others overwrite its own: a strategy that starts again, and an operator, would not know of it."""
    monkeypatch.setattr(parents, "AGAIN_AFTER", 4)
    waiting = house.place(WHOLE, price=40_000_00)
    house.step(2)
    for _ in range(4):
        house.place(WHOLE // 10)
        house.step(4)
        house.books()
    rows = [row.intent_id for row in house._every(house.orders)]
    assert len(rows) >= 8
    assert waiting in rows[-6:]
    assert house.order_of(waiting).state == OrderState.OPEN
