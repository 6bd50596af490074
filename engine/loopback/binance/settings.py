"""The settings of the embedded venue: markets, accounts, keys, limits, flow and faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from engine.loopback.binance.faults import FaultRates
from engine.loopback.binance.keys import Key
from engine.loopback.binance.limits import LimitSettings
from engine.loopback.flow import FlowSettings
from engine.loopback.market import Burn, Market, fixed

TEST_ACCOUNT = "tester"
TEST_KEY = "SteelyardLoopbackTestKey".ljust(64, "0")
TEST_SECRET = "SteelyardLoopbackTestSecret".ljust(64, "0")
MARKETS = (
    Market("BTCUSDT", "BTC", "USDT"),
    Market("ETHUSDT", "ETH", "USDT", size_step=fixed("0.0001"), size_min=fixed("0.0001")),
)
FLOWS = {"BTCUSDT": FlowSettings(), "ETHUSDT": FlowSettings(price=fixed("3000"), size=fixed("8"))}
PURSE = {"BTC": fixed("100"), "ETH": fixed("1000"), "USDT": fixed("10000000")}


def _test_keys() -> tuple[Key, ...]:
    """The test account's HMAC key."""
    return (Key(TEST_KEY, TEST_ACCOUNT, TEST_SECRET.encode()),)


@dataclass(frozen=True, slots=True)
class VenueSettings:
    """A whole venue. A delay is the modelled latency to the matching engine, or back."""

    seed: int = 0
    markets: tuple[Market, ...] = MARKETS
    flows: Mapping[str, FlowSettings] = field(default_factory=lambda: dict(FLOWS))
    accounts: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: {TEST_ACCOUNT: dict(PURSE)})
    burns: Mapping[str, Burn] = field(default_factory=dict)  # accounts that pay their fees in a third asset
    keys: tuple[Key, ...] = field(default_factory=_test_keys)
    limits: LimitSettings = field(default_factory=LimitSettings)
    rates: FaultRates = field(default_factory=FaultRates)
    request_delay_ns: int = 0
    response_delay_ns: int = 0
    session_lifetime_ns: int = 86_400_000_000_000
    first_id: int = 0  # the first order and trade is this + 1; a venue never uses a number twice
    check: bool = False  # check the books and the money after every event


def settings_from(table: Mapping[str, Any], keys: tuple[Key, ...] = ()) -> VenueSettings:
    """Read settings from a configuration's table; amounts are decimal text, keys are given."""
    known = {f.name for f in fields(VenueSettings)}
    unknown = sorted(table.keys() - known)
    if unknown:
        raise ValueError(f"unknown venue settings {unknown}, known are {sorted(known)}")
    values: dict[str, Any] = {name: value for name, value in table.items() if isinstance(value, int)}
    if "markets" in table:
        values["markets"] = tuple(_filled(Market, one) for one in table["markets"])
        values["flows"] = {}
    if "flows" in table:
        values["flows"] = {symbol: _filled(FlowSettings, one) for symbol, one in table["flows"].items()}
    if "accounts" in table:
        values["accounts"] = {
            name: {a: fixed(n) for a, n in purse.items()} for name, purse in table["accounts"].items()
        }
    if "burns" in table:
        values["burns"] = {name: _filled(Burn, one) for name, one in table["burns"].items()}
    if "limits" in table:
        values["limits"] = _filled(LimitSettings, table["limits"])
    if "rates" in table:
        values["rates"] = _filled(FaultRates, table["rates"])
    if keys:
        values["keys"] = keys
    return VenueSettings(**values)


def _filled(kind: Any, table: Mapping[str, Any]) -> Any:
    """A settings object from its table: text for a number is an amount."""
    texts = {f.name for f in fields(kind) if f.type in (str, "str")}
    return kind(**{n: fixed(v) if isinstance(v, str) and n not in texts else v for n, v in table.items()})
