"""engine-ctl monitor: what the monitor computes from the fills, and whether execution and the venue agree."""

import argparse
import math
import time
from collections.abc import Iterable
from typing import Any

from engine.cli import NOT_FOUND, CommandError
from engine.cli.look import cells_of, known_instruments
from engine.cli.output import ago, choose_system, iso, print_json, print_line, print_table
from engine.cli.trees import Naming, tree_of
from engine.model.fixed import to_text
from engine.model.monitored import LIMITS, exceeded, limit_text
from engine.model.rows import MonitoredAccountRow, MonitoredRow
from engine.model.words import Agreement
from engine.monitor.names import Names
from engine.monitor.profit import money

COLUMNS = (
    "strategy",
    "instrument",
    "position",
    "average",
    "net",
    "realised",
    "unrealised",
    "fees",
    "liquidation",
    "fills",
    "execution",
)
STATES = {
    Agreement.UNKNOWN: "does not run",
    Agreement.AGREES: "agrees",
    Agreement.PENDING: "pending",
    Agreement.DIFFERS: "DIFFERS",
}


def monitor(options: argparse.Namespace) -> int:
    """Print the monitor's view; 1 when a position or a balance differs."""
    system = choose_system(options.system)
    accounts: list[MonitoredAccountRow] = cells_of(system, "monitored_account")
    if not accounts:
        raise CommandError(f"{system}: has no monitor: add the table [monitor] to its file", NOT_FOUND)
    naming = Naming(known_instruments(system), Names.of(system))
    rows: list[MonitoredRow] = cells_of(system, "monitored")
    differs = any(account.differences for account in accounts)
    if options.json:
        print_json(options, *(tree_of(row, naming) for row in (*accounts, *rows)))
        return int(differs)
    print_table(COLUMNS, [_position(row, naming) for row in rows if row.fill_count or not row.strategy])
    for account in accounts:
        for text in account_lines(account, naming.names.account(account.account), time.time_ns()):
            print_line(text)
    return int(differs)


def account_lines(row: MonitoredAccountRow, name: str, now_ns: int) -> Iterable[str]:
    """One account in lines."""
    found = f"{row.differences} DIFFERENCES: engine-ctl status" if row.differences else "no difference"
    balances = f"balances {ago(max(0, now_ns - row.balances_ns))} old" if row.balances_ns else "no balances yet"
    yield f"account {name}: {found}; {row.fill_count} fills, {balances}, view {ago(max(0, now_ns - row.now_ns))} old"
    if row.execution_silent_ns:
        yield f"  execution has sent no heartbeat for {ago(max(0, now_ns - row.execution_silent_ns))}"
    since = f" since {iso(row.day_from_ns)}" if row.day_from_ns else ""
    yield (
        f"  net {money(row.net)} USD (today {money(row.net_day)}{since}) = realised {money(row.realised)} + unrealised"
        f" {money(row.unrealised)} - fees {money(row.fees)}"
    )
    yield f"  worth {money(row.worth)} USD, of it cash {money(row.cash)}; equity {money(row.equity)}"
    yield f"  {'; '.join(limit_text(row, name) for name in LIMITS)}"
    if over := exceeded(row):
        yield f"  EXCEEDED: {', '.join(LIMITS[name] for name in over)}"


def _position(row: MonitoredRow, naming: Naming) -> tuple[Any, ...]:
    """A line of the table."""
    one = naming.instruments.get(row.instrument)
    return (
        naming.names.strategy(row.strategy), one.symbol if one is not None else row.instrument,
        to_text(row.held_high << 64 | row.held_low, row.holding_decimals), f"{row.average:.{row.price_decimals}f}",
        *(money(value, 4) for value in (row.net, row.realised, row.unrealised, row.fees)),
        "-" if math.isnan(row.liquidation_price) else f"{row.liquidation_price:.{row.price_decimals}f}", row.fill_count,
        STATES[Agreement(row.state)],
    )  # fmt: skip
