"""The samples as one object, as a table, and held against the goals."""

from collections.abc import Mapping
from statistics import median
from typing import Any

Samples = Mapping[tuple[int, str, str], list[float]]
HEAD = 64
"""The size whose figures are at the top of the object."""
FAN_OUT = 4
"""Readers that are timed one by one beside the paced writer."""


def reader_row(number: int) -> str:
    """The name of one of them."""
    return f"reader {number} of {FAN_OUT}"


NOT_PEERS = (
    "paced writer",
    *map(reader_row, range(1, FAN_OUT + 1)),
    "limit",
    "ring",
    "ring, polled from Python",
    "ring, typed",
    "readers",
    "idle",
    "1 readers",
    "4 readers",
    "8 readers",
)
COLUMNS = (
    "one_way_p50_ns",
    "one_way_p99_ns",
    "one_way_p999_ns",
    "rtt_half_p50_ns",
    "rtt_half_p99_ns",
    "per_s",
    "batch_per_s",
)
METHOD = """\
Latencies in ns, medians over the rounds. One way: from the clock before the send to the clock after the receive, less
one reading of it. rtt/2: half of a trip there and back. Every rate is with 0 lost: the ring's writer is held by its
reader's cursor (a lossless lane), peers block. A batch is 32 KiB a publish, read as views that look at one record."""


def summary(samples: Samples, missing: Mapping[str, str], machine: Mapping[str, object]) -> dict[str, Any]:
    """The object of `--json`."""
    sizes = sorted({size for size, _, _ in samples})
    by_size = {str(size): _of_size(samples, size) for size in sizes}
    head = by_size[str(HEAD)]
    ring, limit, readers, idle = (head["rows"][who] for who in ("ring", "limit", "readers", "idle"))
    found: dict[str, Any] = {
        "machine": dict(machine),
        "raw_line_ns": limit["raw_line_ns"],
        **{
            key: ring[key]
            for key in ("rtt_half_p50_ns", "rtt_half_p99_ns", "one_way_p50_ns", "one_way_p99_ns", "one_way_p999_ns")
        },
        "publish_per_s": ring["per_s"],
        "batch_per_s": ring["batch_per_s"],
        "batch_summed_per_s": ring["batch_summed_per_s"],
        "idle_cpu_pct": idle["idle_cpu_pct"],
        "wake_p50_ns": idle["wake_p50_ns"],
        "readers_cost_ratio": max(readers["looking_ratio"], readers["stopped_ratio"]),
        "fan_out": {who: head["rows"][who] for who in NOT_PEERS[: FAN_OUT + 1]},
        "limit": limit,
        "peers": {who: row for who, row in head["rows"].items() if who not in NOT_PEERS},
        "missing": dict(missing),
        "sizes": by_size,
    }
    found["goals"] = goals(found)
    return found


def _of_size(samples: Samples, size: int) -> dict[str, dict[str, Any]]:
    rows: dict[str, Any] = {}
    spreads: dict[str, Any] = {}
    for (of, who, what), values in samples.items():
        if of == size:
            rows.setdefault(who, {})[what] = round(median(values), 3)
            spreads.setdefault(who, {})[what] = [round(min(values), 3), round(max(values), 3)]
    return {"rows": rows, "spread": spreads}


