"""Binance's margin: its worked example, its formula over random portfolios, and lists of brackets that are wrong."""

import json
import random
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.venues.binance.margin import CrossMargin, read_brackets
from engine.venues.margin import MICRO, Bracket

SHIPPED = Path(__file__).resolve().parents[4] / "configs" / "margin_brackets.json"
ROW = {"bracket": 1, "initialLeverage": 20, "notionalFloor": 0, "notionalCap": 1000, "maintMarginRatio": 0.01, "cum": 0}
NEXT = {"bracket": 2, "initialLeverage": 10, "notionalFloor": 1000, "notionalCap": 5000, "maintMarginRatio": 0.025,
        "cum": 15.0}  # fmt: skip


class Held(NamedTuple):
    """A position, as the venue's formula names it."""

    side: int
    pos: Decimal
    entry: Decimal
    mark: Decimal
    brackets: tuple[Bracket, ...]

    @property
    def profit(self) -> Decimal:
        """Unrealised."""
        return self.side * self.pos * (self.mark - self.entry)

    @property
    def maintenance(self) -> Decimal:
        """By the bracket that has the notional."""
        value = self.pos * self.mark
        one = next((one for one in self.brackets if value <= one.cap), self.brackets[-1])
        return value * one.rate - one.amount


def documented(wallet: Decimal, held: list[Held], which: int, one: Bracket) -> Decimal:
    """LP = (WB - TMM + UPNL + cum - side * pos * EP) / (pos * MMR - side * pos), in the venue's own terms."""
    own, others = held[which], held[:which] + held[which + 1 :]
    required = sum((other.maintenance for other in others), Decimal(0))
    profits = sum((other.profit for other in others), Decimal(0))
    top = wallet - required + profits + one.amount - own.side * own.pos * own.entry
    return top / (own.pos * one.rate - own.side * own.pos)


def found(wallet: Decimal, held: list[Held], which: int) -> Decimal:
    """The price by the product: from the margin balance and the distance."""
    own = held[which]
    balance = wallet + sum((one.profit for one in held), Decimal(0))
    free = balance - sum((one.maintenance for at, one in enumerate(held) if at != which), Decimal(0))
    terms, notional = CrossMargin(own.brackets), own.pos * own.mark
    way, whole = terms.distance(own.side, int(notional * MICRO), int(free * MICRO))
    return own.mark * (1 - own.side * Decimal(way) / Decimal(whole))


def bracket(*row: str) -> Bracket:
    """Floor, cap, rate and amount."""
    return Bracket(*map(Decimal, row), 20)


def test_the_venues_own_example_has_its_own_result() -> None:
    """Two long positions in cross margin, as Binance's page works them out: BTC is liquidated at 26,316.89."""
    btc = bracket("0", "99999999", "0.025", "16300")
    eth = bracket("0", "99999999", "0.10", "135365")
    held = [
        Held(1, Decimal("109.488"), Decimal("32481.980"), Decimal("31967.27"), (btc,)),
        Held(1, Decimal("3683.979"), Decimal("1456.84"), Decimal("1335.18"), (eth,)),
    ]
    price = found(Decimal("1535443.01"), held, 0)
    assert round(price, 2) == Decimal("26316.89")
    assert abs(price - documented(Decimal("1535443.01"), held, 0, btc)) < Decimal("0.0001")


def drawn(draw: random.Random) -> tuple[Bracket, ...]:
    """One to five brackets without a hole."""
    made: list[Bracket] = []
    for _ in range(draw.randrange(1, 6)):
        low = made[-1] if made else Bracket(Decimal(0), Decimal(0), Decimal(0), Decimal(0), 125)
        rate = low.rate + Decimal(draw.randrange(1, 40)).scaleb(-3)
        amount = low.amount + low.cap * (rate - low.rate)
        made.append(Bracket(low.cap, low.cap + draw.randrange(1, 10**6), rate, amount, 20))
    return tuple(made)


def hold(seed: int, trials: int) -> None:
    """Compare the price with the venue's formula in decimals: the nearest of its brackets, and the true one."""
    draw = random.Random(seed)
    for _ in range(trials):
        held = [
            Held(draw.choice((1, -1)), Decimal(draw.randrange(1, 10**6)).scaleb(-3), Decimal(draw.randrange(50, 150)),
                 Decimal(draw.randrange(5000, 15000)).scaleb(-2), drawn(draw))
            for _ in range(draw.randrange(1, 4))
        ]  # fmt: skip
        wallet = Decimal(draw.randrange(-1000, 10**5))
        for which, own in enumerate(held):
            prices = [documented(wallet, held, which, one) for one in own.brackets]
            nearest = max(prices) if own.side > 0 else min(prices)
            price = found(wallet, held, which)
            assert abs(price - nearest) <= own.mark * Decimal("1e-6") + 10 / own.pos * Decimal("1e-6"), (held, wallet)
            assert_liquidated(wallet, held, which, price)


