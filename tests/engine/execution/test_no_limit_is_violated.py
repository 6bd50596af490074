"""Random intents through the real Execution with every limit configured: no order that leaves violates one.

The checker knows nothing of the product's tables. It reads the lanes (BOOKS, TICKS, FILLS, ORDERS, the journal's
trips), counts for itself, and judges each request when it is given to the session. The further caps are judged by their
formulas in `tests/engine/risk/test_caps_model.py`.
"""

import random
from collections import Counter, deque
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from engine.execution.orders import codec
from engine.model.text import bare
from engine.model.words import BUY, DONE_STATES, SELL, BookState, CommandKind, JournalKind, Reason, TickKind
from engine.risk import gate
from engine.risk.breakers import BREAKERS
from engine.risk.caps import CAPS
from engine.risk.caps.volume import Share
from engine.risk.gate import Proposed, RiskGate
from engine.risk.history.returns import DAY_NS
from engine.risk.table import read_risk
from engine.venues.binance.margin import CrossMargin
from engine.venues.margin import Bracket
from tests.engine.execution.intents.test_wrong_intents import chance
from tests.engine.execution.memory import (
    AS_CHASE,
    AS_LIMIT,
    AS_MARKET,
    BTC,
    ETH,
    MS,
    OTHER,
    SECOND,
    START_NS,
    STRATEGY,
    House,
)
from tests.engine.risk import test_caps_model as models
from tests.engine.risk.accounts import MICRO, Sent, Traded

INSTRUMENTS = {1: BTC, 2: ETH}
MIDDLES = {1: 6_000_000, 2: 300_000}
BRACKETS = tuple(  # BTC counts as a derivative, so wild that a short one of 3,600 dollars is near its end
    Bracket(*map(Decimal, row), 50) for row in (("0", "300", "0.004", "0"), ("300", "1e9", "0.95", "283.8"))
)
TODAY = START_NS // DAY_NS
MINUTE_NS = 60 * SECOND
RAMP = Decimal("0.5")
MODELS: dict[str, Any] = {  # that of the value at risk is written anew: it is slow
    key: model for key, model in models.MODELS.items() if key != "var_limit_1d_95"
}
LIMITS: dict[str, tuple[Any, ...]] = {  # from which each storm draws: from the value that binds most
    "max_order_size_usd": ("1600",), "max_position_usd": ("1600", "8000", "80000"), "ramp": (str(RAMP),),
    "max_order_rate_per_min": (60, 900, 90_000), "price_collar_bps": (200,), "exit_collar_bps": (300,),
    "max_spread_bps": (20,), "capital_usd": ("10000",), "sectors": ({"majors": [1, 2], "btc": [1]},),
    "var_window_days": (20,),
}  # fmt: skip
CAP_VALUES: dict[str, tuple[Any, ...]] = {
    "max_gross_usd": ("3000", "90000"), "max_net_usd": ("1600", "90000"), "max_sector_usd": ("2600", "90000"),
    "max_portfolio_concentration": ("0.1", "0.9"), "max_leverage": ("0.12", "3"), "margin_buffer": ("0.88", "0.01"),
    "liquidation_buffer": ("0.99", "0.01"),
    "var_limit_1d_95": ("60", "9000"), "max_open_orders": (4, 200), "refuse_self_trade": (True,),
    "duplicate_window_ms": (5_000, 400, 1),
    "max_volume_share": ({"share": "0.02", "minutes": 2}, {"share": "0.9", "minutes": 2}),
}  # fmt: skip
BREAKER_VALUES: dict[str, tuple[Any, ...]] = {
    "max_drawdown_pct": ("0.001", "0.2"), "max_strategy_drawdown_usd": ("8", "900"),
    "margin_call_threshold": ("0.9", "0.3"), "max_daily_loss_usd": ("10", "900"),
    "max_strategy_daily_loss_usd": ("8", "900"), "max_loss_streak": (1, 50),
    "flash_crash": ({"move_pct": "0.004", "seconds": 2}, {"move_pct": "0.2", "seconds": 2}),
    "max_ack_p99_ms": (1_500,), "max_heartbeat_p99_ms": (1_500,),
}  # fmt: skip


