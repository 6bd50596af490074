"""engine-ctl reconcile: has each execution compare with its venue, and prints the reports."""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import shm
from engine.cli import FAILED, NOT_FOUND, CommandError
from engine.cli.output import ago, choose_system, executions, print_json, print_line
from engine.cli.system import call_supervisor
from engine.cli.trees import Naming, tree_of
from engine.lanes import LOOKERS, open_lanes
from engine.model.rows import ReconciledRow
from engine.model.text import shown
from engine.model.words import ReconciledKind

POLL_S = 0.02


def reconcile(options: argparse.Namespace) -> int:
    """Print the report of each execution; 1 when something differs."""
    system = choose_system(options.system)
    roles = executions(system)
    if not roles:
        raise CommandError(f"{system} has no execution: nothing can be compared", NOT_FOUND)
    since_ns = 0 if options.last else int(call_supervisor(system, "reconcile")["requested_ns"])
    reports = _await_reports(system, roles, since_ns, 0.0 if options.last else options.timeout)
    naming = Naming.of(system)
    if options.json:
        print_json(options, *({"execution": role, **_tree(rows, naming)} for role, rows in reports.items()))
    for role, rows in reports.items() if not options.json else ():
        _print(role, rows, naming)
    return int(any(rows[-1].differences for rows in reports.values()))


def _await_reports(
    system: str, roles: Sequence[str], since_ns: int, timeout_s: float
) -> dict[str, list[ReconciledRow]]:
    """The newest report of each execution that was requested since then; CommandError for one that does not come."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = {role: _newest(system, role, since_ns) for role in roles}
        missing = [role for role, rows in found.items() if not rows]
        if not missing:
            return found
        if time.monotonic() >= deadline:
            what = f"no report of {', '.join(missing)} within {timeout_s:g} s" if since_ns else "no report yet"
            raise CommandError(f"{what}: engine-ctl status shows whether the order session is ready", FAILED)
        time.sleep(POLL_S)


def _newest(system: str, role: str, since_ns: int) -> list[ReconciledRow]:
    """The records of an execution's newest report, the REPORT last; empty without one."""
    ring = open_lanes(system, LOOKERS).ring_reader("reconciliations", role)
    ring.cursor = ring.oldest
    rows = [row for row in ring.rows() if not isinstance(row, shm.Lapped)]
    ends = [row for row in rows if row.kind == ReconciledKind.REPORT and row.requested_ns >= since_ns]
    if not ends:
        return []
    last = ends[-1]
    return [row for row in rows if (row.run, row.began_ns) == (last.run, last.began_ns)]


def _tree(rows: list[ReconciledRow], naming: Naming) -> dict[str, Any]:
    """A report for JSON."""
    *differing, report = (tree_of(row, naming) for row in rows)
    found = [{"kind": one["kind"], "instrument": one["instrument"], "text": one["text"]} for one in differing]
    return {**{name: value for name, value in report.items() if name not in ("kind", "instrument", "symbol", "text")},
            "found": found}  # fmt: skip


def _print(role: str, rows: list[ReconciledRow], naming: Naming) -> None:
    """A report in lines."""
    report, now_ns = rows[-1], time.time_ns()
    verdict = f"{report.differences} DIFFERENCES" if report.differences else "no difference"
    print_line(f"{role} ({naming.names.account(report.account)}): {verdict}, {ago(max(0, now_ns - report.now_ns))} ago")
    print_line(
        f"  open orders: {report.orders_ours} in the engine now, {report.orders_listed} of ours and"
        f" {report.orders_others} of others in the venue's list"
    )
    fills = f"{report.fills_listed} listed since the last comparison"
    print_line(f"  fills: {fills}, {report.fills_unknown} of them not in the journal")
    print_line(f"  balances: {_balances(report, now_ns)}")
    for row in rows[:-1]:
        print_line(f"  DIFFERS {shown(row.text)}")
    if report.differences > len(rows) - 1:
        print_line(f"  and {report.differences - len(rows) + 1} more")


def _balances(report: ReconciledRow, now_ns: int) -> str:
    """Whether and when the balances were compared."""
    if not report.assets or not report.balances_ns:
        return "not compared"
    return f"{report.assets} assets compared, {ago(max(0, now_ns - report.balances_ns))} ago"
