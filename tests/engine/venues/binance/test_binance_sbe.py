"""The binary scanner against a reader that knows only the schema: on whole frames, and on frames chance has spoilt."""

import os
import random
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from engine.venues.binance.sbe import BinanceSbeMarket
from engine.venues.catalogue import dialect_of
from engine.venues.dialect import AnswerKind
from tests.engine.venues.binance import sbe_oracle
from tests.engine.venues.mutations import MUTATIONS

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures"))
XML = CAPTURES / "fixtures/binance_docs_examples/stream_1_0.xml"
LISTINGS = {"BTCUSDT": (2, 5), "ETHBTC": (8, 0), "BTCUSDC": (18, 18)}
TIME = 1_723_161_255_308_123
BEST = {"eventTime": TIME, "bookUpdateId": 50093239212, "priceExponent": -2, "qtyExponent": -5, "bidPrice": 6183763,
        "bidQty": 378826, "askPrice": 6183764, "askQty": 154697, "symbol": b"BTCUSDT"}  # fmt: skip
EDGES = (0, 1, -1, 9, 10, 100, 10**18, 2**63 - 1, -(2**63), 92233720368547758, 922337203685477581)


def market() -> BinanceSbeMarket:
    """A scanner with every listing."""
    made = BinanceSbeMarket()
    for symbol, decimals in LISTINGS.items():
        made.add(symbol, *decimals)
    return made


def agree(scanner: BinanceSbeMarket, frame: bytes) -> object:
    """Hold the scanner against the oracle; what both found."""
    found = scanner.decode(frame)
    expected = sbe_oracle.read(frame, LISTINGS)
    assert (sbe_oracle.MALFORMED if found is None else found) == expected, frame.hex()
    return expected


def chance(draw: random.Random, kind: str) -> int:
    """A value of a field, mostly one that the venue could send."""
    if kind == "utcTimestampUs":
        return TIME + draw.randrange(10**9) if draw.random() < 0.995 else draw.choice(EDGES)
    if kind == "exponent8":
        return draw.choice((-8, -5, -2, 0)) if draw.random() < 0.9 else draw.randint(-128, 127)
    if kind == "boolEnum":
        return draw.choice((0, 1)) if draw.random() < 0.99 else draw.randrange(256)
    if draw.random() < 0.99:
        return draw.randrange(10 ** draw.randint(1, 12)) * draw.choice((1, 1000, 100000))
    return draw.choice(EDGES)


def made(draw: random.Random, template: int, extra: int = 0) -> bytes:
    """A frame of a message, its values drawn."""
    _, fields, groups = sbe_oracle.SCHEMA[template]
    values: dict[str, object] = {name: chance(draw, kind) for name, kind in fields}
    for name, (_, entry) in groups.items():
        values[name] = [{field: chance(draw, kind) for field, kind in entry} for _ in range(draw.randint(0, 4))]
    if template == 10003 and draw.random() < 0.9:
        values["lastBookUpdateId"] = min(2**63 - 1, values["firstBookUpdateId"] + draw.randrange(9))
    if template == 10002 and draw.random() < 0.7:
        for name, falls in (("bids", True), ("asks", False)):
            values[name].sort(key=lambda level: level["price"], reverse=falls)
    values["symbol"] = draw.choice((*(symbol.encode() for symbol in LISTINGS), b"OTHER", "ÄÖ".encode()))
    return sbe_oracle.encode(template, values, extra)


