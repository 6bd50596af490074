"""The simulated Binance in place of the venue in memory, over a connection without a socket."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from engine.loopback.binance.faults import FaultRates
from engine.loopback.binance.keys import Key
from engine.loopback.binance.settings import FLOWS, PURSE, VenueSettings
from engine.loopback.binance.venue import BinanceVenue
from engine.model.fixed import to_fixed
from engine.model.text import shown
from engine.model.words import BUY, SELL, OrderState
from engine.venues.port import PortState, StreamDefaults
from tests.engine.execution.venue_double import KEY_PEM

if TYPE_CHECKING:
    from engine.loopback.binance.session import Session

NAME = "engine".ljust(64, "0")
FLOW_INTERVAL_NS = 100_000_000
AHEAD_NS = 700_000_000  # the venue's clock is not ours
ENDS = {
    "accepted": OrderState.OPEN, "triggered": OrderState.OPEN, "fill": OrderState.PARTLY_FILLED,
    "cancelled": OrderState.CANCELLED, "expired": OrderState.EXPIRED, "prevented": OrderState.EXPIRED,
}  # fmt: skip


class SimulatedPort(StreamDefaults):
    """A connection to the simulated venue."""

    def __init__(self, venue: "SimulatedVenue") -> None:
        """Open at the first poll."""
        self.venue = venue
        self.session: Session = venue.binance.connect("/ws-api/v3", venue.now_ns + AHEAD_NS)
        self.state = PortState.CONNECTING
        self.error = ""
        self.receive_ns = 0

    def poll(self, now_ns: int) -> list[bytes]:
        """What the venue sent."""
        if self.state is PortState.CLOSED:
            return []
        self.state = PortState.OPEN
        self.receive_ns = now_ns
        frames = self.session.drain()
        if self.session.closed:
            self.state = PortState.CLOSED
        return frames

    def send(self, payload: bytes) -> bool:
        """To the venue."""
        if self.state is not PortState.OPEN or self.session.closed:
            return False
        self.venue.outgoing.append(payload)
        self.venue.binance.receive(self.session, payload, self.venue.now_ns + AHEAD_NS)
        return True

    def close(self) -> None:
        """Hang up."""
        self.state = PortState.CLOSED
        self.venue.binance.disconnect(self.session)


class SimulatedVenue:
    """The venue, its clock ahead of ours, with helpers for the checks."""

    def __init__(
        self,
        now_ns: int,
        seed: int = 0,
        rates: FaultRates | None = None,
        purse: dict[str, int] = PURSE,
        **changes: Any,
    ) -> None:
        """Open for trade."""
        public = load_pem_private_key(KEY_PEM, None).public_key()
        key = Key.ed25519(NAME, "engine", public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        flows = {name: replace(flow, interval_ns=FLOW_INTERVAL_NS) for name, flow in FLOWS.items()}
        settings = VenueSettings(
            seed=seed, keys=(key,), accounts={"engine": purse}, rates=rates or FaultRates(), flows=flows
        )
        settings = replace(settings, **changes)
        self.now_ns = now_ns
        self.binance = BinanceVenue(settings, now_ns + AHEAD_NS)
        self.outgoing: list[bytes] = []
        self.api_key = NAME

    def connect(self, _now_ns: int) -> SimulatedPort:
        """A connection."""
        return SimulatedPort(self)

    def advance(self, now_ns: int) -> None:
        """Time passes."""
        self.now_ns = now_ns
        self.binance.step(now_ns + AHEAD_NS)

    def cut(self) -> None:
        """Every API connection ends."""
        self.binance.disconnect("api")

    def best(self, symbol: str, decimals: int) -> tuple[int, int]:
        """The book's best prices at these decimals."""
        book, scale = self.binance.matching.books[symbol], 10 ** (8 - decimals)
        return book.side(BUY).best()[0] // scale, book.side(SELL).best()[0] // scale

    def gained(self, asset: str) -> int:
        """What the account has more of an asset than it began with, at eight decimals."""
        return self.binance.ledger.accounts["engine"].gained(asset)

    def truth(self) -> tuple[dict[str, tuple[int, int]], set[tuple[str, int, str]]]:
        """Each order's end and filled size, and every fill, from the truth log; sizes at eight decimals."""
        orders: dict[str, tuple[int, int]] = {}
        fills: set[tuple[str, int, str]] = set()
        for line in self.binance.truth.lines:
            if line["account"] != "engine":
                continue
            filled, size = to_fixed(str(line["filled"]), 8), to_fixed(str(line["size"]), 8)
            state = OrderState.FILLED if filled == size else ENDS[str(line["what"])]
            orders[str(line["client_id"])] = (int(state), filled)
            if line["what"] == "fill":
                assert (line["symbol"], line["fill_id"], line["client_id"]) not in fills
                fills.add((str(line["symbol"]), str(line["fill_id"]), str(line["client_id"])))
        return orders, fills


def check(venue: SimulatedVenue, role: Any, fill_rows: list[Any]) -> None:
    """Our orders and fills are the venue's: order for order, fill for fill, none doubled."""
    orders, fills = venue.truth()
    symbols = {one.id: one for one in role.config.instruments}
    ours = {order.client_id.hex(): order for order in role.blotter.orders.values()}
    assert set(orders) <= set(ours)
    for client_id, order in ours.items():
        scale = 10 ** (8 - symbols[order.instrument].size_decimals)
        if client_id in orders:
            assert (order.state, order.filled * scale) == orders[client_id], client_id
        else:
            assert order.state == OrderState.REJECTED, client_id
    reported = [(symbols[row.instrument].symbol, shown(row.venue_fill_id), row.client_id.hex()) for row in fill_rows]
    assert len(reported) == len(set(reported))
    assert set(reported) == fills
