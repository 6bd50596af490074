"""The further caps: each is a class and a key of `[risk]`, and is checked only if the configuration sets it.

    registry.py    the caps by key
    exposure.py    what the account may hold in dollars: gross, net, a sector
    equity.py      what it may hold for its equity: concentration, leverage
    margin.py      how much of the equity stays free, how far a liquidation is
    orders.py      which orders may be open together: their number, self-trades, duplicates
    volume.py      how large an order may be for its market
    value_at_risk.py    what it may lose in a day

docs/risk.md has the formula of each cap.
"""

from engine.risk.caps import equity, exposure, margin, orders, value_at_risk, volume
from engine.risk.caps.registry import CAPS, cap

__all__ = ["CAPS", "cap", "equity", "exposure", "margin", "orders", "value_at_risk", "volume"]