def spoil(draw: random.Random, frame: bytes) -> bytes:
    """One or two small accidents."""
    spoilt = bytearray(frame)
    for _ in range(draw.randint(1, 2)):
        at, kind = draw.randrange(len(spoilt) + 1), draw.randrange(5)
        if kind == 0:
            del spoilt[at : at + draw.randint(1, 9)]
        elif kind == 1:
            spoilt[at:at] = draw.randbytes(draw.randint(1, 9))
        elif kind == 2 and at < len(spoilt):
            spoilt[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
        elif kind == 3:
            spoilt = spoilt[:at]
        else:
            at = draw.randrange(min(40, len(spoilt)) + 1)  # lengths and counts are near the front
            spoilt[at : at + 2] = draw.choice((b"\x00\x00", b"\xff\xff", b"\x10\x00", b"\x01\x00", b"\x12\x27"))
        if not spoilt:
            break
    return bytes(spoilt)


def test_the_table_is_the_venues_schema() -> None:
    """The oracle is worth what its table is worth: fields, their order, their types, the groups' dimensions."""
    if not XML.exists():
        pytest.skip(f"no schema in {XML}")
    root = ET.parse(XML).getroot()  # noqa: S314
    assert (root.get("id"), root.get("version"), root.get("byteOrder")) == ("1", "0", "littleEndian")
    widths = {one.get("name"): one.get("primitiveType") for one in root.iter("type")}
    bits = {"int64": 8, "int8": 1, "uint8": 1}
    assert {name: bits[widths[name]] for name in sbe_oracle.WIDTHS if name != "boolEnum"} | {"boolEnum": 1} == (
        sbe_oracle.WIDTHS
    )
    found = {}
    for message in root.iter("{http://fixprotocol.io/2016/sbe}message"):
        groups = {
            group.get("name"): (2 if group.get("dimensionType") == "groupSize16Encoding" else 4, listed(group))
            for group in message.findall("group")
        }
        assert [one.get("type") for one in message.findall("data")] == ["varString8"]
        found[int(message.get("id"))] = (message.get("name"), listed(message), groups)
    assert found == sbe_oracle.SCHEMA


def listed(place: ET.Element) -> list[tuple[str, str]]:
    """The fields that stand in the bytes: a constant does not."""
    return [(one.get("name"), one.get("type")) for one in place.findall("field") if one.get("presence") != "constant"]


def test_a_best_bid_and_ask_is_read_to_the_last_digit() -> None:
    """The numbers a person would write down."""
    [found] = agree(market(), sbe_oracle.encode(10001, BEST))
    assert (found["bid"], found["ask"], found["last"]) == ((6183763, 378826), (6183764, 154697), 50093239212)
    assert found["venue_ns"] == TIME * 1000


@pytest.mark.parametrize(
    ("exponent", "mantissa", "expected"),
    [(-8, 6183763000000, 6183763), (0, 61837, 6183700), (5, 3, 30000000), (-2, 2**63 - 1, 2**63 - 1),
     (-8, 6183763000001, None),
     (0, 92233720368547758, 9223372036854775800), (0, 92233720368547759, None), (-128, 0, 0), (127, 0, 0),
     (127, 1, None), (-128, 1, None), (-2, -1, None), (-2, -(2**63), None), (16, 9, 9 * 10**18), (16, 10, None),
     (17, 1, None)],
)  # fmt: skip
def test_a_mantissa_becomes_fixed_point_exactly_or_not_at_all(exponent: int, mantissa: int, expected: int) -> None:
    """A digit lost without a word is a wrong price."""
    found = agree(market(), sbe_oracle.encode(10001, {**BEST, "priceExponent": exponent, "askPrice": mantissa,
                                                      "bidPrice": 0}))  # fmt: skip
    assert (None if found == sbe_oracle.MALFORMED else found[0]["ask"][0]) == expected


@pytest.mark.parametrize("template", sbe_oracle.SCHEMA)
def test_longer_blocks_are_skipped(template: int) -> None:
    """The venue may add fields after those it has; the known fields must keep their place."""
    for seed in range(200):
        plain, longer = (made(random.Random(seed), template, extra) for extra in (0, 7))
        assert agree(market(), plain) == agree(market(), longer)


@pytest.mark.parametrize("template", sbe_oracle.SCHEMA)
def test_a_frame_cut_short_or_grown_is_refused(template: int) -> None:
    """Half a message must not reach a book: every length but the right one is malformed."""
    frame = next(f for f in (made(random.Random(seed), template) for seed in range(99)) if agree(market(), f))
    for length in range(8, len(frame)):
        assert agree(market(), frame[:length]) == sbe_oracle.MALFORMED
    assert agree(market(), frame + b"\x00") == sbe_oracle.MALFORMED


def test_one_event_may_hold_many_trades() -> None:
    """Each is a print of its own, in order."""
    trades = [{"id": 7 + i, "price": 100 + i, "qty": 1, "isBuyerMaker": i % 2} for i in range(100)]
    frame = sbe_oracle.encode(10000, {**BEST, "transactTime": TIME - 1, "trades": trades})
    found = agree(market(), frame)
    assert [(one["print_id"], one["side"]) for one in found] == [(7 + i, -1 if i % 2 else 1) for i in range(100)]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shard", range(4))
def test_scanner_and_oracle_agree_on_spoilt_frames(shard: int) -> None:
    """No accident on the wire becomes a number the venue did not send, and nothing readable is refused."""
    print("seed", shard)  # noqa: T201
    draw, scanner = random.Random(shard), market()
    outcomes = {"read": 0, "malformed": 0}
    for turn in range(MUTATIONS // 4):
        frame = made(draw, draw.choice(tuple(sbe_oracle.SCHEMA)), draw.choice((0, 0, 0, 3)))
        found = agree(scanner, spoil(draw, frame) if turn % 3 else frame)
        outcomes["malformed" if found == sbe_oracle.MALFORMED else "read"] += 1
    assert min(outcomes.values()) > MUTATIONS // 40, outcomes


def test_an_unknown_template_is_counted_and_skipped() -> None:
    """The venue may send messages of a further kind: they are not ours, and not malformed."""
    scanner, frame = market(), sbe_oracle.encode(10001, BEST).replace((10001).to_bytes(2, "little"), b"\x15\x27", 1)
    assert agree(scanner, frame) == []
    assert scanner.unknown == 1
    assert dialect_of("binance-sbe").answer(frame).kind == AnswerKind.OTHER


def test_another_version_of_the_schema_is_refused_by_name() -> None:
    """What a field means may have changed: no number of it may reach a book, and the operator must see why."""
    frame = bytearray(sbe_oracle.encode(10001, BEST))
    frame[6] = 1
    assert market().decode(bytes(frame)) == []
    answer = dialect_of("binance-sbe").answer(bytes(frame))
    assert (answer.kind, answer.text) == (AnswerKind.FOREIGN, "SBE stream schema must be 1:0, was 1:1")


def test_another_schema_is_malformed_and_named() -> None:
    """The REST schema on a stream is a mistake at the venue, and must not look like silence."""
    frame = bytearray(sbe_oracle.encode(10001, BEST))
    frame[4] = 3
    assert market().decode(bytes(frame)) is None
    answer = dialect_of("binance-sbe").answer(bytes(frame))
    assert (answer.kind, answer.text) == (AnswerKind.MALFORMED, "SBE schema must be 1:0, was 3:0")


@pytest.mark.parametrize(
    ("frame", "kind"),
    [(b'{"result":null,"id":1}', AnswerKind.ACCEPTED), (b'{"error":{"code":2},"id":1}', AnswerKind.REFUSED),
     (b'{"e":"serverShutdown","E":1}', AnswerKind.LEAVING), (b"{", AnswerKind.MALFORMED), (b"", AnswerKind.MALFORMED)],
)  # fmt: skip
def test_text_frames_are_the_slow_paths(frame: bytes, kind: AnswerKind) -> None:
    """Acknowledgements and farewells come as JSON on the same connection."""
    assert not agree(market(), frame) or frame == b""
    assert dialect_of("binance-sbe").answer(frame).kind == kind


def test_a_message_whose_block_is_as_long_as_a_brace_is_still_binary() -> None:
    """The letter that begins JSON may begin a block's length too."""
    frame = sbe_oracle.encode(10001, BEST, extra=0x7B - 50)
    assert frame[0] == ord("{")
    assert len(agree(market(), frame)) == 1
