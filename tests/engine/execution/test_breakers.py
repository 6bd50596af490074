"""Breakers in the real Execution: what a trip stops, how long it holds, and what a resume opens."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.execution.orders import codec
from engine.execution.restore.checkpoint import Request, advance
from engine.model import algorithms
from engine.model.text import shown
from engine.model.words import BUY, SELL, BookState, CommandKind, FlattenState, HaltReason, ParentStatus, Reason
from engine.risk.breakers import check_watched
from engine.risk.table import read_risk
from tests.engine.execution.memory import BTC, ETH, MS, OTHER, SECOND, STRATEGY, House

POLICIES = ("refuse", "reduce", "cancel", "flatten")
ACCOUNT = {"account": 1}


def made(directory: Path, *, segment_size: int = 1 << 16, **risk: Any) -> House:
    """A system with these keys in `[risk]`, and good books."""
    limits, caps = read_risk(risk)
    own = {name: getattr(limits, name) for name in risk if name in limits.__struct_fields__}
    house = House(directory, strategies=(STRATEGY, OTHER), caps=caps, risk=risk, segment_size=segment_size, limits=own)
    house.ready()
    books(house)
    return house


def books(house: House, bid: int = 6_000_000) -> None:
    """Good books of both instruments, and time for a valuation."""
    house.book(bid=bid, ask=bid + 100)
    house.book(bid=300_000, ask=300_100, instrument=2)
    house.run(110)


def buy(house: House, size: int = 1000) -> None:
    """Hold so many units of BTC, bought at 60,000."""
    order = house.place(size=size, price=6_000_000)
    house.venue.fill(order.client_id.hex(), size)
    house.run(5)


def verdict(house: House, **more: Any) -> Reason:
    """Risk's answer to an order now, with fresh books."""
    books(house, more.pop("bid", 6_000_000))
    intent = house.intent(**more)
    house.run(3)
    return Reason(house.verdict(intent))


def drawn_down(directory: Path, policy: str, **more: Any) -> House:
    """600 dollars of 1,000 in BTC, an open entry and an open exit, and a fall of 20 %: 12 % of the equity."""
    house = made(directory, capital_usd="1000", max_drawdown_pct="0.1", max_order_size_usd="900",
                 exit_collar_bps=5000, policies={"max_drawdown_pct": policy}, **more)  # fmt: skip
    buy(house)
    house.entry = house.place(size=100, price=5_990_000)  # type: ignore[attr-defined]
    house.exit = house.place(side=SELL, size=100, price=6_100_000)  # type: ignore[attr-defined]
    books(house, 4_800_000)
    return house


@pytest.mark.parametrize("policy", POLICIES)
def test_each_policy_ends_in_its_state_on_the_venue_within_a_second(tmp_path: Path, policy: str) -> None:
    """A loss that goes on while the engine thinks is the loss that the breaker was set for."""
    house = drawn_down(tmp_path, policy)
    house.venue.liquidity = {"BTCUSDT": 10**9} if policy == "flatten" else {}
    for _ in range(8):
        books(house, 4_800_000)
    entry, leaves = house.entry, house.exit  # type: ignore[attr-defined]
    assert (entry.live, leaves.live) == {
        "refuse": (True, True), "reduce": (False, True), "cancel": (False, False), "flatten": (False, False),
    }[policy]  # fmt: skip
    assert (house.venue.holding(house.mark, "BTCUSDT") == 0) is (policy == "flatten")
    row = house.cells["scope_halts"].read(0)
    assert (row.account, row.reason) == (1, HaltReason.BREAKER)
    if policy != "flatten":
        assert shown(row.text).startswith(f"max_drawdown_pct ({policy}): DRAWDOWN: 120.01 of 100.00 USD")


def test_a_scope_that_is_flattened_again_is_not_shown_as_flat_by_the_flattening_before(tmp_path: Path) -> None:
    """FLAT ends the wait of an operator: from the first step of a further trip it must be true of that trip."""
    house = drawn_down(tmp_path, "flatten")
    house.venue.liquidity = {"BTCUSDT": 10**9}
    while house.rows("scope_halts")[0].state != FlattenState.FLAT:
        books(house, 4_800_000)
    first_ns = house.rows("scope_halts")[0].since_ns
    house.command(CommandKind.RESUME, **ACCOUNT)
    books(house, 4_800_000)
    house.venue.liquidity = {}
    order = house.place(size=1000, price=4_800_000)
    house.venue.fill(order.client_id.hex(), 1000)
    house.book(bid=3_800_000, ask=3_800_100)
    while (row := house.rows("scope_halts")[0]).since_ns in (0, first_ns):
        house.book(bid=3_800_000, ask=3_800_100)
        house.run()
    assert row.state != FlattenState.FLAT
    assert house.venue.holding(house.mark, "BTCUSDT") == 1000


