"""What a reader that knows nothing but the schema finds in a binary frame: slow, generic, and the truth.

`SCHEMA` repeats Binance's published stream schema, message by message; `encode` and `decode` know only how such
a table becomes bytes. A test holds the table against the venue's own XML.
"""

from decimal import Decimal

from engine.model.fixed import INT64_MAX

MALFORMED = "malformed"
WIDTHS = {"utcTimestampUs": 8, "updateId": 8, "tradeId": 8, "mantissa64": 8, "exponent8": 1, "boolEnum": 1}
EXPONENTS = [("priceExponent", "exponent8"), ("qtyExponent", "exponent8")]
LEVEL = [("price", "mantissa64"), ("qty", "mantissa64")]
LEVELS = {"bids": (2, LEVEL), "asks": (2, LEVEL)}
BEST = [(name, "mantissa64") for name in ("bidPrice", "bidQty", "askPrice", "askQty")]
TRADE = [("id", "tradeId"), *LEVEL, ("isBuyerMaker", "boolEnum")]
EVENT = ("eventTime", "utcTimestampUs")
SCHEMA = {
    10000: ("TradesStreamEvent", [EVENT, ("transactTime", "utcTimestampUs"), *EXPONENTS], {"trades": (4, TRADE)}),
    10001: ("BestBidAskStreamEvent", [EVENT, ("bookUpdateId", "updateId"), *EXPONENTS, *BEST], {}),
    10002: ("DepthSnapshotStreamEvent", [EVENT, ("bookUpdateId", "updateId"), *EXPONENTS], LEVELS),
    10003: (
        "DepthDiffStreamEvent",
        [EVENT, ("firstBookUpdateId", "updateId"), ("lastBookUpdateId", "updateId"), *EXPONENTS],
        LEVELS,
    ),
}


class BadError(ValueError):
    """The bytes do not follow the schema."""


class Cursor:
    """Bytes that are read once, from the front."""

    def __init__(self, data: bytes) -> None:
        """All of them."""
        self.data = data

    def take(self, count: int) -> bytes:
        """The next bytes, which must be there."""
        if len(self.data) < count:
            raise BadError("cut off")
        part, self.data = self.data[:count], self.data[count:]
        return part

    def number(self, count: int) -> int:
        """The next unsigned number."""
        return int.from_bytes(self.take(count), "little")


def fields_of(block: bytes, fields: list[tuple[str, str]]) -> dict[str, int]:
    """The fields at the front of a block, each signed but the enumeration."""
    cursor, found = Cursor(block), {}
    for name, kind in fields:
        found[name] = int.from_bytes(cursor.take(WIDTHS[kind]), "little", signed=kind != "boolEnum")
    return found


def decode(frame: bytes) -> tuple[int, dict[str, object]]:
    """(template, values) of a frame of this schema."""
    cursor = Cursor(frame)
    block, template, schema, version = (cursor.number(2) for _ in range(4))
    if (schema, version) != (1, 0) or template not in SCHEMA:
        raise LookupError(template)
    _, fields, groups = SCHEMA[template]
    found: dict[str, object] = {**fields_of(cursor.take(block), fields)}
    for name, (width, entry) in groups.items():
        length, count = cursor.number(2), cursor.number(width)
        if length < sum(WIDTHS[kind] for _, kind in entry) or length * count > len(cursor.data):
            raise BadError("a group that cannot be")
        found[name] = [fields_of(cursor.take(length), entry) for _ in range(count)]
    found["symbol"] = cursor.take(cursor.number(1))
    if cursor.data:
        raise BadError("more than there should be")
    return template, found


def encode(template: int, values: dict[str, object], extra: int = 0) -> bytes:
    """A frame with these values; every block `extra` bytes longer than the fields."""
    _, fields, groups = SCHEMA[template]
    root = packed(values, fields) + b"\xee" * extra
    frame = b"".join(number.to_bytes(2, "little") for number in (len(root), template, 1, 0)) + root
    for name, (width, entry) in groups.items():
        length = sum(WIDTHS[kind] for _, kind in entry) + extra
        entries = [packed(one, entry) + b"\xee" * extra for one in values[name]]
        frame += length.to_bytes(2, "little") + len(entries).to_bytes(width, "little") + b"".join(entries)
    return frame + len(values["symbol"]).to_bytes(1, "little") + values["symbol"]


def packed(values: dict[str, int], fields: list[tuple[str, str]]) -> bytes:
    """The fields as bytes."""
    return b"".join(values[name].to_bytes(WIDTHS[kind], "little", signed=kind != "boolEnum") for name, kind in fields)


