"""The venue's own limits on requests, at the simulated Binance with small ones: a flood of intents provokes no 429."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.loopback.binance.limits import LimitSettings
from engine.model.words import SELL, IntentKind, OrderState, Reason
from engine.venues.trading.budget import ORDER, Cost, Priority, Reported
from tests.engine.execution.memory import MS, OTHER, SECOND, START_NS, STRATEGY, House
from tests.engine.execution.simulated import SimulatedPort, SimulatedVenue

SMALL = LimitSettings(weight_minute=600, orders_10_seconds=40, orders_day=400)


class Port(SimulatedPort):
    """A connection whose answers are kept."""

    def poll(self, now_ns: int) -> list[bytes]:
        """What the venue sent."""
        frames = super().poll(now_ns)
        self.venue.answers += [json.loads(frame) for frame in frames]  # type: ignore[attr-defined]
        return frames


class Venue(SimulatedVenue):
    """The simulated venue with these limits."""

    def __init__(self, limits: LimitSettings) -> None:
        """Keep every answer."""
        self.answers: list[dict[str, Any]] = []
        super().__init__(START_NS, limits=limits)

    def connect(self, _now_ns: int) -> Port:
        """A connection."""
        return Port(self)

    @property
    def refused(self) -> list[dict[str, Any]]:
        """The answers by which the venue limits requests."""
        return [one for one in self.answers if one.get("status") in (418, 429)]


class FloodedHouse(House):
    """A system whose own rate bounds nothing."""

    def __init__(self, directory: Path, limits: LimitSettings = SMALL) -> None:
        """Two strategies at a venue with these limits."""
        super().__init__(
            directory, venue=Venue(limits), strategies=(STRATEGY, OTHER), limits={"max_position_usd": 10**9}
        )

    def tell_books(self) -> None:
        """What a feed would publish."""
        self.book(*self.venue.best("BTCUSDT", 2))

    def wait(self) -> None:
        """Until trading may begin."""
        while not (self.role.recovery.complete and self.role.session.up):
            self.run(1, 5 * MS)
        self.tell_books()
        self.run()

    def flood(self, seconds: int, **more: Any) -> list[int]:
        """Four intents every 50 ms."""
        ids = []
        for _ in range(seconds * 20):
            self.tell_books()
            bid, _ = self.venue.best("BTCUSDT", 2)
            ids += [self.intent(price=bid - 5_000 - step, size=200, **more) for step in range(4)]
            self.run(2, 25 * MS)
        return ids

    def reasons(self, ids: list[int]) -> set[Reason]:
        """The verdicts."""
        return {Reason(self.verdict(one)) for one in ids}


def test_a_flood_of_intents_provokes_no_429(tmp_path: Path) -> None:
    """Each window admits entries up to their bound, and the venue never refuses a request for its rate."""
    house = FloodedHouse(tmp_path)
    house.wait()
    ids = house.flood(25)
    assert house.reasons(ids) == {Reason.APPROVED, Reason.VENUE_RATE}
    assert house.venue.refused == []
    approved = [one for one in ids if house.verdict(one) == Reason.APPROVED]
    assert 2 * 34 <= len(approved) <= 4 * 34, "34 of 40 in each window of ten seconds"
    refused = [row for row in house.rings["verdicts"].rows if row.reason == Reason.VENUE_RATE]
    assert {(row.value, row.limit) for row in refused} == {(35, 34)}


def test_cancels_and_exits_leave_when_entries_are_refused(tmp_path: Path) -> None:
    """What ends a risk goes before what makes one."""
    house = FloodedHouse(tmp_path)
    house.wait()
    _, ask = house.venue.best("BTCUSDT", 2)
    house.intent(price=ask, size=1_000)
    house.run(20, 10 * MS)
    assert house.role.ledger.owned[STRATEGY, 1].size > 200
    ids = house.flood(3)
    assert house.verdict(ids[-1]) == Reason.VENUE_RATE
    house.tell_books()
    leaving = house.intent(side=SELL, price=ask, size=200)
    house.run(2)
    assert house.verdict(leaving) == Reason.APPROVED
    open_orders = [one for one in ids if house.verdict(one) == Reason.APPROVED]
    for one in open_orders:
        house.cancel(one)
    house.run(20, 10 * MS)
    newest = house.role.blotter.newest
    assert {newest[one].state for one in open_orders} == {OrderState.CANCELLED}
    assert house.venue.refused == []


def test_a_replacement_is_refused_before_a_new_order(tmp_path: Path) -> None:
    """A quote that follows the book must not use up what new orders need."""
    house = FloodedHouse(tmp_path)
    house.wait()
    [first, *_] = house.flood(1, strategy=OTHER)
    while house.role.gate.budget.full(Priority.REPRICE, ORDER, house.now_ns) is None:
        house.flood(1)
    house.tell_books()
    target = house.role.blotter.newest[first]
    moved = house.intent(
        strategy=OTHER, kind=IntentKind.REPLACE, target_id=first, price=target.price - 1, size=200, order_type=0
    )
    house.run(2)
    assert house.verdict(moved) == Reason.VENUE_RATE


def test_a_held_cancel_leaves_as_soon_as_the_venue_counts_less(tmp_path: Path) -> None:
    """Our own count is too high while heavy questions wait for their answers; a minute later the order is filled."""
    house = FloodedHouse(tmp_path)
    house.wait()
    one = house.place(price=house.venue.best("BTCUSDT", 2)[0] - 10_000).intent_id
    budget = house.role.session.budget
    window = next(found for found in budget._windows.values() if found.kind == 0)
    used, window.used = window.used, window.limit
    house.cancel(one)
    house.run(5)
    assert house.role.blotter.newest[one].state == OrderState.OPEN
    window.used = used
    house.run(20)
    assert house.role.blotter.newest[one].state == OrderState.CANCELLED


def test_a_cancel_beyond_the_weight_waits_for_the_next_window(tmp_path: Path) -> None:
    """A 429 for one cancel can become a ban, which holds up all of them."""
    house = FloodedHouse(tmp_path, replace(SMALL, weight_minute=400, orders_10_seconds=1_000))
    house.wait()
    ids = house.flood(4)
    kept = [one for one in ids if house.verdict(one) == Reason.APPROVED]
    assert len(kept) > 20
    house.role.session.budget.correct(10**6, house.now_ns, [Reported(0, 60 * SECOND, 400, 380)], house.now_ns)
    for one in kept:
        house.cancel(one)
    house.run(40, 10 * MS)
    assert house.role.blotter.live
    assert house.venue.refused == []
    house.run(700, 100 * MS)
    assert not house.role.blotter.live
    assert house.venue.refused == []


def test_the_next_life_knows_what_the_former_has_used(tmp_path: Path) -> None:
    """The account's count is the venue's: a restart does not begin with a whole limit."""
    house = FloodedHouse(tmp_path, replace(SMALL, orders_day=60, orders_10_seconds=1_000))
    house.wait()
    house.flood(2)
    house.kill()
    house.role = house.live()
    house.wait()
    ids = house.flood(1)
    assert house.reasons(ids) == {Reason.VENUE_RATE}
    assert house.venue.refused == []


def test_the_first_order_leaves_with_the_account_s_limits_known(tmp_path: Path) -> None:
    """Without them a burst after the start is bounded by nothing, and the venue answers with a ban."""
    house = FloodedHouse(tmp_path)
    while not house.role.session.up:
        house.run(1, 5 * MS)
    full = house.role.session.budget.full(Priority.ENTRY, Cost(0, SMALL.orders_10_seconds + 1), house.now_ns)
    assert full is not None
    assert full.limit == SMALL.orders_10_seconds


def test_a_session_is_not_up_while_the_venue_does_not_give_the_limits(tmp_path: Path) -> None:
    """It is tried again as after every other failure of its beginning."""
    house = House(tmp_path)
    house.venue.fault("account.rateLimits.orders", "mute")
    house.run(200, 5 * MS)
    assert not house.role.session.up
    house.run(600, 5 * MS)
    assert house.role.session.up