def exact(key: str, value: Any) -> Any:
    """The value of a cap that is in force, as its model reads it."""
    if key == "max_volume_share":
        return Share(Decimal(value["share"]), value["minutes"])
    if isinstance(value, str):
        return Decimal(value) * (RAMP if CAPS[key].ramps else 1)
    return value


class Ledger:
    """Positions, orders and prices, counted from the lanes alone; the `world` of the caps' models."""

    def __init__(self, house: House, closes: dict[int, dict[int, int]], capital_usd: str) -> None:
        """Begin before the first record."""
        self.house, self.closes = house, closes
        self.capital = int(capital_usd) * MICRO
        self.limits, self.brackets = house.config.limits, {1: BRACKETS}
        self.at: Counter[str] = Counter()  # how many rows of each ring were read
        self.size: Counter[tuple[int, int]] = Counter()  # by strategy and instrument
        self.cash: dict[int, Fraction] = {1: Fraction(0), 2: Fraction(0)}
        self.filled: Counter[bytes] = Counter()
        self.live: dict[bytes, Any] = {}
        self.recent: deque[Any] = deque(maxlen=4_000)
        self.tops: dict[int, Any] = {}
        self.prints: deque[Traded] = deque(maxlen=20_000)
        self.closed: set[int] = set()  # strategies, 0: all, whose breaker has tripped

    def read(self) -> None:
        """Read every lane to its end."""
        for row in self._new("fills"):
            self.size[row.strategy, row.instrument] += row.side * row.size
            unit = 10 ** (INSTRUMENTS[row.instrument].price_decimals + INSTRUMENTS[row.instrument].size_decimals)
            self.cash[row.instrument] -= Fraction(row.side * row.price * row.size, unit) + Fraction(row.fee, 10**8)
            self.filled[self.key(row)] += row.size
        for row in self._new("orders"):
            if self.key(row) not in self.live and row.state not in DONE_STATES:
                self.recent.append(row)
            self.live[self.key(row)] = row
            if row.state in DONE_STATES:
                del self.live[self.key(row)]
        for row in self._new("books"):
            self.tops[row.instrument] = row
        for row in self._new("ticks"):
            if row.kind == TickKind.PRINT:
                self.prints.append(Traded(row.instrument, row.size, row.receive_ns // SECOND))
        self._read_trips()

    def _read_trips(self) -> None:
        """The scopes that are closed from now on."""
        for row in self._new("journal"):
            if row.kind == JournalKind.BREAKER:
                trip = codec.BREAKER.unpack(row.payload[: codec.BREAKER.record.size])
                assert bare(trip.key).decode() in BREAKERS
                if trip.policy:
                    self.closed.add(trip.strategy)

    @staticmethod
    def key(row: Any) -> bytes:
        """An order's id."""
        return bytes(row.client_id).ljust(16, b"\0")

    def _new(self, name: str) -> list[Any]:
        rows = self.house.ring(name).rows
        found = rows[self.at[name] :]
        self.at[name] = len(rows)
        return found

    def held(self, number: int, strategy: int = 0) -> Fraction:
        """The position."""
        of = (strategy,) if strategy else (STRATEGY, OTHER)
        return Fraction(sum(self.size[one, number] for one in of), scale(number))

    def pending(self, number: int, side: int, strategy: int = 0) -> Fraction:
        """What open orders on a side may still add; of an order and the one that replaces it the larger."""
        rests = {
            (row.intent_id, row.child): (row, max(0, row.size - self.filled[key])) for key, row in self.live.items()
            if (row.instrument, row.side) == (number, side) and strategy in (0, row.strategy)
        }  # fmt: skip
        total = sum(rest for _, rest in rests.values())
        for row, rest in rests.values():
            if row.replaces_id:
                child = row.replaces_child if row.replaces_id == row.intent_id else 0
                total -= min(rest, rests.get((row.replaces_id, child), (row, 0))[1])
        return Fraction(total, scale(number))

    def price(self, number: int, now_ns: int) -> Fraction | None:
        """The middle of a good and fresh book."""
        top = self.tops.get(number)
        if top is None or top.state != BookState.GOOD or now_ns - top.receive_ns > 2 * SECOND:
            return None
        bid, ask = top.bid_price[0], top.ask_price[0]
        return Fraction(bid + ask, 200) if 0 < bid < ask else None

    def usd(self, number: int, _: int) -> Fraction | None:
        """Both are quoted in dollars."""
        return Fraction(1) if number in INSTRUMENTS else None

    def equity(self, now_ns: int) -> int | None:
        """Capital and net."""
        total = self.capital
        for number in INSTRUMENTS:
            held = self.held(number)
            price = self.price(number, now_ns) if held else Fraction(0)
            if price is None:
                return None
            total += (self.cash[number] + held * price) * MICRO // 1
        return total

    @property
    def open(self) -> list[Sent]:
        """The orders that may still be filled."""
        return [sent(row) for row in self.live.values()]

    def newest_orders(self) -> list[Sent]:
        """The latest orders."""
        return [sent(row) for row in self.recent]


def scale(number: int) -> int:
    """Units of a whole one."""
    return int(10 ** INSTRUMENTS[number].size_decimals) if number in INSTRUMENTS else 1


def sent(row: Any) -> Sent:
    """As the models read it."""
    return Sent(row.strategy, row.instrument, row.side, row.price, row.size, row.intent_ns, row.child)


class Checker:
    """Judges each request that one life of execution sends."""

    def __init__(self, house: House, ledger: Ledger, risk: dict[str, Any]) -> None:
        """Judge by `[risk]` as it is configured."""
        self.house, self.ledger, self.risk = house, ledger, risk
        self.values = {key: exact(key, risk[key]) for key in CAP_VALUES}
        self.counts: Counter[str] = Counter()
        self.sent_ns: deque[tuple[int, int, bool]] = deque()

    def watch(self) -> None:
        """Come between the present life of execution and its session."""
        session: Any = self.house.role.session
        self._place, self._replace = session.place, session.replace
        session.place, session.replace = self.place, self.replace

    def place(self, *order: Any) -> Any:
        """A placement leaves."""
        instrument, side, _, price, size, client_id, now_ns = order
        self._judge(instrument, side, price, size, client_id, None, now_ns)
        return self._place(*order)

    def replace(self, *order: Any) -> Any:
        """A replacement leaves."""
        instrument, side, _, price, size, client_id, replaced, now_ns = order
        self._judge(instrument, side, price, size, client_id, replaced, now_ns)
        return self._replace(*order)

    def _judge(
        self, instrument: int, side: int, price: int, size: int, client_id: bytes, replaced: bytes | None, now_ns: int
    ) -> None:  # fmt: skip
        ledger = self.ledger
        ledger.read()
        ledger.live.pop(client_id, None)
        strategy, intent = self._intent(client_id)
        relief = 0
        if replaced is not None:
            relief = max(0, ledger.live[replaced].size - ledger.filled[replaced])
        child = int.from_bytes(client_id[14:])
        decided_ns = now_ns if child else intent.now_ns
        order = Proposed(now_ns, strategy, instrument, side, price, size, decided_ns, 0, relief, bool(intent.algorithm))
        self._every(order, intent)
        own = ledger.held(instrument, strategy) * side + ledger.pending(instrument, side, strategy)
        exits = own + Fraction(size - relief, scale(instrument)) <= 0
        self.counts["exits" if exits else "entries"] += 1
        self.sent_ns.append((now_ns, strategy, exits))
        self._rate(now_ns, strategy, exits=exits)
        if exits:
            middle = self._last_middle(instrument)
            assert (Fraction(price, 100) - middle) * side / middle * 10_000 <= self.risk["exit_collar_bps"], (
                f"exit_collar: {order}"
            )
        else:
            self._entry(order)

    def _intent(self, client_id: bytes) -> tuple[int, Any]:
        number = int.from_bytes(client_id[6:14])
        strategy = number >> 40
        index = (number & ((1 << 40) - 1)) - 1
        return strategy, self.house.intents[strategy].rows[index]

    def _last_middle(self, number: int) -> Fraction:
        good = next(
            row for row in reversed(self.house.ring("books").rows)
            if row.instrument == number and row.state == BookState.GOOD and 0 < row.bid_price[0] < row.ask_price[0]
        )  # fmt: skip
        return Fraction(good.bid_price[0] + good.ask_price[0], 200)

    def _every(self, order: Proposed, intent: Any) -> None:
        """What holds for exits too."""
        one = INSTRUMENTS[order.instrument_id]
        assert order.side in (BUY, SELL), order
        stepped = order.price > 0 and order.price % one.price_step == order.size % one.size_step == 0
        large_enough = order.size >= one.size_min and order.price * order.size >= one.notional_min
        assert stepped and large_enough, f"steps: {order}"  # noqa: PT018 - one check of the gate
        assert order.size <= one.size_max, order
        assert not self.house.halted, f"halt: {order}"  # type: ignore[attr-defined]
        if not intent.algorithm and intent.kind == 1:
            assert -100 * MS <= order.now_ns - intent.now_ns <= SECOND, f"age: {order}"

    def _rate(self, now_ns: int, strategy: int, *, exits: bool) -> None:
        """Requests of the last minute."""
        while self.sent_ns[0][0] <= now_ns - MINUTE_NS:
            self.sent_ns.popleft()
        most = self.risk["max_order_rate_per_min"]
        assert len(self.sent_ns) <= most, "rate"
        if not exits:
            entries = [who for _, who, leaves in self.sent_ns if not leaves]
            assert len(entries) <= most * 3 // 4, "rate"
            assert entries.count(strategy) <= most * 3 // 8, "rate"

    def _entry(self, order: Proposed) -> None:
        """The limits of entries."""
        ledger, now_ns = self.ledger, order.now_ns
        assert not {0, order.strategy} & ledger.closed, f"breakers: {order}"
        middle, top = ledger.price(order.instrument_id, now_ns), ledger.tops[order.instrument_id]
        assert middle is not None, "an entry leaves without a good and fresh book"
        price, size = Fraction(order.price, 100), Fraction(order.size, scale(order.instrument_id))
        bid, ask = top.bid_price[0], top.ask_price[0]
        spread_bps = Fraction(2 * (ask - bid), ask + bid) * 10_000
        assert spread_bps <= self.risk["max_spread_bps"] * (1 + Fraction(1, 10**9)), f"spread: {top}"
        assert abs(price - middle) / middle * 10_000 <= self.risk["price_collar_bps"], f"collar: {order}"
        assert price * size <= Decimal(self.risk["max_order_size_usd"]) * RAMP, f"order_cap: {order}"
        worst = models.reach(ledger, order, order.instrument_id, order.side, with_order=True)  # type: ignore[arg-type]
        position = worst * max(price, middle)
        assert position <= Decimal(self.risk["max_position_usd"]) * RAMP or worst <= 0, f"position_cap: {order}"
        assert self._value_at_risk(order) <= self.values["var_limit_1d_95"] * MICRO, f"var_limit_1d_95: {order}"
        for key, value in self.values.items():
            for reason, found, most_of in MODELS[key](ledger, order) if key in MODELS else ():
                self._cap(key, reason, found, most_of(value))

    def _value_at_risk(self, order: Proposed) -> int:
        """The loss that 5 % of the days exceed, of the worst position within reach; 0 for an order that adds none."""
        with_order, without = (self._loss(order, with_order=one) for one in (True, False))
        return with_order if with_order > without else 0

    def _loss(self, order: Proposed, *, with_order: bool) -> int:
        """The loss on the second worst of the twenty days."""
        losses = [Fraction(0)] * 20
        for number in INSTRUMENTS:
            up, down = (
                models.dollars(self.ledger, order, number, models.reach(  # type: ignore[arg-type]
                    self.ledger, order, number, side, with_order=with_order))  # type: ignore[arg-type]
                for side in (1, -1)
            )  # fmt: skip
            assert up is not None, "an entry leaves while a position has no price"
            assert down is not None, "an entry leaves while a position has no price"
            days = self.ledger.closes[number]
            for index, day in enumerate(range(TODAY - 20, TODAY)):
                rate = Fraction(days[day], days[day - 1]) - 1
                losses[index] += max(-up * rate, down * rate)
        return int(sorted(losses)[-2])

    def _cap(self, key: str, reason: Any, found: int, most: Any) -> None:
        self.counts[key] += 1
        assert found != models.MISSING or key in ("max_open_orders", "duplicate_window_ms"), f"{key}: not known"
        if key == "duplicate_window_ms":
            assert abs(found) >= most, f"{key}: {found} of {most}"
        else:
            assert key != "refuse_self_trade", f"{key}: reached at {most}"
            if key == "liquidation_buffer":
                found, most = -found, -self.values[key]  # the least that is allowed
            assert found <= most, f"{key}: {reason.name}: {found} of {most}"


def closes(directory: Path, draw: random.Random) -> tuple[str, dict[int, dict[int, int]]]:
    """A file of daily closes, and the same as numbers."""
    found = {one: {day: draw.randrange(9_500, 10_500) for day in range(TODAY - 22, TODAY)} for one in INSTRUMENTS}
    lines = [
        f"{day * DAY_NS // MS},{INSTRUMENTS[one].symbol},{price}\n"
        for one, days in found.items() for day, price in days.items()
    ]  # fmt: skip
    file = directory / "closes.csv"
    file.write_text("time_ms,symbol,close\n" + "".join(lines))
    return str(file), found


class Storm:
    """One system in a storm of intents, and what checks its orders."""

    def __init__(self, directory: Path, seed: int, without: str = "") -> None:
        """Every limit configured; `without`: the gate does not know this cap or this check."""
        self.draw, self.without = random.Random(seed), without
        directory.mkdir()
        file, days = closes(directory, self.draw)
        choices = {**LIMITS, **CAP_VALUES, **BREAKER_VALUES}
        risk = {key: self.draw.choice(values) for key, values in choices.items()}
        binds = without if without in CAPS else self.draw.choice((*CAPS, *[""] * len(CAPS)))
        if binds and without in ("", binds):  # the others are wide, so that it is reached
            risk = {key: values[0 if key == binds else -1] for key, values in choices.items()}
        risk |= {"var_history": file, "policies": {"flash_crash": "reduce"}}
        limits, caps = read_risk(risk)
        names = [name for name in risk if name in limits.__struct_fields__]
        self.house = House(
            directory / "journal", strategies=(STRATEGY, OTHER), caps=caps, risk=risk,
            limits={name: getattr(limits, name) for name in names}, margin={1: CrossMargin(BRACKETS)},
        )  # fmt: skip
        self.house.halted = False  # type: ignore[attr-defined]
        self.house.venue.fee = self.draw.choice(("0.01000000", "1.50000000"))  # with the large one the account loses
        self.middles = dict(MIDDLES)
        self.ledger = Ledger(self.house, days, risk["capital_usd"])
        self.checker = Checker(self.house, self.ledger, risk)
        self.counts = self.checker.counts
        self.begin()
        self.market()

    def begin(self) -> None:
        """Watch a life of execution until it trades."""
        self.checker.watch()
        role: Any = self.house.role
        if self.without:
            role.gate.approves = lambda *_: False
        if self.without in CAPS:
            caps = [one for one in role.gate._caps if not isinstance(one, CAPS[self.without].make)]  # type: ignore[arg-type]
            role.gate.set_limits(role.gate.limits, caps)
        self.house.ready()

    def market(self) -> None:
        """Books of both instruments, mostly good ones, and prints."""
        house, draw = self.house, self.draw
        for number in INSTRUMENTS:
            move = draw.choice((0, 0, 0, 1, -1)) * draw.randrange(1, 6) * self.middles[number] // 10_000
            base = MIDDLES[number]
            self.middles[number] = min(max(self.middles[number] + move, base * 97 // 100), base * 103 // 100)
            half = draw.choice((1, 10, 10, 10, self.middles[number] // 900))
            state = BookState.GOOD if draw.random() < 0.97 else draw.choice(tuple(BookState))
            house.book(self.middles[number] - half, self.middles[number] + half, instrument=number, state=state)
            if draw.random() < 0.3:
                house.ring("ticks").publish(
                    house.now_ns, house.now_ns, 0, 0, self.middles[number], draw.randrange(1, 3_000), 0, number,
                    TickKind.PRINT, BUY, 0,
                )  # fmt: skip

    def intent(self) -> None:
        """A sound intent near the limits, or one with any numbers in it."""
        house, draw = self.house, self.draw
        strategy, number = draw.choice((STRATEGY, STRATEGY, OTHER)), draw.choice((1, 1, 2))
        if draw.random() < 0.1:
            fields = chance(draw, house.now_ns)
            sound = {"intent_id", "strategy"}
            house.intent(**{key: value for key, value in fields.items() if key not in sound} | {"strategy": strategy})  # type: ignore[arg-type]
            return
        middle, side = self.middles[number], draw.choice((BUY, SELL))
        offset = draw.choice((-350, -1, -1, 1, 2, 30, 100, 190, 210)) * middle // 10_000
        shape: dict[str, Any] = draw.choice((AS_LIMIT, AS_LIMIT, AS_LIMIT, AS_MARKET, AS_CHASE))
        if draw.random() < 0.12:
            shape = {"kind": 2, "target_id": strategy << 40 | max(1, house.counts[strategy] - draw.randrange(12))}
        dollars = draw.choice((10, 100, 300, 780, 799, 801))
        size = dollars * 100 * scale(number) // middle
        house.intent(strategy=strategy, instrument=number, side=side, size=size, price=middle - side * offset, **shape)

    def turn(self) -> None:
        """One intent, and what happens around it."""
        house, draw = self.house, self.draw
        self.intent()
        house.run(1, draw.choice((0, MS, 5 * MS, 30 * MS)))
        if draw.random() < 0.3:
            self.market()
        if draw.random() < 0.1 and (resting := [one for one in house.venue.orders.values() if one.open]):
            house.venue.fill(draw.choice(resting).client_id, draw.randrange(1, 2_000))
        if draw.random() < 0.05:
            house.command(CommandKind.CANCEL_ALL)
        if draw.random() < 0.02:
            house.venue.liquidity[INSTRUMENTS[draw.choice((1, 2))].symbol] = draw.randrange(1, 3_000)

    def rare(self) -> None:
        """A halt and its end, or a death; then an operator resumes everything."""
        house, draw = self.house, self.draw
        if draw.random() < 0.3:
            house.command(CommandKind.HALT)
            house.run()
            house.halted = True  # type: ignore[attr-defined]
            for _ in range(20):
                self.turn()
            house.command(CommandKind.RESUME)
            house.halted = False  # type: ignore[attr-defined]
        if draw.random() < 0.3:
            house.kill()
            house.role = house.live()
            self.begin()
        self.ledger.read()
        self.counts["trips"] += len(self.ledger.closed)
        for scope in ({"account": house.config.account}, {"strategy": STRATEGY}, {"strategy": OTHER}):
            house.command(CommandKind.RESUME, **scope)
        house.run()
        self.ledger.read()
        self.ledger.closed.clear()
        self.market()

    def rage(self, count: int) -> Counter[str]:
        """So many intents; what was judged."""
        for number in range(count):
            self.turn()
            if number % 150 == 149:
                self.rare()
        return self.counts


@pytest.fixture
def caps_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models of the caps read this system's instruments and sectors."""
    monkeypatch.setattr(models, "INSTRUMENTS", INSTRUMENTS)
    monkeypatch.setattr(models, "SECTORS", {"majors": (1, 2), "btc": (1,)})


STORM = 1_000  # intents of one storm


@pytest.mark.parametrize("count", [300, pytest.param(200_000, marks=[pytest.mark.soak, pytest.mark.timeout(7200)])])
@pytest.mark.usefixtures("caps_of_both")
def test_no_order_that_leaves_violates_a_limit(tmp_path: Path, count: int) -> None:
    """Each limit alone is proved by its model; this is all of them, in the program that sends the orders."""
    first, counts, refused = random.randrange(1 << 32), Counter[str](), Counter[Reason]()
    for seed in range(first, first + max(1, count // STORM)):
        print(f"seed {seed}")  # noqa: T201 - to repeat it
        storm = Storm(tmp_path / str(seed), seed)
        counts += storm.rage(min(count, STORM))
        refused += Counter(Reason(row.reason) for row in storm.house.rings["verdicts"].rows)
    print(dict(counts), dict(refused))  # noqa: T201 - what was judged
    assert counts["entries"] > count // 50
    assert counts["exits"] > count // 500
    assert count < STORM or set(refused) >= BINDING, f"never refused: {BINDING - set(refused)}"


BINDING = {
    Reason.HALTED, Reason.BOOK_NOT_GOOD, Reason.SPREAD_TOO_WIDE, Reason.PRICE_COLLAR, Reason.ORDER_TOO_LARGE,
    Reason.POSITION_TOO_LARGE, Reason.STRATEGY_RATE, Reason.GROSS_TOO_LARGE, Reason.NET_TOO_LARGE,
    Reason.SECTOR_TOO_LARGE, Reason.CONCENTRATION_TOO_HIGH, Reason.LEVERAGE_TOO_HIGH, Reason.MARGIN_TOO_LOW,
    Reason.LIQUIDATION_TOO_NEAR,
    Reason.TOO_MANY_ORDERS, Reason.SELF_TRADE, Reason.DUPLICATE_ORDER, Reason.VAR_TOO_HIGH, Reason.VOLUME_SHARE,
    Reason.FLASH_CRASH, Reason.DAILY_LOSS, Reason.LOSS_STREAK,
}  # fmt: skip
CHECKS = ("halt", "spread", "steps", "age", "collar", "order_cap", "position_cap", "breakers", "rate")
SOAKED = [pytest.mark.soak, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    "without", ["spread", *(pytest.param(one, marks=SOAKED) for one in (*CHECKS, "exit_collar", *CAPS))]
)
@pytest.mark.usefixtures("caps_of_both")
def test_a_gate_without_a_limit_is_found(tmp_path: Path, without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checker that cannot fail proves nothing."""
    if without not in CAPS:
        check = getattr(RiskGate, f"check_{without}")
        for name in ("ENTRY", "EXIT"):
            monkeypatch.setattr(gate, name, tuple(one for one in getattr(gate, name) if one is not check))
    with pytest.raises(AssertionError, match=f"^{without}"):
        storms(tmp_path, without)


def storms(directory: Path, without: str) -> None:
    """Many storms against a gate that does not know one limit."""
    for seed in range(60):
        Storm(directory / str(seed), seed, without).rage(STORM)


def test_every_limit_is_configured() -> None:
    """One that is left out is one that the test above does not prove."""
    assert set(CAP_VALUES) == set(CAPS)
    assert set(BREAKER_VALUES) == set(BREAKERS)
