"""The order of Binance's fills: a symbol's trades have whole numbers that rise, so an id is its own cursor."""


class BinanceFillOrder:
    """A cursor is a trade's id, in decimal digits."""

    name = "binance"
    beginning = b"0"

    def cursor_of(self, fill_id: bytes, venue_ns: int, /) -> bytes:  # noqa: ARG002 - the shape of FillOrder
        """The id itself."""
        return fill_id

    def later(self, one: bytes, other: bytes, /) -> bytes:
        """The higher number."""
        return other if int(other or b"-1") > int(one or b"-1") else one

    def covers(self, cursor: bytes, fill_id: bytes, venue_ns: int, /) -> bool:  # noqa: ARG002 - the shape of FillOrder
        """Whether the id is not above the cursor's."""
        return bool(cursor) and int(fill_id) <= int(cursor)