def goals(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each goal: its figure for this run, the measured figure, and whether it is reached."""
    raw, peers = found["raw_line_ns"], found["peers"].values()
    rtt_bound, rate_bound = 3 * raw, 10e6 if raw < 120 else 3e6

    def goal(name: str, value: float, bound: float, *, most: bool = True) -> dict[str, Any]:
        return {
            "goal": name,
            "found": value,
            "bound": round(bound, 3),
            "met": value <= bound if most else value >= bound,
        }

    return [
        goal("round trip/2 p50, at most 3 raw transfers, ns", found["rtt_half_p50_ns"], rtt_bound),
        goal("round trip/2 p99, at most 250 ns more, ns", found["rtt_half_p99_ns"], rtt_bound + 250),
        goal("one way p50, at most a raw transfer and 250 ns", found["one_way_p50_ns"], raw + 250),
        goal("records/s, one call each, at least", found["publish_per_s"], rate_bound, most=False),
        goal("records/s, batches and views, at least", found["batch_per_s"], 250e6, most=False),
        goal(
            f"records/s from one writer to {FAN_OUT} readers, at least",
            found["fan_out"]["paced writer"]["per_s"],
            1e6,
            most=False,
        ),
        goal("idle CPU, at most %", found["idle_cpu_pct"], 0.5),
        goal("publish with 8 readers / with none, at most", found["readers_cost_ratio"], 1.05),
        *(
            goal(f"{what} ahead of the best peer", found[own], best(row[what] for row in peers), most=most)
            for what, own, best, most in (
                ("one_way_p50_ns", "one_way_p50_ns", min, True),
                ("rtt_half_p50_ns", "rtt_half_p50_ns", min, True),
                ("per_s", "publish_per_s", max, False),
            )
            if peers
        ),
    ]


def table(found: Mapping[str, Any]) -> str:
    """For the eye."""
    machine = "  ".join(f"{key}: {value}" for key, value in found["machine"].items())
    lines = [machine, f"raw cache line transfer: {found['raw_line_ns']:.0f} ns", METHOD]
    for size, part in found["sizes"].items():
        lines += ["", f"{size} byte records", _row("", [_heading(column) for column in COLUMNS])]
        lines += [
            _row(who, [_figure(row.get(column), column) for column in COLUMNS], _spread(part["spread"][who]))
            for who, row in part["rows"].items()
            if "one_way_p50_ns" in row or who == "limit"
        ]
        lines += _extras(part["rows"])
        if size == str(HEAD):
            lines += _fan_out(part["rows"], part["spread"])
    lines += ["", *(f"{name}: MISSING ({why})" for name, why in found["missing"].items())]
    return "\n".join([*lines, *map(_goal_line, found["goals"])])


def _extras(rows: Mapping[str, Any]) -> list[str]:
    cost, idle = rows["readers"], rows["idle"]
    fan_out = ", ".join(
        f"{who.split()[0]}: {rows[who]['publish_per_s'] / 1e6:.1f} M/s ({rows[who]['lost_share']:.0%} lapped)"
        for who in ("1 readers", "4 readers", "8 readers")
    )
    publish = f"  a publish without readers {cost['alone_ns']:.1f} ns; with 8 readers that look 100 times a second"
    return [
        f"  batches, a field of every record summed: {rows['ring']['batch_summed_per_s'] / 1e6:.0f} M/s",
        f"  an unheld writer beside readers that share one core: {fan_out}",
        f"{publish} x {cost['looking_ratio']:.3f}, stopped x {cost['stopped_ratio']:.3f}",
        f"  waiting uses {idle['idle_cpu_pct']:.2f} % of its core; woken in {idle['wake_p50_ns'] / 1000:.0f} us",
    ]


def _fan_out(rows: Mapping[str, Any], spread: Mapping[str, Any]) -> list[str]:
    """Each reader's own figures, and its losses in the worst round; readers of one core run on it in turn."""
    each = (
        f"    {who}, core {rows[who]['core']:.0f}: p50 {rows[who]['p50_ns'] / 1e3:.1f} us, "
        f"p99 {rows[who]['p99_ns'] / 1e3:.1f} us, lost {spread[who]['lost'][1]:,.0f}"
        for who in map(reader_row, range(1, FAN_OUT + 1))
    )
    per_s = rows["paced writer"]["per_s"]
    return [
        f"  one writer of {per_s / 1e6:.2f} M records/s, a publish each, {FAN_OUT} readers in their own processes:",
        *each,
    ]


def _heading(column: str) -> str:
    return column.removesuffix("_ns").replace("rtt_half", "rtt/2").replace("per_s", "M/s").replace("_", " ")


def _figure(value: float | None, column: str) -> str:
    if value is None:
        return "-"
    return f"{value / 1e6:.2f}" if column.endswith("per_s") else f"{value:.0f}"


def _spread(spread: Mapping[str, list[float]]) -> str:
    what = "one_way_p50_ns" if "one_way_p50_ns" in spread else "rtt_half_p50_ns"
    return f"  {_heading(what)} {spread[what][0]:.0f}..{spread[what][1]:.0f}"


def _row(name: str, cells: list[str], end: str = "") -> str:
    return f"  {name:26}" + "".join(f"{cell:>14}" for cell in cells) + end


def _goal_line(goal: Mapping[str, Any]) -> str:
    return f"{'met   ' if goal['met'] else 'NOT MET'} {goal['goal']}: {goal['found']:,.2f} (bound {goal['bound']:,.2f})"
