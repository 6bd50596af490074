"""A strategy over recorded or made market data, in one process: `simulate` (see `fast`).

events ─▶ venue: book, our resting orders, fees ─answers─▶ strategy
   └────feed latency──────────────────────────▶ strategy ─requests─▶ venue
"""

from research.simulate.capital import Balance
from research.simulate.caps import CHECKED
from research.simulate.cause import Cause, LiquidatedError
from research.simulate.data.events import EVENT, check, from_hftbacktest, from_ticks, load, save
from research.simulate.data.recorded import from_history, missing_in
from research.simulate.fast import simulate, simulate_many
from research.simulate.models import Constant, Drawn, Fees, Impact, Models, Queue, Recorded, Rejects, Tier
from research.simulate.perpetuals import FUNDING, Funding, Margin, read_funding
from research.simulate.portfolio import Member, simulate_portfolio
from research.simulate.result import Assumption, Result
from research.simulate.setup import Line
from research.simulate.trading.strategy_client import NotInFastError

__all__ = [
    "CHECKED",
    "EVENT",
    "FUNDING",
    "Assumption",
    "Balance",
    "Cause",
    "Constant",
    "Drawn",
    "Fees",
    "Funding",
    "Impact",
    "Line",
    "LiquidatedError",
    "Margin",
    "Member",
    "Models",
    "NotInFastError",
    "Queue",
    "Recorded",
    "Rejects",
    "Result",
    "Tier",
    "check",
    "from_hftbacktest",
    "from_history",
    "from_ticks",
    "load",
    "missing_in",
    "read_funding",
    "save",
    "simulate",
    "simulate_many",
    "simulate_portfolio",
]
