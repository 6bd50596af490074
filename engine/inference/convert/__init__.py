"""Models of other libraries as trees, read from the files that they write: none of them is imported."""

from engine.inference.convert.lightgbm import read_lightgbm
from engine.inference.convert.xgboost import read_xgboost

__all__ = ["read_lightgbm", "read_xgboost"]