@pytest.mark.parametrize("policy", POLICIES)
def test_a_trip_holds_over_restarts_and_lost_memory_until_an_operator_resumes(tmp_path: Path, policy: str) -> None:
    """A limit that a restart forgets is lost at the moment at which everything goes wrong; a recovery opens nothing."""
    house = drawn_down(tmp_path, policy)
    for again in ("alive", "restart", "power"):
        if again == "restart":
            house.restart()
        elif again == "power":
            house.kill()
            house.power_on()
            house.role = house.live()
        house.ready()
        expected = Reason.DRAWDOWN if policy in ("refuse", "reduce") else Reason.ACCOUNT_HALTED
        assert verdict(house, price=5_999_000, size=100) == expected, again
        if policy in ("refuse", "reduce"):
            assert house.cells["gate"].read(0).exits_only == Reason.DRAWDOWN
            assert verdict(house, side=SELL, size=100, price=6_000_000) == Reason.APPROVED
    house.command(CommandKind.RESUME, **ACCOUNT)
    house.run(10)
    assert verdict(house, price=5_999_000, size=100) == Reason.APPROVED
    house.restart()
    house.ready()
    assert verdict(house, price=5_999_000, size=100) == Reason.APPROVED
    assert not house.cells["scope_halts"].read(0).since_ns


@pytest.mark.parametrize("trip_first", [False, True])
def test_a_trip_that_cancels_ends_no_flattening_also_not_after_a_death(tmp_path: Path, *, trip_first: bool) -> None:
    """The account is flattened, a breaker trips during it, execution dies: the position must still be closed."""
    house = made(tmp_path, capital_usd="1000", max_drawdown_pct="0.1", max_order_size_usd="900", exit_collar_bps=5000)
    buy(house)
    if trip_first:
        books(house, 4_800_000)
    house.command(CommandKind.FLATTEN, **ACCOUNT)
    house.run(5)
    for _ in range(3):
        books(house, 4_800_000)
    assert house.venue.holding(house.mark, "BTCUSDT") == 1000, "no order buys"
    house.restart()
    house.venue.liquidity = {"BTCUSDT": 10**9}
    house.ready()
    for _ in range(8):
        books(house, 4_800_000)
    assert house.venue.holding(house.mark, "BTCUSDT") == 0


def test_a_resume_counts_from_the_value_at_that_time(tmp_path: Path) -> None:
    """Else the breaker would trip again at once, and no strategy could trade out of it."""
    house = drawn_down(tmp_path, "refuse")
    house.command(CommandKind.RESUME, **ACCOUNT)
    house.run(10)
    assert verdict(house, price=4_799_000, size=100, bid=4_800_000) == Reason.APPROVED
    assert verdict(house, price=4_799_000, size=100, bid=4_000_000) == Reason.PRICE_COLLAR, "9.1 % below 880 dollars"
    assert verdict(house, price=3_799_000, size=100, bid=3_800_000) == Reason.DRAWDOWN


def test_the_peak_outlives_a_death_at_any_time(tmp_path: Path) -> None:
    """A drawdown that is counted from the last start is no drawdown."""
    house = made(tmp_path, capital_usd="1000", max_drawdown_pct="0.1", max_order_size_usd="900",
                 policies={"max_drawdown_pct": "refuse"})  # fmt: skip
    buy(house)
    books(house, 7_000_000)  # the equity is 1,100
    house.restart()
    house.ready()
    assert verdict(house, bid=6_200_000, price=6_199_000, size=100) == Reason.APPROVED
    house.restart()
    house.ready()
    assert verdict(house, bid=5_800_000, price=5_799_000, size=100) == Reason.DRAWDOWN, "980 is 10.9 % below 1,100"


def test_a_checkpoint_holds_states_and_trips(tmp_path: Path) -> None:
    """A start from a checkpoint reads no older record."""
    house = drawn_down(tmp_path, "reduce", segment_size=1 << 14)
    while house.role.journal.closed < 2:
        books(house)
        house.place(side=SELL, size=10, price=6_100_000)
        house.command(CommandKind.CANCEL_ALL)
        house.run(5)
    rows = [codec.BREAKER.pack_row(row) for row in house.role.breakers.rows.values()]
    advance(Request(str(tmp_path), house.role.journal.closed, (BTC, ETH), (STRATEGY, OTHER),
                    house.role.blotter.fill_order.name, 1))  # fmt: skip
    house.restart()
    assert [codec.BREAKER.pack_row(row) for row in house.role.breakers.rows.values()] == rows
    house.ready()
    assert verdict(house, price=5_999_000, size=100) == Reason.DRAWDOWN


