"""The limits in MONITORED_ACCOUNT: the field of each, its key in `[risk]`, and which ones the figures exceed."""

import math

from engine.model.rows import MonitoredAccountRow

LIMITS = {
    "position": "max_position_usd",
    "concentration": "max_portfolio_concentration",
    "leverage": "max_leverage",
    "drawdown": "max_drawdown_pct",
    "day_loss": "max_daily_loss_usd",
    "free": "margin_call_threshold",
    "liquidation": "liquidation_buffer",
}
LEAST = ("free", "liquidation")  # the limit is the least allowed; any other one is the most


def exceeded(row: MonitoredAccountRow) -> list[str]:
    """The fields whose limit the figures exceed now."""
    return [name for name in LIMITS if _exceeds(name, getattr(row, name), getattr(row, f"{name}_limit"))]


def limit_text(row: MonitoredAccountRow, name: str) -> str:
    """What a limit is compared with, and the limit where one is set."""
    value, limit = getattr(row, name), getattr(row, f"{name}_limit")
    shown = f"{name.replace('_', ' ')} {_number(value)}"
    return shown if math.isnan(limit) else f"{shown} ({LIMITS[name]} {_number(limit)})"


def _exceeds(name: str, value: float, limit: float) -> bool:
    """Compare a figure with its limit; one that is nan exceeds nothing."""
    return value < limit if name in LEAST else value > limit


def _number(value: float) -> str:
    """A dash for what is not known or not set."""
    return "-" if math.isnan(value) else f"{value:,.4f}" if abs(value) < 1 else f"{value:,.2f}"
