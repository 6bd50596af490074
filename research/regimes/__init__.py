"""Regimes of a market from history: `fit` finds hidden states, `engine.learning.regimes` follows them live.

found = fit(rows, ("volatility", "return"), states=("quiet", "wild"), seed=1)
write_model(Path("regimes.json"), found.model)
HiddenFilter(found.model).over(rows)       the probability of each state after each row, without the future
"""

from research.regimes.fit import Fitted, Kind, fit

__all__ = ["Fitted", "Kind", "fit"]
