"""Binance's list of what a key may do: GET /sapi/v1/account/apiRestrictions, signed."""

from collections.abc import Sequence

import msgspec

from engine.venues.binance.signing import Ed25519Signer, signed_query
from engine.venues.rights import Rights

TARGET = "/sapi/v1/account/apiRestrictions"
MILLISECOND_NS = 1_000_000


class Restrictions(msgspec.Struct):
    """The part of the answer that is read. A right that the answer lacks is an error, not a no."""

    ip_restrict: bool = msgspec.field(name="ipRestrict")
    withdrawals: bool = msgspec.field(name="enableWithdrawals")
    trading: bool = msgspec.field(name="enableSpotAndMarginTrading")


def request(key: Sequence[str], now_ns: int) -> tuple[str, dict[str, str]]:
    """The request's target and headers."""
    api_key, private_key = key
    query = signed_query(Ed25519Signer(api_key, private_key.encode()), f"timestamp={now_ns // MILLISECOND_NS}")
    return f"{TARGET}?{query}", {"X-MBX-APIKEY": api_key}


def read(body: bytes) -> Rights:
    """The rights in an answer."""
    try:
        found = msgspec.json.decode(body, type=Restrictions)
    except msgspec.DecodeError as error:
        raise ValueError(f"{TARGET}: the answer cannot be read: {error}") from error
    return Rights(found.trading, found.withdrawals, found.ip_restrict)
