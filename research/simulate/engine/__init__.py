"""The speed `engine` of `simulate`: the real strategy and execution roles over history, in one process.

events ─▶ desk's book ─▶ Outbox ─▶ TICKS, BOOKS ─▶ StrategyRole ─▶ INTENTS ─▶ Execution: risk, algorithms, journal
                                                   ▲                             │ ModelSession
                                                   └─ VERDICTS, ORDERS, FILLS ───┤ requests and answers, with latency
                                                                                 ▼
                                                       VenueMarket: the venue of a `fast` run, the same code
"""

from research.simulate.engine.build import driven, driven_together

__all__ = ["driven", "driven_together"]
