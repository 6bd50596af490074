"""Makes the role of a configured system: instruments from cells, lanes by the map, the session by the venue's kind."""

import fcntl
import json
import logging
import os
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from engine import skips
from engine.config.accounts import account_of, check_journals
from engine.config.nearest import read_table
from engine.config.private import make_once, make_private, open_private, replace_private
from engine.destination import TradingNetwork, check_destination, check_mode
from engine.execution.config import ExecutionConfig, ExecutionOptions, JournalConfig
from engine.execution.operator import Heartbeat, Operator
from engine.execution.ports import ExecutionLanes, ExecutionPorts
from engine.execution.restore.disk import PatientDisk
from engine.execution.role import Execution
from engine.instruments import await_all
from engine.lanes import MONITOR, SUPERVISOR, open_role
from engine.lanes.ports import past
from engine.model.instrument import Instrument
from engine.model.intent_id import ROUTED
from engine.model.words import HaltReason
from engine.risk.table import read_risk
from engine.venues.catalogue import kind_of, margin_of, trading_of
from engine.venues.kind import Network
from engine.venues.session import MakeSession

if TYPE_CHECKING:
    from engine.config import Config, Venue
    from engine.lanes.ports import Lanes

logger = logging.getLogger("engine.execution")

BOOKS_BACK = 256  # the newest books at start; those too old are refused by their age
MS = 1_000_000
MIB = 1 << 20
NAMES, ACCOUNT_NAMES = "strategies.json", "accounts.json"  # in the journal's directory


def build(config: "Config", name: str) -> Execution:
    """The execution role: what the runtime calls. Waits until the feed has shown the instruments."""
    if config.system.mode == "replay":
        raise ValueError("execution in a system of mode replay: expected none, no order may leave")
    account = account_of(config, name)
    check_journals(config)
    opened = open_role(config, name)
    ids = [one.id for one in account.instruments]
    instruments = tuple(await_all(opened, ids))
    options = msgspec.to_builtins(read_table(config.execution, ExecutionOptions))
    limits, caps = read_risk(config.risk)
    limits.check_rise()
    execution = ExecutionConfig(
        account=account.number,
        venue=account.venue.name,
        system=read_or_make_uuid(account.identity),
        instruments=instruments,
        strategies={strategy.id: frozenset(strategy.instruments).intersection(ids) for strategy in config.strategies},
        role=config.role_number(name),
        supervisor_alarm_ns=config.watch.supervisor_alarm_ms * MS,
        supervisor_lost_ns=config.watch.supervisor_lost_ms * MS,
        budget_stale_ns=config.budgets.stale_ms * MS if config.budgets is not None else 0,
        budget_index=config.execution_names.index(name),
        monitor_late_ns=config.monitor.late_ms * MS if config.monitor is not None else 0,
        limits=limits.within(ids),
        caps=caps,
        risk=config.risk,
        margin=dict(margin_of(account.venue, instruments, limits.margin_brackets, limits.usd_quotes)),
        journal=journal_config(config, account.journal),
        skipped=skips.read(config.paths.run, name),
        **options,
    )
    operator = Operator(
        opened.cell_reader("operator_halt"),
        config.paths.halt,
        opened.cell_reader("heartbeat", SUPERVISOR),
    )
    check_destination(config, account.venue)
    mode = opened.cell_reader("mode")
    check_mode(config, mode.read(0))
    network = TradingNetwork(account.venue, mode, may_leave=config.orders_may_leave)
    session = session_of(account.venue, instruments, network)
    monitored = MONITOR in config.role_names
    monitor = Heartbeat(opened.cell_reader("heartbeat", MONITOR)) if monitored else None
    ports = ExecutionPorts(session, partial(ask_halt, config.paths.halt, name), operator, monitor)
    strategies = {strategy.id: strategy.name for strategy in config.strategies}
    lanes = open_execution_lanes(opened, strategies)
    if config.budgets is not None:
        lanes.budget, lanes.budgeted = opened.cell_reader("budgets"), opened.cell_writer("budgeted")
    lanes.closers = (*lanes.closers, hold(account.journal))
    keep_names(account.journal, NAMES, strategies)
    keep_names(account.journal, ACCOUNT_NAMES, {account.number: account.name})
    return Execution(execution, lanes, ports, PatientDisk())


def ask_halt(file: Path, role: str, reason: HaltReason, text: str) -> None:
    """Have the supervisor halt the whole system: it looks for this file, and its halt outlives every process.

    `role`: the execution that asks.
    """
    try:
        make_once(file, json.dumps({"reason": reason.name.lower(), "execution": role, "text": text}) + "\n")
    except OSError as error:  # execution stays halted all the same
        logger.error("the supervisor was not asked to halt", extra={"file": str(file), "error": str(error)})  # noqa: TRY400


