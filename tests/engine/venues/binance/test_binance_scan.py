"""Binance's scanner against the standard json module: on real frames, and on frames that chance has spoilt."""

import gzip
import itertools
import json
import os
import random
from pathlib import Path

import pytest

from engine.venues.binance.scan import BinanceMarket
from tests.engine.venues.binance import binance_oracle
from tests.engine.venues.mutations import MUTATIONS

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures")) / "binance"
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"no recorded traffic in {CAPTURES}")
LISTINGS = {"BTCUSDT": (8, 8), "BTCUSD_PERP": (1, 0)}
SPOT_DIFF = (
    b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255308,"s":"BTCUSDT","U":50093239203,'
    b'"u":50093239207,"b":[["55653.87000000","0.00000000"]],"a":[["61838.04000000","0.32332000"],["61844.3","0.4"]]}}'
)
USDM_DIFF = (
    b'{"e":"depthUpdate","E":1723161256299,"T":1723161256298,"s":"BTCUSDT","U":5123107832006,"u":5123107837557,'
    b'"pu":5123107831937,"b":[["58710.20","0.014"],["61511.00","0.000"]],"a":[]}'
)
SPOT_BEST = (
    b'{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54697800"}'
)
TRADE = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1680652800000,"s":"BTCUSDT","t":3071245454,"p":"28165.47000000",'
    b'"q":"0.00056000","b":20720542158,"a":20720542592,"T":1680652799999,"m":true,"M":true}}'
)
USDM_TRADE = (
    b'{"e":"trade","E":1660228023422,"T":1660228023414,"s":"BTCUSDT","t":2691833628,"p":"24670.90","q":"0.070",'
    b'"X":"INSURANCE_FUND","m":true}'
)
AGG_TRADE = b'{"e":"aggTrade","E":1723161255308,"s":"BTCUSDT","a":12,"p":"1.5","q":"2","f":1,"l":2,"T":1723161255307,"m":false,"M":true}'  # noqa: E501
FRAMES = (SPOT_DIFF, USDM_DIFF, SPOT_BEST, TRADE, USDM_TRADE, AGG_TRADE)
PIECES = (b"0", b"9", b".", b"-", b"e", b'"', b"[", b"]", b"{", b"}", b",", b":", b" ", b"\\", b"\x00", b"\xc3", b"\xc3\xa9", b"null",  # noqa: E501
          b"true", b'"s":"BTCUSDT",', b'"pu":1,', b'"E":1,', b"[[]]", b'"k":{"a":[1,{"b":null}]},', b"1e5", b"NaN", b"\xed\xa0\x80")  # fmt: skip  # noqa: E501


def market() -> BinanceMarket:
    """A scanner with both listings."""
    made = BinanceMarket()
    for symbol, decimals in LISTINGS.items():
        made.add(symbol, *decimals)
    return made


def agree(scanner: BinanceMarket, frame: bytes) -> object:
    """Hold the scanner against the oracle; what both found."""
    found = scanner.decode(frame)
    expected = binance_oracle.read(frame, LISTINGS)
    assert (binance_oracle.MALFORMED if found is None else found) == expected, frame
    return expected


def mutate(draw: random.Random, frame: bytes) -> bytes:
    """One to three small accidents."""
    spoilt = bytearray(frame)
    for _ in range(draw.randint(1, 3)):
        at, kind = draw.randrange(len(spoilt) + 1), draw.randrange(5)
        if kind == 0:
            del spoilt[at : at + draw.randint(1, 6)]
        elif kind == 1:
            spoilt[at:at] = draw.choice(PIECES)
        elif kind == 2 and at < len(spoilt):
            spoilt[at] = draw.randrange(256)
        elif kind == 3:
            end = at + draw.randint(1, 40)
            spoilt[at:at] = spoilt[at:end]
        else:
            digits = [i for i, byte in enumerate(spoilt) if 48 <= byte <= 57]
            if digits:
                spoilt[draw.choice(digits)] = draw.choice(b"0123456789")
    return bytes(spoilt)


@pytest.mark.parametrize("frame", FRAMES)
def test_known_frames_are_read_to_the_last_digit(frame: bytes) -> None:
    """Each kind of hot message, raw and wrapped."""
    assert len(agree(market(), frame)) == 1