def time_ns(microseconds: int) -> int:
    """A time of this age."""
    if not 10**15 <= microseconds < 9 * 10**15:
        raise BadError(microseconds)
    return microseconds * 1000


def fixed(mantissa: int, exponent: int, decimals: int) -> int:
    """Exactly, or not at all."""
    scaled = Decimal(mantissa).scaleb(exponent + decimals)
    if mantissa < 0 or scaled > INT64_MAX or scaled != int(scaled):
        raise BadError(mantissa)
    return int(scaled)


def number(value: int) -> int:
    """A number of the venue's."""
    if value < 0:
        raise BadError(value)
    return value


def read(frame: bytes, listings: dict[str, tuple[int, int]]) -> object:
    """A list of messages as the scanner describes them, or MALFORMED."""
    if len(frame) < 8 or frame[4:6] != b"\x01\x00":
        return [] if frame.startswith(b"{") else MALFORMED
    try:
        template, values = decode(frame)
        return MESSAGES[template](values, Numbers(values, listings))
    except LookupError:
        return []
    except BadError:
        return MALFORMED


class Numbers:
    """A message's numbers at its instrument's decimals."""

    def __init__(self, values: dict[str, object], listings: dict[str, tuple[int, int]]) -> None:
        """An unknown symbol has no decimals: its numbers are not read."""
        symbol = values["symbol"].decode("latin-1")
        self.values, self.known = values, symbol in listings
        self.index = list(listings).index(symbol) if self.known else -1
        self.decimals = listings.get(symbol, (0, 0))

    def pair(self, price: int, size: int) -> tuple[int, int]:
        """A price and a size."""
        if not self.known:
            return 0, 0
        return (
            fixed(price, self.values["priceExponent"], self.decimals[0]),
            fixed(size, self.values["qtyExponent"], self.decimals[1]),
        )

    def side(self, name: str) -> list[tuple[int, int]]:
        """A side's levels."""
        found = [self.pair(one["price"], one["qty"]) for one in self.values[name]] if self.known else []
        if any(price == 0 for price, _ in found):
            raise BadError("a level at no price")
        return found


def trades(values: dict[str, object], numbers: Numbers) -> list[dict[str, object]]:
    """One message each."""
    found = []
    for one in values["trades"]:
        price, size = numbers.pair(one["price"], one["qty"])
        if one["isBuyerMaker"] > 1:
            raise BadError("neither true nor false")
        time_ns(values["eventTime"])
        found.append({"kind": "print", "index": numbers.index, "venue_ns": time_ns(values["transactTime"]),
                      "price": price, "size": size, "side": -1 if one["isBuyerMaker"] else 1,
                      "print_id": number(one["id"]), "numbering": 0, "ordinary": True})  # fmt: skip
    return found


def best(values: dict[str, object], numbers: Numbers) -> list[dict[str, object]]:
    """The best bid and ask."""
    last = number(values["bookUpdateId"])
    return [{"kind": "best", "index": numbers.index, "venue_ns": time_ns(values["eventTime"]), "first": last,
             "last": last, "previous": 0, "bid": numbers.pair(values["bidPrice"], values["bidQty"]),
             "ask": numbers.pair(values["askPrice"], values["askQty"])}]  # fmt: skip


def snapshot(values: dict[str, object], numbers: Numbers) -> list[dict[str, object]]:
    """The best levels, best first."""
    last, bids, asks = number(values["bookUpdateId"]), numbers.side("bids"), numbers.side("asks")
    for side, sign in ((bids, -1), (asks, 1)):
        prices = [sign * price for price, _ in side]
        if prices != sorted(set(prices)) or any(size == 0 for _, size in side):
            raise BadError("not the top of a book")
    return [{"kind": "top", "index": numbers.index, "venue_ns": time_ns(values["eventTime"]), "first": last,
             "last": last, "previous": 0, "bids": bids, "asks": asks, "checksum": -1}]  # fmt: skip


def diff(values: dict[str, object], numbers: Numbers) -> list[dict[str, object]]:
    """A change of the book."""
    first, last = number(values["firstBookUpdateId"]), number(values["lastBookUpdateId"])
    if first > last:
        raise BadError("backwards")
    return [{"kind": "delta", "index": numbers.index, "venue_ns": time_ns(values["eventTime"]), "first": first,
             "last": last, "previous": -1, "bids": numbers.side("bids"), "asks": numbers.side("asks"),
             "checksum": -1}]  # fmt: skip


MESSAGES = {10000: trades, 10001: best, 10002: snapshot, 10003: diff}
