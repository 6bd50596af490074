"""Where orders may go: out of this machine only in mode live with `[live] armed = true`.

Three places hold to it, each on its own: `engine-ctl check`, the start of execution, and every connection that
execution opens, which looks at the mode that the supervisor published when the system came up and refuses any
address but loopback without it. A program that listens on loopback and passes orders on (an `ssh -L`) is not seen.
"""

import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.lanes.ports import CellReader
from engine.model.words import Mode
from engine.venues.catalogue import trading_of
from engine.venues.port import RequestPort, StreamPort
from engine.venues.wire.dial import Place, is_loopback
from engine.venues.wire.http_port import HttpPort
from engine.venues.wire.options import HttpOptions, WireOptions
from engine.venues.wire.websocket_port import WebSocketPort

if TYPE_CHECKING:
    from engine.config import Config, Venue

UNKNOWN = "no address is found for it"
ADVICE = (
    "to practise, point it at the venue on loopback (python -m engine.loopback.server); to trade real money, set"
    ' mode = "live" in [system] and armed = true in [live]'
)
PAPER_ADVICE = (
    " Paper trading on real prices, as in configs/paper.toml: stream_url and request_url at the real venue, order_url"
    " and order_request_url at the paper venue."
)


def check_destination(config: "Config", venue: "Venue", urls: Sequence[str] = ()) -> None:
    """Refuse a URL for orders that leads out of this machine, unless the configuration is armed for it.

    `urls`: the keys of the venue's table that are checked; by default those that orders are sent to.
    """
    if not config.orders_may_leave:
        for name in urls or trading_of(venue).urls:
            _check_url(config, venue, name)


def _check_url(config: "Config", venue: "Venue", name: str) -> None:
    """Refuse this URL of a venue unless every address of its host is one of this machine's own."""
    host = Place.of(getattr(venue, name)).host
    outside = [one for one in addresses_of(host) if one == UNKNOWN or not is_loopback(one)]
    if outside:
        paper = PAPER_ADVICE if config.system.mode == "paper" else ""
        where = host if host in outside else f"{host} ({', '.join(outside)})"
        msg = (
            f"venue {venue.name}: {name}: orders would leave this machine for {where}, with mode"
            f' "{config.system.mode}" and armed = {str(config.live.armed).lower()}; expected a loopback address:'
            f" {ADVICE}.{paper}"
        )
        raise ValueError(msg)


def addresses_of(host: str) -> list[str]:
    """Every address of a host by this machine's resolver; UNKNOWN when it has none, which is not known to be ours."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return [UNKNOWN]
    return sorted({str(address[0]) for *_, address in found})


def check_mode(config: "Config", row: object) -> None:
    """Refuse a file that was given another mode while the system is up: the running roles have the old one."""
    if row is None:
        return
    mode, armed = Mode(row.mode).name.lower(), bool(row.armed)  # type: ignore[attr-defined]
    if (mode, armed) != (config.system.mode, config.live.armed):
        msg = (
            f"the system came up with mode {mode}, armed {armed}; its file now has {config.system.mode},"
            f" {config.live.armed}: engine-ctl down and up make the change"
        )
        raise ValueError(msg)


class TradingNetwork:
    """The connections of a venue's session: to loopback alone unless the configuration and the mode allow more."""

    def __init__(self, venue: "Venue", mode: CellReader, *, may_leave: bool) -> None:
        """Connect to this venue; `may_leave` is the configuration's word, `mode` holds the supervisor's."""
        self._venue, self._mode, self._may_leave = venue, mode, may_leave

    def stream(self, now_ns: int) -> StreamPort:
        """Begin a connection to `order_url`."""
        del now_ns
        return WebSocketPort(self._venue.order_url, WireOptions(loopback_only=not self._armed()))

    def requests(self, options: HttpOptions | None = None) -> RequestPort:
        """Requests to `order_request_url`, or to `request_url` where the venue has no other."""
        url = getattr(self._venue, self._venue.order_rest)
        return HttpPort(url, replace(options or HttpOptions(), loopback_only=not self._armed()))

    def _armed(self) -> bool:
        """Whether an order may leave this machine, by both words."""
        row = self._mode.read(0)
        return self._may_leave and row is not None and row.mode == Mode.LIVE and bool(row.armed)
