"""Binance: spot and both kinds of futures in JSON, spot in SBE; orders go to spot.

[[venues]]
kind = "binance"
options = { product = "spot" | "usdm" | "coinm", encoding = "json" | "sbe", receive_window_ms = 5000 }

A key of SBE streams needs no secret; a key for orders is an Ed25519 key.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from engine.model.instrument import Instrument
from engine.venues.binance.margin import CrossMargin, read_brackets
from engine.venues.binance.market import BinanceDialect
from engine.venues.binance.sbe_market import BinanceSbeDialect
from engine.venues.binance.trading.fill_order import BinanceFillOrder
from engine.venues.kind import KEY, NAME, Kind, MarketInterface, Network, Trading, VenueClock, VenueOptions
from engine.venues.margin import MarginRules
from engine.venues.rights import RightsQuery

if TYPE_CHECKING:
    from engine.venues.cancelling import MakeCancelSession
    from engine.venues.history import VenueHistory
    from engine.venues.rights import Rights
    from engine.venues.session import MakeSession

MILLISECOND_NS = 1_000_000
WINDOW_MS_MAX = 60_000  # the longest that Binance accepts
Window = Annotated[
    int, msgspec.Meta(ge=1, le=WINDOW_MS_MAX, description=f"a whole number in 1..{WINDOW_MS_MAX}")
]  # fmt: skip


class BinanceOptions(VenueOptions, frozen=True, kw_only=True):
    """The keys of `[[venues]] options` for Binance."""

    product: Literal["spot", "usdm", "coinm"] = "spot"
    encoding: Literal["json", "sbe"] = "json"
    receive_window_ms: Window = 5000  # a request that reaches the venue later than this is refused there

    def __post_init__(self) -> None:
        """Refuse an encoding that the product does not have."""
        if self.encoding == "sbe" and self.product != "spot":
            raise ValueError(f'encoding = "sbe": expected product spot, was {self.product}')

    @property
    def market(self) -> str:
        """The product, or the encoding of spot that is not JSON."""
        return self.product if self.encoding == "json" else self.encoding


def key_name_header(key: Sequence[str]) -> dict[str, str]:
    """The header that opens an SBE stream: the name of a key. Its secret is not needed."""
    [api_key] = key
    return {"X-MBX-APIKEY": api_key}


def make_session(
    options: Any, key: Sequence[str], instruments: Sequence[Instrument], network: Network
) -> "MakeSession":  # fmt: skip
    """Spot's trading session. The key is an Ed25519 key, because only that can log a session on."""
    from engine.venues.binance.signing import Ed25519Signer  # noqa: PLC0415 - a feed must start without all this
    from engine.venues.binance.trading.reader import BinanceTrading  # noqa: PLC0415
    from engine.venues.binance.trading.session import BinanceSession  # noqa: PLC0415

    api_key, private_key = key
    signer = Ed25519Signer(api_key, private_key.encode())
    return partial(BinanceSession, BinanceTrading(list(instruments), signer, options.receive_window_ms), network.stream)


def make_canceller(options: Any, key: Sequence[str], network: Network) -> "MakeCancelSession":
    """Spot's requests for cancels over REST, signed by an Ed25519 key or an HMAC secret."""
    from engine.venues.binance.cancelling import OPTIONS, BinanceCancelling  # noqa: PLC0415 - as above
    from engine.venues.binance.signing import signer_of  # noqa: PLC0415

    api_key, private_key = key
    return partial(
        BinanceCancelling, network.requests(OPTIONS), signer_of(api_key, private_key), options.receive_window_ms
    )


def make_history(name: str) -> "VenueHistory":
    """The past of a product."""
    from engine.venues.binance.history import BinanceHistory  # noqa: PLC0415 - as above

    return BinanceHistory(name)


def check_part(part: str, text: str) -> None:
    """Refuse a part of a key with which no session can be logged on."""
    from engine.venues.binance.signing import check_api_key, load_ed25519  # noqa: PLC0415 - as above

    if part == "api_key":
        check_api_key(text)
    else:
        load_ed25519(text.encode())


class ServerTime(msgspec.Struct):
    """The answer to a request for the time."""

    time_ms: int = msgspec.field(name="serverTime")


def read_time(body: bytes) -> int:
    """The time in an answer."""
    try:
        return msgspec.json.decode(body, type=ServerTime).time_ms * MILLISECOND_NS
    except msgspec.DecodeError as error:
        raise ValueError(f"no time in the answer: {error}") from error


def read_rights(body: bytes) -> "Rights":
    """What a key may do."""
    from engine.venues.binance.rights import read  # noqa: PLC0415 - a feed must start without all this

    return read(body)


def request_rights(key: Sequence[str], now_ns: int) -> tuple[str, dict[str, str]]:
    """The request for what a key may do."""
    from engine.venues.binance.rights import request  # noqa: PLC0415 - as above

    return request(key, now_ns)


BINANCE = Kind(
    name="binance",
    options=BinanceOptions,
    clocks={
        "spot": VenueClock("/api/v3/time", read_time),
        "usdm": VenueClock("/fapi/v1/time", read_time),
        "coinm": VenueClock("/dapi/v1/time", read_time),
    },
    markets={
        "spot": MarketInterface(
            "binance", partial(BinanceDialect, "binance"), history=partial(make_history, "binance")
        ),
        "sbe": MarketInterface(
            "binance-sbe",
            partial(BinanceSbeDialect, "binance"),
            NAME,
            "of an Ed25519 key",
            key_name_header,
            history=partial(make_history, "binance"),
        ),
        "usdm": MarketInterface(
            "binance-usdm", partial(BinanceDialect, "binance-usdm"), history=partial(make_history, "binance-usdm")
        ),
        "coinm": MarketInterface("binance-coinm", partial(BinanceDialect, "binance-coinm")),
    },
    margin={"usdm": MarginRules(read_brackets, CrossMargin)},
    trading={
        "spot": Trading(
            make_session,
            BinanceFillOrder(),
            rights=RightsQuery(request_rights, read_rights),
            check_key={part: partial(check_part, part) for part in KEY},
            canceller=make_canceller,
        )
    },
)
