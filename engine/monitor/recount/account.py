"""The money of one account, in dollars: what it is worth, its profit, and the state of the limits.

    worth          the venue's balances, each at the dollars of its asset
    net            Σ (realised + unrealised - fees) of the account's positions; of the day: less the day's first net
    equity         capital_usd + net, as the limits count it; without capital_usd the worth
    drawdown       (peak - equity) / peak          concentration   the largest position / equity
    leverage       gross / equity                  free            1 - leverage: on spot a position is its own margin

A figure is nan while something that it is made of has no price. Peak and first net of the day outlive the process.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from engine.model.records import FEE_DECIMALS, MONITORED_ACCOUNT
from engine.model.rows import MonitoredAccountRow
from engine.monitor.recount.prices import UNKNOWN, Prices
from engine.monitor.recount.sums import Sums

DAY_NS = 86_400 * 1_000_000_000
LIMITS = {
    "position": "max_position_usd",
    "concentration": "max_portfolio_concentration",
    "leverage": "max_leverage",
    "drawdown": "max_drawdown_pct",
    "day_loss": "max_daily_loss_usd",
    "free": "margin_call_threshold",
}
DEFAULTS = {"max_position_usd": 100_000}  # of the limits that are in force without a key


class Kept(msgspec.Struct):
    """What cannot be computed from the fills again."""

    peak: float | None = None
    day_ns: int = 0  # when the UTC day began of which `day_net` is the first net
    day_net: float | None = None


class Account:
    """Values the positions and balances of one account."""

    def __init__(self, number: int, risk: Mapping[str, Any], prices: Prices, kept: Kept) -> None:
        """Continue what was kept."""
        self.number, self.kept = number, kept
        self._prices = prices
        capital = risk.get("capital_usd")
        self._capital = None if capital is None else float(capital)
        self._limits = {
            f"{name}_limit": float(risk.get(key, DEFAULTS.get(key, UNKNOWN))) for name, key in LIMITS.items()
        }

    def value(
        self, positions: Iterable[Sums], balances: Mapping[str, int], first_ns: int, now_ns: int
    ) -> dict[str, float]:
        """Every figure by its name in MONITORED_ACCOUNT; `first_ns`: when the first fill came."""
        money = [self._money(sums) for sums in positions]
        figures = {name: math.fsum(one[name] for one in money) for name in ("realised", "unrealised", "fees")}
        net = figures["net"] = figures["realised"] + figures["unrealised"] - figures["fees"]
        figures["gross"] = math.fsum(one["notional"] for one in money)
        figures["position"] = UNKNOWN if math.isnan(figures["gross"]) else max(one["notional"] for one in money)
        figures["worth"] = self._worth(balances) if balances else UNKNOWN
        figures["cash"] = self._worth({one: held for one, held in balances.items() if self._prices.is_dollars(one)})
        figures["equity"] = equity = figures["worth"] if self._capital is None else self._capital + net
        self._keep(net, equity, first_ns, now_ns)
        kept = self.kept
        figures["peak"] = UNKNOWN if kept.peak is None else kept.peak
        figures["net_day"] = UNKNOWN if kept.day_net is None else net - kept.day_net
        return figures | self._compared(figures)

    def row(self, figures: Mapping[str, float], fill_count: int, **more: int) -> MonitoredAccountRow:
        """The record of these figures."""
        values: dict[str, Any] = {**figures, **self._limits, **more}
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
            kept.day_ns, kept.day_net = day_ns, net if first_ns < day_ns else 0.0

    def _compared(self, figures: Mapping[str, float]) -> dict[str, float]:
        """What each limit is compared with."""
        equity, peak = figures["equity"], figures["peak"]
        leverage = share_of(figures["gross"], equity)
        return {
            "concentration": share_of(figures["position"], equity), "leverage": leverage, "free": 1 - leverage,
            "drawdown": share_of(peak - equity, peak), "day_loss": -figures["net_day"],
        }  # fmt: skip


def share_of(part: float, whole: float) -> float:
    """A share; nan of nothing."""
    return part / whole if whole > 0 else UNKNOWN


def breached(row: MonitoredAccountRow) -> list[str]:
    """The limits that the figures exceed now, by their key in [risk]."""
    over = []
    for name, key in LIMITS.items():
        value, limit = getattr(row, name), getattr(row, f"{name}_limit")
        if value < limit if name == "free" else value > limit:  # a comparison with nan is False
            over.append(key)
    return over