def read_or_make_uuid(path: Path) -> uuid.UUID:
    """The uuid of an account, made once and kept: our orders at the venue are known by it for ever."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_private(path, f"{uuid.uuid4()}\n".encode())
    return uuid.UUID(path.read_text().strip())


def hold(directory: Path) -> IO[str]:
    """Lock this journal: the locks of lanes protect one system, but two configurations may name one directory.

    The kernel releases the lock when the process dies.
    """
    make_private(directory)
    lock = os.fdopen(open_private(directory / "journal.lock", os.O_WRONLY), "w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        msg = f"the journal in {directory} is written by another execution: expected a directory of this system's own"
        raise ValueError(msg) from None
    return lock


def keep_names(journal: Path, kind: str, names: dict[int, str]) -> None:
    """Write the names of strategies or accounts beside the journal, which has their numbers, for use after `down`."""
    file = journal / kind
    made = file.with_suffix(".made")
    try:
        made.write_text(json.dumps(read_names(journal, kind) | names) + "\n", encoding="utf-8")
        made.replace(file)
    except OSError as error:  # a full disk must not keep execution from starting
        logger.error("the names were not kept", extra={"file": str(file), "error": str(error)})  # noqa: TRY400


def read_names(journal: Path, kind: str = NAMES) -> dict[int, str]:
    """The names by number, each as it was last configured; none where there is no readable file."""
    try:
        return {int(number): str(name) for number, name in json.loads((journal / kind).read_bytes()).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def journal_config(config: "Config", directory: Path) -> JournalConfig:
    """The configuration's word on the journal in this directory, in execution's terms."""
    table = config.journal
    return JournalConfig(
        directory=str(directory),
        disk="before" if table.sync == "each" else "after",
        segment_size=int(table.segment_mib * MIB),
        flush_interval_ns=table.batch_ms * MS if table.sync == "batch" else 0,
    )


def session_of(venue: "Venue", instruments: Sequence[Instrument], network: Network) -> MakeSession:
    """The maker of a configured venue's trading session; ValueError where no order can go there."""
    trading = trading_of(venue)
    key = [getattr(venue, part).reveal() for part in trading.key]
    return trading.session(kind_of(venue).options_of(venue), key, instruments, network)


def open_execution_lanes(lanes: "Lanes", strategies: dict[int, str]) -> ExecutionLanes:
    """Open the lanes of execution. `strategies`: their names by number, in the order of the configuration."""
    known = lanes.cell_reader("accepted")
    intents = {}
    for index, (number, strategy) in enumerate(strategies.items()):
        intents[number] = past(lanes.ring_reader("intents", strategy))
        cell = known.read(index)
        if cell is not None:
            intents[number].cursor = cell.cursor
    if lanes.has("routed"):
        intents[ROUTED] = past(lanes.ring_reader("routed"))
        cell = known.read(len(strategies))
        intents[ROUTED].cursor = intents[ROUTED].cursor if cell is None else cell.cursor
    commands = past(lanes.ring_reader("commands"))  # those given while execution was dead; a known one is skipped
    return ExecutionLanes(
        books=tuple(past(books, BOOKS_BACK) for _, books in lanes.ring_readers("books")),
        ticks=tuple(ticks for _, ticks in lanes.ring_readers("ticks")),
        commands=commands,
        commands_life=int.from_bytes(commands.stream[:8], "little"),
        intents=intents,
        halt=lanes.cell_reader("halt"),
        journal_past=past(lanes.ring_reader("journal")),
        fills_past=past(lanes.ring_reader("fills")),
        journal=lanes.ring_writer("journal"),
        verdicts=lanes.ring_writer("verdicts"),
        orders=lanes.ring_writer("orders"),
        parents=lanes.ring_writer("parents"),
        fills=lanes.ring_writer("fills"),
        steps=lanes.ring_writer("steps"),
        positions=lanes.cell_writer("positions"),
        accepted=lanes.cell_writer("accepted"),
        gate=lanes.cell_writer("gate"),
        sessions=lanes.cell_writer("sessions"),
        instrument_halts=lanes.cell_writer("instrument_halts"),
        limits=lanes.cell_writer("limits"),
        scope_halts=lanes.cell_writer("scope_halts"),
        balances=lanes.cell_writer("balances"),
        reconciliations=lanes.ring_writer("reconciliations"),
        disagreements=lanes.ring_reader("disagreements"),
        closers=(lanes,),
    )
