"""The regime of a market: bands of one number, and hidden states of several, each from what has happened so far."""

from engine.learning.regimes.bands import Bands
from engine.learning.regimes.hidden import HiddenFilter
from engine.learning.regimes.model import HiddenModel, read_model, write_model

__all__ = ["Bands", "HiddenFilter", "HiddenModel", "read_model", "write_model"]