def assert_liquidated(wallet: Decimal, held: list[Held], which: int, price: Decimal) -> None:
    """At the price found the margin balance is the maintenance margin, by the bracket that the position is in then."""
    if price <= 0:
        return
    at = [one._replace(mark=price) if number == which else one for number, one in enumerate(held)]
    balance = wallet + sum((one.profit for one in at), Decimal(0))
    needed = sum((one.maintenance for one in at), Decimal(0))
    assert abs(balance - needed) < held[which].pos * held[which].mark * Decimal("1e-6") + Decimal("0.001")


@pytest.mark.parametrize("trials", [500, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_the_distance_is_the_documented_price_of_the_nearest_bracket(trials: int) -> None:
    """A distance that is too long lets an account be liquidated inside its own buffer."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    with localcontext(prec=50):
        hold(seed, trials)


def test_a_formula_without_its_amount_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above must be able to fail."""
    whole = CrossMargin.__init__

    def without(self: CrossMargin, brackets: Any) -> None:
        whole(self, [one._replace(amount=Decimal(0)) for one in brackets])

    monkeypatch.setattr(CrossMargin, "__init__", without)
    with pytest.raises(AssertionError), localcontext(prec=50):
        hold(1, 200)


def test_the_maintenance_margin_follows_the_brackets_and_is_rounded_up() -> None:
    """At a bound both brackets have the same margin, so no size makes it jump."""
    terms = CrossMargin(read_brackets(SHIPPED)["BTCUSDT"])
    assert terms.maintenance(300_000 * MICRO) == 1_200 * MICRO
    assert terms.maintenance(300_001 * MICRO) == 1_200_005_000
    assert terms.maintenance(1) == 1
    assert terms.initial(300_000 * MICRO, 125) == 2_400 * MICRO
    assert terms.initial(300_000 * MICRO + 1, 125) == 3_000 * MICRO + 1, "the next bracket allows less leverage"


def written(directory: Path, *rows: Any, **more: Any) -> Path:
    """A file with the brackets of one symbol."""
    file = directory / "brackets.json"
    file.write_text(json.dumps({"symbol": "BTCUSDT", "brackets": rows, **more}))
    return file


def test_a_file_of_one_symbol_is_read_in_the_order_of_its_notionals(tmp_path: Path) -> None:
    """The venue answers so when it is asked for one symbol."""
    [first, second] = read_brackets(written(tmp_path, NEXT, ROW))["BTCUSDT"]
    assert (first.cap, first.rate, first.leverage) == (1000, Decimal("0.01"), 20)
    assert (second.floor, second.amount) == (1000, Decimal("15.0"))


@pytest.mark.parametrize(
    ("rows", "more", "text"),
    [
        ([], {}, "first|symbol"),
        ([ROW, NEXT | {"notionalFloor": 1001}], {}, "must begin at 1000"),
        ([ROW, NEXT | {"maintMarginRatio": 0.01}], {}, "have a rate over 0.01"),
        ([ROW, NEXT | {"cum": 25}], {}, "cum 15.000"),
        ([ROW | {"cum": 1}], {}, "begin at 0 with cum 0"),
        ([ROW | {"maintMarginRatio": 1}], {}, "under 1"),
        ([ROW | {"maintMarginRatio": "x"}], {}, "expected a bracket with the numbers"),
        ([ROW | {"maintMarginRatio": float("nan")}], {}, "under 1"),
        ([ROW | {"notionalCap": 0}], {}, "floor < cap"),
        ([{"bracket": 1}], {}, "notionalFloor, notionalCap"),
        ([7], {}, "expected a bracket"),
        ([ROW], {"notionalCoef": 1.5}, "notionalCoef is 1.5"),
        ([ROW], {"brackets": 5}, '"symbol" and "brackets"'),
        ([ROW], {"symbol": 5}, '"symbol" and "brackets"'),
    ],
)
def test_a_wrong_list_is_refused_with_its_place(
    tmp_path: Path, rows: list[Any], more: dict[str, Any], text: str
) -> None:
    """A rate that was typed wrong is a liquidation that comes unexpected."""
    with pytest.raises(ValueError, match=f"brackets.json.*({text})"):
        read_brackets(written(tmp_path, *rows, **more))


def test_a_file_that_is_no_json_is_refused_by_name(tmp_path: Path) -> None:
    """So is one that is missing."""
    (tmp_path / "x.json").write_text("{")
    for name in ("x.json", "none.json"):
        with pytest.raises(ValueError, match=f"{name}: expected the answer of /fapi/v1/leverageBracket"):
            read_brackets(tmp_path / name)
