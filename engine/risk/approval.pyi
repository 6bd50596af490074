from collections.abc import Collection, Mapping
from typing import Any

from engine.model.instrument import Instrument
from engine.risk.cap_table import CapTable
from engine.risk.limits import RiskLimits
from engine.risk.market import Top
from engine.risk.rate import SharedRate
from engine.venues.trading.clearance import Clearance

MINUTE_NS: int

class Terms:
    def __init__(self, instrument: Instrument, usd_quotes: Collection[str]) -> None: ...

class Approval:
    halted: bool
    draining: bool
    reconciled: bool
    connected: bool
    exits_only: int
    entries_from_ns: int
    backoff_until_ns: int
    account_halted: int
    halted_strategies: set[int]
    halted_instruments: set[int]
    @property
    def stopped(self) -> Mapping[int, Any]: ...
    rate: SharedRate
    reserve: SharedRate
    @property
    def disabled(self) -> set[int]: ...
    checks: int
    clearance: Clearance
    def grant(self, instrument_id: int, side: int, price: int, size: int, now_ns: int) -> None: ...
    def revoke(self) -> None: ...
    def set_approval(self, limits: RiskLimits, approves: bool, further: CapTable | None, each: int) -> None: ...
    def __init__(
        self,
        limits: RiskLimits,
        instruments: Mapping[int, Instrument],
        tops: Mapping[int, Top],
        exposures: Mapping[int, Any],
        permits: Mapping[int, Collection[int]],
        stopped: dict[int, Any] | None = None,
    ) -> None: ...
    def approves(
        self,
        now_ns: int,
        strategy: int,
        instrument_id: int,
        side: int,
        price: int,
        size: int,
        decided_ns: int,
        ttl_ns: int,
    ) -> bool: ...
    def price2(self, now_ns: int, instrument_id: int) -> int: ...
    def mark(self, now_ns: int, strategy: int, reserved: bool) -> int: ...