def test_a_value_that_is_not_known_refuses_entries_and_trips_nothing(tmp_path: Path) -> None:
    """A stale book must neither free an entry nor halt a system that has lost nothing."""
    house = made(tmp_path, capital_usd="1000", max_drawdown_pct="0.1", max_order_size_usd="900")
    buy(house)
    house.book(state=BookState.STALE)
    house.run(110)
    intent = house.intent(instrument=2, price=299_000, size=100)
    house.run(3)
    assert house.verdict(intent) == Reason.RATE_MISSING
    house.restart()
    house.ready()
    house.book(state=BookState.STALE)
    house.book(bid=300_000, ask=300_100, instrument=2)
    house.run(110)
    intent = house.intent(instrument=2, price=299_000, size=100)
    house.run(3)
    assert house.verdict(intent) == Reason.RATE_MISSING
    assert verdict(house, size=100) == Reason.APPROVED
    assert not house.role.breakers.trips


def test_a_strategys_breaker_stops_that_strategy_alone(tmp_path: Path) -> None:
    """The others have lost nothing."""
    house = made(tmp_path, max_strategy_drawdown_usd="50", max_order_size_usd="900")
    buy(house)
    assert verdict(house, bid=5_400_000, price=5_399_000, size=100) == Reason.DRAWDOWN
    assert verdict(house, bid=5_400_000, price=5_399_000, size=100, strategy=OTHER) == Reason.APPROVED
    row = house.cells["scope_halts"].read(0)
    assert (row.account, row.strategy) == (0, STRATEGY)
    house.command(CommandKind.RESUME, strategy=OTHER)
    house.run(10)
    assert verdict(house, bid=5_400_000, price=5_399_000, size=100) == Reason.DRAWDOWN
    house.command(CommandKind.RESUME, strategy=STRATEGY)
    house.run(10)
    assert verdict(house, bid=5_400_000, price=5_399_000, size=100) == Reason.APPROVED


def test_losing_round_trips_in_a_row_stop_the_strategy_and_a_death_between_them_counts(tmp_path: Path) -> None:
    """Each loss may be small; many in a row show that the strategy is wrong."""
    house = made(tmp_path, max_loss_streak=1, max_order_size_usd="900")
    for loss in range(2):
        assert verdict(house, price=5_999_000, size=100) == Reason.APPROVED, loss
        house.role.desk.cancel_all(house.now_ns)
        house.settle(1)
        books(house)
        buy(house)
        order = house.place(side=SELL, size=1000, price=5_990_000)
        house.venue.fill(order.client_id.hex(), 1000)
        house.run(5)
        house.restart()
        house.ready()
    assert verdict(house, price=5_999_000, size=100) == Reason.LOSS_STREAK
    house.command(CommandKind.RESUME, strategy=STRATEGY)
    house.run(10)
    assert verdict(house, price=5_999_000, size=100) == Reason.APPROVED


def test_a_crash_cancels_before_an_intent_of_the_same_step_is_read(tmp_path: Path) -> None:
    """An order that leaves with the crash is filled by it."""
    crash = {"move_pct": Decimal("0.05"), "seconds": 2, "instruments": [1]}
    house = made(tmp_path, flash_crash=crash, price_collar_bps=5000, exit_collar_bps=5000)
    order = house.place(side=BUY, price=5_900_000)
    house.book(bid=5_600_000, ask=5_600_100)
    intent = house.intent(price=5_600_000)
    house.run(5)
    assert house.verdict(intent) == Reason.ACCOUNT_HALTED
    assert not order.live
    assert "FLASH_CRASH" in shown(house.cells["scope_halts"].read(0).text)


def test_a_rehearsal_changes_nothing_of_the_breakers(tmp_path: Path) -> None:
    """A process that spins judges understudies between two ticks: they must neither trip nor hide a crash."""
    crash = {"move_pct": Decimal("0.05"), "seconds": 1}
    results = []
    for way in ("warm", "cold"):
        house = made(tmp_path / way, flash_crash=crash, price_collar_bps=5000, exit_collar_bps=5000)
        for bid in (6_000_000, 5_800_000, 6_000_000, 5_750_000, 5_000_000):
            house.book(bid=bid, ask=bid + 100)
            for _ in range(3):
                house.run(1, 50 * MS)
                if way == "warm":
                    house.role.warm(house.now_ns)
        results.append((dict(house.role.breakers.trips), {name: bytes(ring.log) for name, ring in house.rings.items()}))
    warm, cold = results
    assert len(warm[0]) == 1
    assert warm == cold


