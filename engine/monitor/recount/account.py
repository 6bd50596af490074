"""The money of one account, in dollars: what it is worth, its profit, and the state of the limits.

    worth          the venue's balances, each at the dollars of its asset
    net            Σ (realised + unrealised - fees) of the account's positions; of the day: less the day's first net
    equity         capital_usd + net, as the limits count it; without capital_usd the worth
    day loss       the loss since then; after an operator's resume of the account's breakers: since the resume
    drawdown       (peak - equity) / peak          concentration   the largest position / equity
    leverage       gross / equity                  free            1 - margin / equity; on spot margin = value
    liquidation    the share of its price by which the nearest derivative must move until the venue liquidates it

A figure is nan while something that it is made of has no price. Peak and first net of the day outlive the process.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from engine.lanes.ports import CellReader
from engine.model.records import FEE_DECIMALS, MONITORED_ACCOUNT
from engine.model.rows import MonitoredAccountRow
from engine.monitor.recount.kept import Kept
from engine.monitor.recount.limits import Limits
from engine.monitor.recount.margin import Margin, distance
from engine.monitor.recount.prices import UNKNOWN, Prices
from engine.monitor.recount.sums import Sums

DAY_NS = 86_400 * 1_000_000_000


class Account:
    """Values the positions and balances of one account."""

    def __init__(
        self, number: int, limits: Limits, gate: CellReader, prices: Prices, margin: Margin, kept: Kept
    ) -> None:  # fmt: skip
        """Continue what was kept; `gate`: the cell in which execution shows the ramp."""
        self.number, self.kept = number, kept
        self._limits, self._gate, self._prices, self._margin = limits, gate, prices, margin
        self.liquidations: dict[int, float] = {}  # by instrument, in quote; nan: there is none

    def value(
        self, positions: Iterable[Sums], balances: Mapping[str, int], first_ns: int, now_ns: int
    ) -> dict[str, float]:
        """Every figure by its name in MONITORED_ACCOUNT; `first_ns`: when the first fill came."""
        held = list(positions)
        money = [self._money(sums) for sums in held]
        figures = {name: math.fsum(one[name] for one in money) for name in ("realised", "unrealised", "fees")}
        net = figures["net"] = figures["realised"] + figures["unrealised"] - figures["fees"]
        figures["gross"] = math.fsum(one["notional"] for one in money)
        figures["position"] = UNKNOWN if math.isnan(figures["gross"]) else max(one["notional"] for one in money)
        figures["worth"] = self._worth(balances) if balances else UNKNOWN
        figures["cash"] = self._worth({one: held for one, held in balances.items() if self._prices.is_dollars(one)})
        capital = self._limits.number("capital_usd")
        figures["equity"] = equity = figures["worth"] if math.isnan(capital) else capital + net
        self._keep(net, equity, first_ns, now_ns)
        kept = self.kept
        figures["peak"] = UNKNOWN if kept.peak is None else kept.peak
        figures["net_day"] = UNKNOWN if kept.day_net is None else net - kept.day_net
        notionals = {sums.one.id: one["notional"] for sums, one in zip(held, money, strict=True)}
        leverage = int(self._limits.number("margin_leverage"))
        margin = math.fsum(self._margin.initial(one, value, leverage) for one, value in notionals.items())
        figures["liquidation"] = self._nearest(held, notionals, equity)
        return figures | self._compared(figures, margin)

    def row(self, figures: Mapping[str, float], fill_count: int, **more: int) -> MonitoredAccountRow:
        """The record of these figures."""
        gate = self._gate.read(0)
        limits = self._limits.fields(self._limits.number("ramp") if gate is None else gate.ramp)
        values: dict[str, Any] = {**figures, **limits, **more, "day_from_ns": self.kept.day_from_ns}
        return MONITORED_ACCOUNT.row(**values, fill_count=fill_count, account=self.number)

    def _money(self, sums: Sums) -> dict[str, float]:
        """One position's money in dollars."""
        mark2, scale = self._prices.middle2(sums.one.id), 10.0**sums.scale.money
        rate = self._prices.dollars(sums.one.quote) if sums.fill_count else 0.0
        unrealised2 = sums.unrealised2(mark2)
        return {
            "realised": sums.realised / scale * rate,
            "unrealised": UNKNOWN if unrealised2 is None else unrealised2 / (2 * scale) * rate,
            "fees": sums.fees / scale * rate,
            "notional": abs(sums.held) * mark2 / (2 * scale) * rate if mark2 or not sums.held else UNKNOWN,
        }

    def _nearest(self, held: Iterable[Sums], notionals: Mapping[int, float], equity: float) -> float:
        """Note each position's price of liquidation; the distance of the nearest, nan without one."""
        margins = {one: self._margin.maintenance(one, value) for one, value in notionals.items()}
        every, ways = math.fsum(margins.values()), []
        for sums in held:
            number = sums.one.id
            price = self._prices.middle2(number) / (2 * 10.0**sums.scale.price)
            size, free = sums.held / 10.0**sums.scale.held, equity - every + margins[number]
            self.liquidations[number] = found = self._margin.liquidation(number, size, price, free)
            ways.append(distance(price, found))
        return min((one for one in ways if not math.isnan(one)), default=UNKNOWN)

    def _worth(self, balances: Mapping[str, int]) -> float:
        """Balances in dollars; one of 0 needs no price."""
        return math.fsum(
            amount / 10**FEE_DECIMALS * self._prices.dollars(asset) for asset, amount in balances.items() if amount
        )

    def _keep(self, net: float, equity: float, first_ns: int, now_ns: int) -> None:
        """Keep the highest equity, and the first net of a day: 0 where the first fill came on that day."""
        kept, day_ns = self.kept, now_ns - now_ns % DAY_NS
        if not math.isnan(equity):
            kept.peak = equity if kept.peak is None else max(kept.peak, equity)
        if kept.day_ns != day_ns and not math.isnan(net):
            kept.day_ns, kept.day_from_ns, kept.loss_from = day_ns, now_ns, 0.0
            kept.day_net = net if first_ns < day_ns else 0.0
        if kept.loss_from is None and kept.day_net is not None and not math.isnan(net):
            kept.loss_from = net - kept.day_net

    def _compared(self, figures: Mapping[str, float], margin: float) -> dict[str, float]:
        """What each limit is compared with; `margin`: what the positions bind."""
        equity, peak = figures["equity"], figures["peak"]
        return {
            "concentration": share_of(figures["position"], equity), "leverage": share_of(figures["gross"], equity),
            "free": 1 - share_of(margin, equity), "drawdown": share_of(peak - equity, peak),
            "day_loss": self._loss_from() - figures["net_day"],
        }  # fmt: skip

    def _loss_from(self) -> float:
        """The net of the day from which its loss counts."""
        return UNKNOWN if self.kept.loss_from is None else self.kept.loss_from


def share_of(part: float, whole: float) -> float:
    """A share; nan of nothing."""
    return part / whole if whole > 0 else UNKNOWN
