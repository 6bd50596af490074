"""Makes the canceller of a configured system: lanes by the map, the session by the venue's kind, the account's mark.

The mark is read when it is needed: execution makes the account's uuid at its first start. The key is `cancel_api_key`
and `cancel_private_key` of the venue's table, or the key that execution trades with.
"""

import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine import clock
from engine.canceller.config import MS, CancellerConfig
from engine.canceller.process import WriterProcess
from engine.canceller.role import Canceller, CancellerLanes
from engine.config.accounts import account_of
from engine.destination import TradingNetwork, check_destination, check_mode
from engine.lanes import open_role
from engine.model import client_id
from engine.venues.catalogue import kind_of, trading_of
from engine.venues.kind import Network

if TYPE_CHECKING:
    from engine.config import Config, Venue
    from engine.lanes import RoleLanes
    from engine.venues.cancelling import MakeCancelSession


def build(config: "Config", name: str) -> Canceller:
    """The canceller's role: what the runtime calls."""
    execution = config.execution_of_canceller(name)
    account = account_of(config, execution)
    opened = open_role(config, name)
    check_destination(config, account.venue, (account.venue.order_rest,))
    mode = opened.cell_reader("mode")
    check_mode(config, mode.read(0))
    network = TradingNetwork(account.venue, mode, may_leave=config.orders_may_leave)
    lanes = open_canceller_lanes(opened, execution)
    return Canceller(
        name,
        canceller_config(config),
        lanes,
        session_of(account.venue, network),
        WriterProcess(opened.cell_reader("heartbeat", execution)),
        partial(read_mark, account.identity),
        clock.now_ns(),
    )


def canceller_config(config: "Config") -> CancellerConfig:
    """The configuration's times in the canceller's terms."""
    watch = config.watch
    return CancellerConfig(
        dead_ns=config.canceller.dead_ms * MS,
        late_ns=watch.late_ms * MS,
        frozen_ns=watch.frozen_ms * MS,
        beat_ns=watch.beat_ms * MS,
        foreign=config.canceller.foreign,
    )


def open_canceller_lanes(lanes: "RoleLanes", execution: str) -> CancellerLanes:
    """Open the lanes of the canceller of this execution."""
    return CancellerLanes(
        beats=lanes.cell_reader("heartbeat", execution),
        sessions=lanes.cell_reader("sessions", execution),
        orders=lanes.ring_reader("orders", execution),
        halts=(lanes.cell_reader("halt"), lanes.cell_reader("operator_halt")),
        monitored=lanes.cell_reader("monitored_account", execution),
        cancels=lanes.cell_writer("cancels", execution),
        listed=lanes.cell_writer("listed", execution),
        closers=(lanes,),
    )


def session_of(venue: "Venue", network: Network) -> "MakeCancelSession":
    """The maker of a configured venue's session for cancels; ValueError where the engine cannot cancel there."""
    trading = trading_of(venue)
    if trading.canceller is None:
        msg = f"venue {venue.name}: the engine has no canceller for it: set enabled = false in [canceller]"
        raise ValueError(msg)
    return trading.canceller(kind_of(venue).options_of(venue), cancel_key(venue), network)


def cancel_key(venue: "Venue") -> list[str]:
    """The parts of the key that cancels are signed with."""
    own = [venue.cancel_api_key, venue.cancel_private_key]
    parts = own if None not in own else [venue.api_key, venue.private_key]
    return [part.reveal() for part in parts if part is not None]


def read_mark(identity: Path) -> bytes:
    """The mark of the account's orders; empty while execution has not made the account's uuid: no order is ours."""
    try:
        return client_id.mark_of(uuid.UUID(identity.read_text().strip()))
    except FileNotFoundError:
        return b""
