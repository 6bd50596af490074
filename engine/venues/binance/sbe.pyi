from engine.venues.binance.scan import BinanceMarket

SCHEMA_ID: int
SCHEMA_VERSION: int

class BinanceSbeMarket(BinanceMarket):
    unknown: int

def schema_of(frame: bytes) -> tuple[int, int] | None: ...
