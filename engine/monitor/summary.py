"""The monitor's view of one account in one line: when it last compared, what differs, and the limits it is near to."""

from engine.model.monitored import LIMITS, exceeded, limit_text
from engine.model.rows import MonitoredAccountRow

SHOWN = ("drawdown", "free")


def summary(row: MonitoredAccountRow, now_ns: int) -> str:
    """The line."""
    compared = f"compared {(now_ns - row.compared_ns) / 1e9:.1f} s ago" if row.compared_ns else "not compared yet"
    differences = f"{row.differences} DIFFERENCES (engine-ctl monitor)" if row.differences else "no difference"
    over = [f"EXCEEDED: {', '.join(LIMITS[name] for name in found)}"] if (found := exceeded(row)) else []
    return "; ".join([f"{compared}, {differences}", *(limit_text(row, name) for name in SHOWN), *over])
