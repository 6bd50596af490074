"""Execution of a configured system: its key, its lanes, its journal and its connection to the venue.

    [risk]         the caps of engine/risk/limits.py
    [execution]    the durations of engine/execution/config.py
    [journal]      when a record is on disk

The system's own name in client order ids is drawn once and kept in the state directory: orders are recognised as ours
for as long as that file lives.
"""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import shm
from engine.execution.config import ExecutionConfig, JournalConfig
from engine.execution.execution import Execution
from engine.execution.seams import ExecutionLanes, ExecutionPorts
from engine.instruments import await_all
from engine.lanes import BY_NAME
from engine.risk.limits import RiskLimits
from engine.venues.binance.signing import Ed25519Signer
from engine.venues.binance.trading import BinanceTrading
from engine.venues.wire import WebSocketPort

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config.tables import Journal, Venue
    from engine.venues.port import FramePort

MS = 1_000_000
NEVER_NS = 1 << 62


class ExecutionRole(Execution):
    """Execution over real sockets: what a sleeping process is woken by is known."""

    port: WebSocketPort | None = None

    def filenos(self) -> list[int]:
        """The trading connection, while there is one."""
        return [one.descriptor for one in self.port.interests()] if self.port is not None else []


def build(config: "Config", name: str) -> ExecutionRole:
    """Make the execution of a system: what the runtime calls."""
    venue = _the_venue(config)
    instruments = tuple(await_all(config.system.name, [one.id for one in config.instruments]))
    settings = ExecutionConfig(
        system=system_id(config.paths.state / "system.uuid"),
        instruments=instruments,
        strategies=tuple(strategy.id for strategy in config.strategies),
        role=config.role_number(name),
        limits=_converted(config, "risk", RiskLimits),
        journal=_journal(config.journal, config.paths.state),
        **_execution_options(config),
    )
    wire = BinanceTrading(list(instruments), _signer(venue))

    def connect(now_ns: int) -> "FramePort":
        del now_ns
        role.port = WebSocketPort(venue.order_url)
        return role.port

    role = ExecutionRole(settings, open_lanes(config, name), ExecutionPorts(connect, wire))
    return role


def system_id(path: Path) -> uuid.UUID:
    """The system's identity, drawn at its first start."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(str(uuid.uuid4()))
        fresh.rename(path)
    return uuid.UUID(path.read_text().strip())


def open_lanes(config: "Config", name: str) -> ExecutionLanes:
    """Attach execution to its lanes: intents from where they were accepted, its own past from the rings' beginnings."""
    writers: list[Any] = []

    def writer(lane: str, each: str = "") -> Any:
        kind = shm.CellWriter if BY_NAME[lane].kind == "cells" else shm.RingWriter
        writers.append(kind(config.lane(lane, each), BY_NAME[lane].record))
        return writers[-1]

    def reader(lane: str, each: str = "", *, past: bool = False) -> shm.RingReader:
        made = shm.RingReader(config.lane(lane, each), BY_NAME[lane].record)
        if past:
            made.cursor = made.oldest
        return made

    accepted = shm.CellReader(config.lane("accepted"), BY_NAME["accepted"].record)
    intents: dict[int, Any] = {}
    for index, strategy in enumerate(config.strategies):
        intents[strategy.id] = reader("intents", strategy.name, past=True)
        if (cell := accepted.read(index)) is not None:
            intents[strategy.id].cursor = cell.cursor
    return ExecutionLanes(
        books=reader("books"),
        commands=reader("commands"),
        intents=intents,
        halt=shm.CellReader(config.lane("halt"), BY_NAME["halt"].record),
        journal_past=reader("journal", past=True),
        fills_past=reader("fills", past=True),
        journal=writer("journal"),
        verdicts=writer("verdicts"),
        orders=writer("orders"),
        fills=writer("fills"),
        steps=writer("steps", name),
        positions=writer("positions"),
        accepted=writer("accepted"),
        closers=tuple(writers),
    )


def _the_venue(config: "Config") -> "Venue":
    traded = [venue for venue in config.venues if venue.order_url]
    if len(traded) != 1 or traded[0].kind != "binance":
        found = ", ".join(f"{venue.name} ({venue.kind})" for venue in traded) or "none"
        msg = f"{config.path}: execution trades at one venue of kind binance with an order_url, found {found}"
        raise ValueError(msg)
    return traded[0]


def _signer(venue: "Venue") -> Ed25519Signer:
    if venue.api_key is None or venue.private_key is None:
        msg = f"venue {venue.name}: execution needs api_key and private_key, the place where each is found"
        raise ValueError(msg)
    return Ed25519Signer(venue.api_key.reveal(), venue.private_key.reveal().encode())


def _converted(config: "Config", table: str, kind: type[RiskLimits]) -> RiskLimits:
    try:
        return msgspec.convert(getattr(config, table), kind, strict=False)
    except msgspec.ValidationError as error:
        msg = f"{config.path}: [{table}] {error}"
        raise ValueError(msg) from error


def _execution_options(config: "Config") -> dict[str, Any]:
    known = {name for name in ExecutionConfig.__struct_fields__ if name.endswith("_ns")}
    options: dict[str, Any] = {}
    for key, value in config.execution.items():
        field = key.removesuffix("_ms") + "_ns"
        if key in {"orphans", "chase_rejects"}:
            options[key] = value
        elif key.endswith("_ms") and field in known and isinstance(value, int):
            options[field] = value * MS
        else:
            expected = ", ".join(sorted(name.removesuffix("_ns") + "_ms" for name in known))
            msg = f"{config.path}: [execution] {key} = {value!r}: expected orphans, chase_rejects or one of {expected}"
            raise ValueError(msg)
    return options


def _journal(table: "Journal", state: Path) -> JournalConfig:
    return JournalConfig(
        directory=table.directory or str(state / "journal"),
        disk="before" if table.sync == "each" else "after",
        segment_size=table.segment_mib << 20,
        flush_interval_ns=NEVER_NS if table.sync == "none" else table.batch_ms * MS,
    )