def test_a_breaker_that_watches_no_configured_instrument_is_refused() -> None:
    """It would never trip, and nothing would show that."""
    crash = {"flash_crash": {"move_pct": Decimal("0.05"), "seconds": 2, "instruments": [1, 99]}}
    limits = read_risk(crash)[0]
    check_watched(crash, limits, [1, 99])
    with pytest.raises(ValueError, match=r"flash_crash.instruments must be of \[1, 2\], was 99"):
        check_watched(crash, limits, [1, 2])


def test_a_trip_that_reduces_stops_an_algorithm_between_two_of_its_orders(tmp_path: Path) -> None:
    """Without an open order nothing was cancelled, and after a resume the overdue slices would be bought at once."""
    house = made(tmp_path, capital_usd="1000", max_drawdown_pct="0.1", policies={"max_drawdown_pct": "reduce"})
    buy(house)
    number, parameters = algorithms.encode("twap", {"duration_ms": 10_000, "slices": 5})
    intent = house.intent(size=500, price=0, algorithm=number, parameters=parameters)
    house.run(5)
    for order in house.role.blotter.live.values():
        house.venue.fill(order.client_id.hex(), order.size)
    house.run(5)
    assert not house.role.blotter.live
    books(house, 4_800_000)
    books(house, 4_800_000)
    assert [row.status for row in house.rings["parents"].rows if row.intent_id == intent][-1] == ParentStatus.DONE


def test_a_slow_venue_stops_entries(tmp_path: Path) -> None:
    """Who learns late what happened to his orders must not send more of them."""
    house = made(tmp_path, max_ack_p99_ms=1000)
    for number in range(25):
        house.place(price=5_990_000 - number)
    books(house)
    assert verdict(house) == Reason.APPROVED
    for order in house.role.blotter.orders.values():
        order.answer_ns = order.sent_ns + 2 * SECOND
    house.run(110)
    assert verdict(house) == Reason.ACK_LATENCY


def test_a_venue_that_is_slow_to_give_its_time_stops_entries_over_a_death(tmp_path: Path) -> None:
    """It is known before the first order waits; a resume lets it count anew."""
    house = made(tmp_path, max_heartbeat_p99_ms=100)
    house.run(700, 100 * MS)
    assert verdict(house) == Reason.APPROVED
    house.venue.latency_ns = 300 * MS
    house.run(200, 100 * MS)
    house.venue.latency_ns = 2 * MS
    assert verdict(house, price=5_998_000) == Reason.HEARTBEAT_LATENCY
    house.restart()
    house.ready()
    assert verdict(house, price=5_997_000) == Reason.HEARTBEAT_LATENCY
    house.command(CommandKind.RESUME, account=house.config.account)
    house.run(700, 100 * MS)
    assert verdict(house, price=5_996_000) == Reason.APPROVED


def test_a_question_whose_connection_ends_counts_until_then(tmp_path: Path) -> None:
    """One that was never answered would be older at each judgement, and trip long after the connection is good."""
    house = made(tmp_path, max_heartbeat_p99_ms=100)
    house.run(700, 100 * MS)
    house.venue.fault("time", "lose")
    while not any(not answered for _, answered in house.role.gate.account.sight.heartbeats()):
        house.run(1, 10 * MS)
    house.venue.cut()
    house.run(20, 100 * MS)
    house.ready()
    assert verdict(house) == Reason.APPROVED


@pytest.mark.parametrize(
    ("risk", "text"),
    [
        ({"max_drawdown_pct": "0.1"}, "max_drawdown_pct: needs capital_usd"),
        ({"max_drawdown_pct": "1.5", "capital_usd": "1"}, "max_drawdown_pct: must be over 0 and at most 1"),
        ({"max_drawdwn_pct": "0.1"}, "max_drawdwn_pct: unknown key; did you mean max_drawdown_pct"),
        ({"policies": {"max_loss_streak": "cancel"}}, "policies.max_loss_streak: max_loss_streak is not set"),
        ({"max_loss_streak": 3, "policies": {"max_loss_streak": "stop"}}, "expected one of refuse, reduce, cancel"),
        ({"policies": {"max_los_streak": "cancel"}}, "policies.max_los_streak: unknown key; did you mean"),
        ({"flash_crash": {"move_pct": 5, "seconds": 2}}, "flash_crash: must be over 0 and at most 1"),
        ({"flash_crash": {"move_pct": "0.05", "seconds": 0}}, "flash_crash: seconds must be 1 to 600"),
        ({"max_ack_p99_ms": 0}, "max_ack_p99_ms: must be 1 to"),
    ],
)
def test_a_breaker_that_bounds_nothing_is_refused_by_its_key(risk: dict[str, Any], text: str) -> None:
    """At the start, not at the loss."""
    with pytest.raises(ValueError, match=text.replace("(", r"\(")):
        read_risk(risk)
