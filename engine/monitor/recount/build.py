"""Makes the role of a configured system."""

from typing import TYPE_CHECKING

from engine.config.accounts import account_of
from engine.instruments import await_all
from engine.lanes import open_role
from engine.monitor.recount.account import Account
from engine.monitor.recount.balances import Balances
from engine.monitor.recount.counted import Counted
from engine.monitor.recount.kept import Kept
from engine.monitor.recount.limits import Limits
from engine.monitor.recount.margin import Margin
from engine.monitor.recount.prices import Prices
from engine.monitor.recount.role import Monitor
from engine.monitor.recount.silence import Silence
from engine.monitor.recount.store import FILE, Store
from engine.monitor.recount.watch import Subject, Watch, WatchLanes
from engine.venues.catalogue import brackets_of

if TYPE_CHECKING:
    from engine.config import Config
    from engine.lanes import RoleLanes
    from engine.model.instrument import Instrument

MS = 1_000_000


def build(config: "Config", name: str) -> Monitor:
    """The monitor's role: what the runtime calls. Waits until the feed has shown the instruments."""
    assert config.monitor is not None, "load accepted the role monitor without its table"
    lanes = open_role(config, name)
    known = await_all(lanes, [one.id for one in config.instruments])
    prices = Prices(known, config.risk, [cells for _, cells in lanes.cell_readers("book_tops")])
    limits = Limits(config.risk, lanes.ring_reader("commands"))
    store = Store(config.paths.state / FILE)
    kept = store.read()
    watches = [
        watch_of(config, role, lanes, known, prices, limits, kept.get(role, Kept()))
        for role in config.monitored_executions
    ]
    return Monitor(watches, prices, limits, store, config.monitor.check_ms * MS, lanes.close)


def watch_of(
    config: "Config", role: str, lanes: "RoleLanes", known: "list[Instrument]", prices: Prices, limits: Limits,
    kept: Kept,
) -> Watch:  # fmt: skip
    """The watch over the execution of this role."""
    assert config.monitor is not None, "asked without a table"
    account, table = account_of(config, role), config.monitor
    ids = {one.id for one in account.instruments}
    instruments = [one for one in known if one.id in ids]
    cells = lanes.cell_reader("balances", role)
    brackets = brackets_of(account.venue, config.risk.get("margin_brackets", ""))
    derivatives = {one.id: brackets[one.symbol] for one in instruments if one.kind != "spot" and one.symbol in brackets}
    return Watch(
        Subject(role, account.journal, instruments, [one.id for one in config.strategies]),
        open_watch_lanes(lanes, role), Balances(instruments, cells, cells.count),
        Account(account.number, limits, lanes.cell_reader("gate", role), prices, Margin(derivatives), kept), prices,
        Silence(role, lanes.cell_reader("heartbeat", role), table.late_ms * MS),
        Counted(config.paths.state / f"monitor.{account.number}.json", account.journal, instruments),
        table.differs_ms * MS,
    )  # fmt: skip


def open_watch_lanes(lanes: "RoleLanes", role: str) -> WatchLanes:
    """Open the lanes of an execution."""
    return WatchLanes(
        fills=lanes.ring_reader("fills", role),
        positions=lanes.cell_reader("positions", role),
        halts=lanes.cell_reader("instrument_halts", role),
        scopes=lanes.cell_reader("scope_halts", role),
        monitored=lanes.cell_writer("monitored", role),
        monitored_account=lanes.cell_writer("monitored_account", role),
        disagreements=lanes.ring_writer("disagreements", role),
    )
