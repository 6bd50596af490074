"""What a run or a session did, in one currency: the input of reports, statistics and the gate."""

from research.performance.executions import executions_of
from research.performance.of_result import arrivals, of_result
from research.performance.of_session import of_session
from research.performance.performance import Performance, Taken
from research.performance.summary import Summary, summary_of
from research.performance.trades import round_trips

__all__ = [
    "Performance",
    "Summary",
    "Taken",
    "arrivals",
    "executions_of",
    "of_result",
    "of_session",
    "round_trips",
    "summary_of",
]
