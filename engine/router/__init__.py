"""The router: an order that spans accounts, split over their executions by price, fee, depth and latency.

    strategies ──routes──▶ role ─▶ parents ─▶ journal, then ──routed──▶ each account's execution, its gate and its venue
    books ─▶ offers ─▶ split ──────▶ │                                            │
                                     └──────────── verdicts, orders ◀─────────────┘
    strategies ◀── route_verdicts, route_orders

It holds no key and reaches no venue: each child is an intent that passes the gate of its account's execution.
"""

from engine.router.build import build

__all__ = ["build"]