@pytest.mark.parametrize("frame", FRAMES)
def test_the_order_of_keys_does_not_matter(frame: bytes) -> None:
    """Products order their keys differently."""
    draw, scanner = random.Random(7), market()
    whole = json.loads(frame)
    event = whole.get("data", whole)
    expected = agree(scanner, frame)
    for _ in range(50):
        keys = list(event)
        draw.shuffle(keys)
        shuffled = {key: event[key] for key in keys}
        assert agree(scanner, json.dumps(shuffled).encode()) == expected
        assert agree(scanner, json.dumps({"data": shuffled, "stream": "x"}, indent=1).encode()) == expected


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shard", range(4))
def test_scanner_and_oracle_agree_on_spoilt_frames(shard: int) -> None:
    """No accident on the wire becomes a number the venue did not send, and nothing readable is refused."""
    print("seed", shard)  # noqa: T201
    draw, scanner = random.Random(shard), market()
    for _ in range(MUTATIONS // 4):
        frame = mutate(draw, draw.choice(FRAMES))
        if b"\\" not in frame:  # an escape is the slow path's: the scanner may refuse what json reads
            agree(scanner, frame)


@pytest.mark.parametrize(
    ("price", "size"),
    [("0.123456789", "1"), ("1", "0.000000001"), ("92233720368.54775808", "1"), ("1", "99999999999999999999"), ("01", "1"),  # noqa: E501
     ("-1", "1"), ("1.", "1"), (".5", "1"), ("", "1"), ("1e3", "1"), ("+1", "1"), ("1", " 1"), ("0", "1"), ("0.00000000", "1")],  # noqa: E501
)  # fmt: skip
def test_a_number_that_cannot_be_held_exactly_refuses_the_frame(price: str, size: str) -> None:
    """Half a message must not reach a book."""
    frame = SPOT_DIFF.replace(b'["61844.3","0.4"]', f'["{price}","{size}"]'.encode())
    assert market().decode(frame) is None
    assert agree(market(), frame) == binance_oracle.MALFORMED


@pytest.mark.parametrize("number", [b'"50093239212"', b"5e3", b"-1", b"9223372036854775808", b"null"])
def test_a_spot_ticker_without_a_readable_number_is_malformed(number: bytes) -> None:
    """It has no name to be known by, and taking it for something else would hide that it was lost."""
    assert agree(market(), SPOT_BEST.replace(b"50093239212", number)) == binance_oracle.MALFORMED


@pytest.mark.parametrize("decimals", range(19))
def test_every_shape_of_number_is_read_as_the_oracle_reads_it(decimals: int) -> None:
    """Eight digits at a time, one at a time near the frame's end: the way must not show in the number."""
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201
    draw, scanner, listings = random.Random(seed), BinanceMarket(), {"BTCUSDT": (decimals, decimals)}
    scanner.add("BTCUSDT", decimals, decimals)
    for whole, places in itertools.product(range(21), range(12)):
        for pad in (b"", b" " * draw.randint(1, 30)):
            texts = [spelled(draw, whole, places) for _ in range(3)]
            frame = (
                b'{"e":"depthUpdate","E":1723161255308,"s":"BTCUSDT","U":1,"u":2,"b":[],"a":[["1","%s"],["%s","%s"]]}'
            )
            frame = frame % (texts[0], texts[1], texts[2]) + pad
            found, expected = scanner.decode(frame), binance_oracle.read(frame, listings)
            assert (binance_oracle.MALFORMED if found is None else found) == expected, frame


def spelled(draw: random.Random, whole: int, places: int) -> bytes:
    """A number of this shape, or nearly one."""
    front = "".join(draw.choices("0123456789", k=whole)).lstrip("0" if draw.random() < 0.9 else "").rjust(1, "0")
    back = "".join(draw.choices("0123456789", k=places))
    kept = draw.randint(0, places) if draw.random() < 0.5 else places
    text = front + ("." if places else "") + back[:kept] + "0" * (places - kept)
    if draw.random() < 0.1:
        at = draw.randrange(len(text) + 1)
        text = text[:at] + draw.choice((".", "-", "/", ":", "e", "\u0080", " ", "")) + text[at + draw.randint(0, 1) :]
    return text.encode("latin-1") if draw.random() < 0.5 else text.encode()


def test_the_largest_number_fits() -> None:
    """The edge of 64 bits belongs to us."""
    frame = SPOT_DIFF.replace(b'["61844.3","0.4"]', b'["92233720368.54775807","92233720368.547758070000"]')
    [message] = agree(market(), frame)
    assert message["asks"][1] == (2**63 - 1, 2**63 - 1)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"result":null,"id":1}',
        b"{}",
        b'{"e":"kline","k":{"a":[]}}',
        b'{"e":"serverShutdown","E":1}',
        b'{"e":"other","s":"BTCUSDT","b":[1,{"a":[]}],"a":[["1.0","2.0"],["x"]]}',
    ],
)
def test_other_messages_are_other(frame: bytes) -> None:
    """What is no market data is handed back, not called malformed."""
    assert market().decode(frame) == []


def test_a_snapshot_is_read_with_the_listings_decimals() -> None:
    """Spot's, with spaces as some proxies write them, and COIN-M's."""
    body = b'{"lastUpdateId": 7, "E": 1660228023456, "bids": [["2.50", "1"]], "asks": []}'
    found = market().decode_snapshot(body, 0)
    assert found is not None
    assert (found["last"], found["bids"], found["asks"]) == (7, [(250000000, 100000000)], [])
    found = market().decode_snapshot(body.replace(b"2.50", b"2.55"), 1)
    assert found is None


@needs_captures
@pytest.mark.parametrize(
    ("name", "decimals"),
    [("spot_btcusdt_20240808.gz", 8), ("usdm_btcusdt_20240808.gz", 3), ("cm_btcusd_perp_20240808.gz", 1)],
)
def test_scanner_and_oracle_agree_on_captured_frames(name: str, decimals: int) -> None:
    """Real frames of three products; CI reads a share, STEELYARD_FRAMES all."""
    limit = int(os.environ.get("STEELYARD_FRAMES", "6000"))
    listings = {"BTCUSDT": (decimals, decimals), "BTCUSD_PERP": (1, 0)}
    scanner = BinanceMarket()
    for symbol, places in listings.items():
        scanner.add(symbol, *places)
    for line in gzip.decompress((CAPTURES / name).read_bytes()).splitlines()[:limit]:
        frame = line.partition(b" ")[2].rstrip()
        if not frame.startswith(b'{"lastUpdateId"'):
            assert scanner.decode(frame) == binance_oracle.read(frame, listings) != [], frame
