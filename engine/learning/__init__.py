"""Online learning: experts' weights, a model of their failures, how much to trade on them, and the regime of a market.

See docs/learning.md.
"""

from engine.learning.ensemble import Belief, Ensemble, Exposure, Learned
from engine.learning.experts import Experts
from engine.learning.failures import Failures, fit

__all__ = ["Belief", "Ensemble", "Experts", "Exposure", "Failures", "Learned", "fit"]
