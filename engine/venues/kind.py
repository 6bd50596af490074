"""What a venue is: the one description that the feed, execution and `engine-ctl check` read.

    engine/venues/<venue>/kind.py ─▶ KIND ─▶ catalogue ─┬─▶ feed        dialect, upgrade headers, signer of messages
                                                       ├─▶ execution   where orders can go, and the trading session
                                                       └─▶ check       options, keys, interfaces

A `[[venues]]` table names a kind and has options of the kind's own type. The options choose one market-data interface
(`market`); the product decides whether orders can go there (`trading`). No code outside a venue's folder knows an
option, a key or a dialect of that venue.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, get_origin

import msgspec

from engine.config.nearest import did_you_mean
from engine.venues.margin import MarginRules
from engine.venues.signed_stream import MakeSigner
from engine.venues.wire.options import HttpOptions

if TYPE_CHECKING:
    from engine.config import Secret, Venue
    from engine.model.instrument import Instrument
    from engine.venues.cancelling import MakeCancelSession
    from engine.venues.dialect import Dialect
    from engine.venues.history import VenueHistory
    from engine.venues.port import RequestPort, StreamPort
    from engine.venues.rights import RightsQuery
    from engine.venues.session import MakeSession
    from engine.venues.trading.fill_order import FillOrder

NAME, KEY = ("api_key",), ("api_key", "private_key")  # the parts of a key, by their names in `[[venues]]`
DEFAULT_PRODUCT = "spot"
Clock = Callable[[], int]  # nanoseconds since 1970


class VenueOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options that every kind has. A kind adds its own, each with its type and, in `Meta`, its description."""

    product: str = DEFAULT_PRODUCT
    standby: bool = False  # keep a second connection up, ready to replace the first

    @property
    def market(self) -> str:
        """The name of the market-data interface that these options choose, within their kind."""
        return self.product


def no_headers(key: Sequence[str]) -> dict[str, str]:
    """Add nothing to a stream's upgrade request."""
    del key
    return {}


@dataclass(frozen=True, slots=True)
class MarketInterface:
    """One interface of a venue's market data: its reader, and the part of a key that opens its streams."""

    name: str  # of the dialect; recordings and `engine-ctl capture` know it by this name
    dialect: Callable[[], "Dialect"]
    key: tuple[str, ...] = ()  # the parts of a key that a stream needs
    key_kind: str = ""  # what an operator must know of this key
    headers: Callable[[Sequence[str]], dict[str, str]] = no_headers  # of a stream's upgrade request, from the key
    signer: Callable[[Sequence[str], Clock], MakeSigner] | None = None  # where messages of a stream are signed
    history: "Callable[[], VenueHistory] | None" = None  # None: its past cannot be requested


class Network(Protocol):
    """Connections to a venue's trading, held to where orders may go."""

    def stream(self, now_ns: int) -> "StreamPort":
        """Begin a connection to the venue's `order_url`."""

    def requests(self, options: HttpOptions | None = None) -> "RequestPort":
        """Requests to the venue's `request_url`."""


@dataclass(frozen=True, slots=True)
class VenueClock:
    """A request that every client may send, and the venue's time in its answer."""

    target: str  # below the venue's `request_url`
    read: Callable[[bytes], int]  # the time in nanoseconds; ValueError for an answer without it
    resolution_ns: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Trading:
    """How orders reach one product of a venue."""

    session: "Callable[[Any, Sequence[str], Sequence[Instrument], Network], MakeSession]"  # `Any`: the kind's options
    fill_order: "FillOrder"
    key: tuple[str, ...] = KEY  # the parts of a key that a session needs
    urls: tuple[str, ...] = ("order_url",)  # where orders go
    rights: "RightsQuery | None" = None  # how a key's rights are read; None: the venue has no such request
    check_key: Mapping[str, Callable[[str], object]] = field(default_factory=dict)  # of a part: refuses a wrong text
    canceller: "Callable[[Any, Sequence[str], Network], MakeCancelSession] | None" = None  # None: the venue has none


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of venue: its options, its market-data interfaces, and the products to which orders can go."""

    name: str  # in `[[venues]] kind`
    options: type[VenueOptions]
    markets: Mapping[str, MarketInterface]  # by `VenueOptions.market`
    trading: Mapping[str, Trading] = field(default_factory=dict)  # by product
    clocks: Mapping[str, VenueClock] = field(default_factory=dict)  # by product
    margin: Mapping[str, MarginRules] = field(default_factory=dict)  # by product, of derivatives

    def options_of(self, venue: "Venue") -> VenueOptions:
        """The options of a configured venue; ValueError names an option that is unknown or does not fit its type."""
        known = {one.name: one for one in msgspec.structs.fields(self.options)}
        for name, value in venue.options.items():
            if name not in known:
                allowed = ", ".join(sorted(known))
                hint = did_you_mean(name, known)
                raise ValueError(f"venue {venue.name}: unknown option {name!r}, {hint}expected some of {allowed}")
            try:
                msgspec.convert(value, known[name].type)
            except msgspec.ValidationError:
                expected = described(known[name].type)
                raise ValueError(f"venue {venue.name}: option {name}: expected {expected}, was {value!r}") from None
        try:
            return msgspec.convert(venue.options, self.options)
        except msgspec.ValidationError as error:
            raise ValueError(f"venue {venue.name}: {error}") from None

    def clock_of(self, venue: "Venue") -> VenueClock | None:
        """The request for the time of a configured venue; None where its product has none."""
        return self.clocks.get(self.options_of(venue).product)

    def margin_of(self, venue: "Venue") -> MarginRules | None:
        """How a configured venue computes margin; None where its product has no derivatives that orders can be for."""
        return self.margin.get(self.options_of(venue).product)

    def market_of(self, venue: "Venue") -> MarketInterface:
        """The market-data interface of a configured venue."""
        return self.markets[self.options_of(venue).market]


def described(kind: Any) -> str:
    """The values that an option accepts, in words."""
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    words = [meta.description for meta in getattr(kind, "__metadata__", ()) if meta.description]
    return words[0] if words else {bool: "true or false"}.get(kind, f"a value of type {kind.__name__}")


def chosen(options: VenueOptions) -> str:
    """The choices of these options that are not the default, as the file has them: `product = "exchange"`."""
    choices = [one for one in msgspec.structs.fields(options) if get_origin(one.type) is Literal]
    values = {one.name: getattr(options, one.name) for one in choices if getattr(options, one.name) != one.default}
    return ", ".join(f'{name} = "{value}"' for name, value in values.items())


def stream_key_of(venue: "Venue", kind: Kind) -> "list[Secret]":
    """The parts of a key that the venue's streams need; ValueError names the first one that is missing."""
    market = kind.market_of(venue)
    for name in market.key:
        if getattr(venue, name) is None:
            article = "an" if name == market.key[0] else "a"
            note = market.key_kind or f"its key is {', '.join(market.key)}"
            msg = (
                f"venue {venue.name}: {chosen(kind.options_of(venue))} needs {article} {name} ({note}) to open a"
                " stream, was none"
            )
            raise ValueError(msg)
    return [getattr(venue, name) for name in market.key]
