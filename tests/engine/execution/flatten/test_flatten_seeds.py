"""Flattening at the simulated venue under drawn faults: fills, a person who trades by hand, and deaths race with it."""

import random
from pathlib import Path
from typing import Any

import pytest

from engine.loopback.orders import Kind, OrderRequest, Until
from engine.model.fixed import to_fixed
from engine.model.scope import Scope
from engine.model.words import BUY, SELL, CommandKind, FlattenState
from tests.engine.execution.memory import AS_CHASE, AS_LIMIT, AS_MARKET, MS, SECOND, STRATEGY
from tests.engine.execution.test_simulated import RATES, SimulatedHouse

BOUNDED, SEEDS = 6, 100
LIMIT_S = 240  # of the system's time: an order in doubt is settled after its receive window, several times over
ORDERS = 40

soak = (pytest.mark.soak, pytest.mark.timeout(3000))
drawn = [pytest.param(seed, marks=soak if seed >= BOUNDED else ()) for seed in range(SEEDS)]


def trade(house: SimulatedHouse, draw: random.Random) -> None:
    """An order of a random kind."""
    bid, ask = house.venue.best("BTCUSDT", 2)
    side, kind = draw.choice((BUY, SELL)), draw.choice((AS_LIMIT, AS_LIMIT, AS_CHASE, AS_MARKET))
    price = (bid if side == BUY else ask) + draw.randrange(-1500, 1500) if kind is AS_LIMIT else 0
    house.intent(side=side, size=draw.randrange(100, 9000), price=price, **kind)


def by_hand(house: SimulatedHouse, draw: random.Random) -> None:
    """A person's order on the same account: it is not ours, stays open when it rests, and moves the balance."""
    bid, ask = house.venue.best("BTCUSDT", 8)
    side = draw.choice((BUY, SELL))
    price = (bid if side == BUY else ask) + draw.choice((-side * 10**10, side * 10**10))
    request = OrderRequest(
        "engine", "BTCUSDT", f"web{draw.randrange(10**9)}", side, Kind.LIMIT, Until.GTC, price - price % 10**6,
        draw.randrange(1, 50) * 10**5,
    )  # fmt: skip
    house.venue.binance.matching.place(request, house.now_ns)


def advance(house: SimulatedHouse, draw: random.Random, turns: int, *, deaths: float = 0.0) -> None:
    """Let time pass with books; execution may die."""
    for _ in range(turns):
        if draw.random() < deaths:
            house.restart()
        if draw.random() < deaths:
            by_hand(house, draw)
        house.run(draw.randrange(1, 4), draw.choice((2 * MS, 30 * MS, 200 * MS)))
        house.tell_books()


def state(house: SimulatedHouse, scope: Scope) -> Any:
    """How far the flattening of a scope is."""
    found = [row for row in house.rows("scope_halts") if row.since_ns and Scope.of(row) == scope]
    return found[0] if found else None


@pytest.mark.parametrize("seed", drawn)
def test_every_seed_ends_with_no_open_order_and_less_than_the_smallest_order(tmp_path: Path, seed: int) -> None:
    """By the venue's own books: what is left open or held is what the operator believes to be gone."""
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    draw = random.Random(seed)
    house = SimulatedHouse(tmp_path, seed, RATES)
    house.ready()
    for _ in range(ORDERS):
        trade(house, draw)
        advance(house, draw, 1)
    scope = draw.choice((Scope(), Scope(strategy=STRATEGY), Scope(instrument=1), Scope(account=1)))
    for _ in range(3):
        trade(house, draw)  # on its way while the command arrives
    house.command(CommandKind.FLATTEN, **scope._asdict())
    advance(house, draw, 30, deaths=0.05)
    house.venue.binance.faults.rates = type(RATES)()
    end_ns = house.now_ns + LIMIT_S * SECOND
    while (row := state(house, scope)) is None or row.state != FlattenState.FLAT:
        assert house.now_ns < end_ns, (seed, row)
        advance(house, draw, 1)
    advance(house, draw, 50)
    check_flat(house)


def check_flat(house: SimulatedHouse) -> None:
    """By the venue: no order of ours is open, and the account holds less of ours than the smallest order."""
    venue, mark = house.venue.binance, house.mark
    orders = [
        one for (account, _), found in venue.matching.open.items() if account == "engine" for one in found.values()
    ]
    assert not [one for one in orders if one.client_id.startswith(mark)]
    fills = [one for one in venue.truth.lines if one["account"] == "engine" and one["what"] == "fill"]
    others = [one for one in fills if not str(one["client_id"]).startswith(mark)]
    held = house.venue.gained("BTC") - sum(map(moved, others))
    bid, _ = house.venue.best("BTCUSDT", 8)
    assert abs(held) * bid < house.role.ledger.account[1].instrument.notional_min * 10**9, held


def moved(fill: dict[str, Any]) -> int:
    """What a fill adds to the account's BTC, at eight decimals."""
    fee = to_fixed(str(fill["fee"]), 8) if fill["fee_asset"] == "BTC" else 0
    side = 1 if str(fill["side"]).upper() in ("BUY", "1") else -1
    return side * to_fixed(str(fill["fill_size"]), 8) - fee
