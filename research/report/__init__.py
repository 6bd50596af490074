"""A report of a run or a session: one HTML file that needs nothing else, of at most 3 MB.

from research.performance import of_result
from research.report import write

write("report.html", of_result(result, 100_000, title="maker on BTCUSDT", events=events))

The same performance and seed give the same bytes.
"""

from research.report.page import write

__all__ = ["write"]
