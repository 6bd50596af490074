"""What a strict reader of Binance's hot messages finds, by the standard json module: slow, plain, and the truth."""

import json
import re

from engine.model.fixed import INT64_MAX, to_fixed

NUMBER = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
HOT = {"depthUpdate", "bookTicker", "trade", "aggTrade"}
LETTERS = set("eEsUubaBAtpqTmX") | {"pu", "lastUpdateId", "bids", "asks"}
MALFORMED = "malformed"


class BadError(ValueError):
    """Not what a venue may send."""


def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose known keys are not named twice."""
    names = [name for name, _ in items if name in LETTERS or name == "stream"]
    found = dict(items)
    found["#twice"] = len(names) != len(set(names))
    found["#names"] = names
    return found


def refuse(text: str) -> object:
    """NaN and its like are no JSON."""
    raise BadError(text)


def integer(value: object) -> int:
    """A JSON integer that fits."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= INT64_MAX:
        raise BadError(value)
    return value


def text(value: object) -> str:
    """A string."""
    if not isinstance(value, str):
        raise BadError(value)
    return value


def fixed(value: object, decimals: int) -> int:
    """A plain number in a string."""
    if not NUMBER.fullmatch(text(value)):
        raise BadError(value)
    return to_fixed(text(value), decimals)


def time_ns(event: dict[str, object]) -> int:
    """The event's time."""
    stamp = integer(event["E"])
    engine = integer(event.get("T", 0))
    stamp = engine if engine > 0 else stamp
    if stamp < 9 * 10**12:
        return stamp * 10**6
    if 10**15 <= stamp < 9 * 10**15:
        return stamp * 1000
    raise BadError(stamp)


def levels(value: object, decimals: tuple[int, int]) -> list[tuple[int, int]]:
    """One side."""
    if not isinstance(value, list):
        raise BadError(value)
    out = []
    for level in value:
        if not isinstance(level, list) or len(level) != 2:
            raise BadError(level)
        out.append((fixed(level[0], decimals[0]), fixed(level[1], decimals[1])))
        if out[-1][0] == 0:
            raise BadError(level)
    return out


def read(frame: bytes, listings: dict[str, tuple[int, int]]) -> object:
    """A list of messages, or MALFORMED."""
    try:
        return strict(frame, listings)
    except (ValueError, KeyError, RecursionError):
        return MALFORMED


def strict(frame: bytes, listings: dict[str, tuple[int, int]]) -> list[dict[str, object]]:
    """As the scanner must, by value."""
    whole = json.loads(
        frame.decode("utf-8"), parse_float=lambda number: (number,), object_pairs_hook=pairs, parse_constant=refuse
    )
    if not isinstance(whole, dict):
        raise BadError(whole)
    event = whole
    if isinstance(whole.get("data"), dict):
        event = whole["data"]
        if set(whole["#names"]) - {"stream"} or whole["#twice"]:
            raise BadError("a wrapper with a payload beside it")
        event["#names"] = [name for name in event["#names"] if name != "stream"]
        event["#twice"] = len(event["#names"]) != len(set(event["#names"]))
    if event["#twice"]:
        raise BadError("a key twice")
    kind = event.get("e")
    if "e" not in event and {"u", "B", "A"} <= set(event):
        kind = "bookTicker"
    if not isinstance(kind, str) or kind not in HOT:
        return []
    return [message(kind, event, listings)]


def message(kind: str, event: dict[str, object], listings: dict[str, tuple[int, int]]) -> dict[str, object]:
    """One message as the scanner describes it."""
    symbol = text(event["s"])
    index = list(listings).index(symbol) if symbol in listings else -1
    decimals = listings.get(symbol, (18, 18))
    if kind == "depthUpdate":
        first, last, previous = integer(event["U"]), integer(event["u"]), integer(event["pu"]) if "pu" in event else -1
        when = time_ns(event)
        if first > last or previous > last:
            raise BadError("backwards")
        bids, asks = (levels(event["b"], decimals), levels(event["a"], decimals)) if index >= 0 else ([], [])
        return {"kind": "delta", "index": index, "venue_ns": when, "first": first, "last": last,
                "previous": previous, "bids": bids, "asks": asks, "checksum": -1}  # fmt: skip
    if kind == "bookTicker":
        number, when = integer(event["u"]), time_ns(event) if "E" in event else 0
        known = index >= 0
        return {"kind": "best", "index": index, "venue_ns": when, "first": number, "last": number, "previous": 0,
                "bid": (fixed(event["b"], decimals[0]), fixed(event["B"], decimals[1])) if known else (0, 0),
                "ask": (fixed(event["a"], decimals[0]), fixed(event["A"], decimals[1])) if known else (0, 0)}  # fmt: skip  # noqa: E501
    number = integer(event["t" if kind == "trade" else "a"])
    if not isinstance(event["m"], bool):
        raise BadError(event["m"])
    when = time_ns(event)
    return {"kind": "print", "index": index, "venue_ns": when, "side": -1 if event["m"] else 1, "print_id": number,
            "price": fixed(event["p"], decimals[0]) if index >= 0 else 0,
            "size": fixed(event["q"], decimals[1]) if index >= 0 else 0,
            "numbering": int(kind == "aggTrade"), "ordinary": event.get("X", "MARKET") == "MARKET"}  # fmt: skip
