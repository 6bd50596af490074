"""The role monitor: positions, profit and limits recomputed from fills, books and balances, by code of its own.

    FILLS, at a start the journal's FILL records ─▶ sums ──┐
    book_tops ─▶ prices ──────────────────────────────────┼─▶ monitored, monitored_account
    balances ─▶ offsets ──────────────────────────────────┤
    positions, what execution published ──────────────────┴─▶ differences ─▶ disagreements ─▶ execution halts

It never trades and holds no key. It shares no arithmetic with execution and risk: import-linter forbids the imports.
"""

from engine.monitor.recount.build import build

__all__ = ["build"]
