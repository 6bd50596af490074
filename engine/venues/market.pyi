"""What every venue's scanner and sequence rule share, compiled."""

class Market:
    """A venue's wire: frames to messages."""

    listing_count: int
    def add(self, symbol: str, price_decimals: int, size_decimals: int) -> int: ...
    def decode(self, frame: bytes) -> list[dict[str, object]] | None: ...
    def decode_snapshot(self, body: bytes, index: int) -> dict[str, object] | None: ...

class Rule:
    """A venue's rule of correctness for one book."""

    last: int
