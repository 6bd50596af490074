"""The further caps: each is a class and a key of `[risk]`, and is checked only if the configuration sets it.

registry.py    the caps by key, and the reading of `[risk]`
exposure.py    what the account may hold in dollars: gross, net, a sector
equity.py      what it may hold for its equity: concentration, leverage, margin
orders.py      which orders may be open together: their number, self-trades, duplicates
"""

from engine.risk.caps import equity, exposure, orders
from engine.risk.caps.registry import CAPS, cap, read_risk, set_risk

__all__ = ["CAPS", "cap", "equity", "exposure", "orders", "read_risk", "set_risk"]
