"""A venue's past over REST into the history: what live recording did not see. docs/history.md explains the command.

job.py ── day by day ──▶ engine/venues/<venue>/history.py ── fetch.py ──▶ the venue
│                                    │ pages
├── stored.py: what the history has: compared ◀──┤
└── writer.py: the rest ──▶ a part of ticks.backfill or bars.backfill ──▶ sealed
"""

from engine.recorder.backfill.fetch import Fetcher, FetchError
from engine.recorder.backfill.job import Job, Order
from engine.recorder.backfill.ledger import Day, Ledger

__all__ = ["Day", "FetchError", "Fetcher", "Job", "Ledger", "Order"]
