"""History: bars by instrument and time, for the value at risk and for volume profiles.

    a CSV or Parquet file ──files.py──┐
    the recorder's store ──recorded.py┴▶ FileHistory: History ──returns.py──▶ Returns ──▶ the cap `var_limit_1d_95`
                                                           └────▶ the volume profiles of execution's algorithms
    followed.py    reads the file again, a part in each step, when it has changed

The lanes of the aggregation are no source: BARS holds hours, and a value at risk needs months.
"""

from engine.risk.history.bars import Bar, History
from engine.risk.history.files import read_history

__all__ = ["Bar", "History", "read_history"]
