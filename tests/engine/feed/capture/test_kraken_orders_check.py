"""`capture check` on a session of Kraken's orders, as a recorder of raw frames would have written it."""

import json
import random
from pathlib import Path

import pytest

from engine.feed.capture import main
from tests.engine.answers import data_of
from tests.engine.venues.kraken.order_venue import OrderVenue

VENUE = "kraken-level3"
STATUS = '{"channel":"status","type":"update","data":[{"system":"online","connection_id":9223372036854775815}]}'
HEARTBEAT = '{"channel":"heartbeat"}'


def session(depth: int, *, acknowledged: bool) -> tuple[OrderVenue, list[str]]:
    """A pair's frames after one subscription, and the venue's book at their end."""
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)  # noqa: T201
    venue = OrderVenue("BTC/USD", random.Random(seed), depth=depth)
    result = {"channel": "level3", "depth": depth, "snapshot": True, "symbol": "BTC/USD"}
    lines = [STATUS, json.dumps({"method": "subscribe", "result": result, "success": True})][: 1 + acknowledged]
    lines += [venue.snapshot(), HEARTBEAT, *(venue.move() for _ in range(300))]
    return venue, lines


def run(capsys: pytest.CaptureFixture[str], path: Path, lines: list[str]) -> tuple[int, dict[str, object]]:
    """The exit code and the report."""
    path.write_text("\n".join(lines))
    code = main(["check", str(path), "--venue", VENUE, "--json"])
    report: dict[str, object] = data_of(capsys.readouterr().out.splitlines()[-1])
    return code, report


@pytest.mark.parametrize(("depth", "acknowledged"), [(10, True), (10, False), (100, True), (100, False)])
def test_every_checksum_of_a_session_holds(
    depth: int, *, acknowledged: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The depth is the acknowledgement's, else the least that holds the snapshot; decimals the widest number's."""
    venue, lines = session(depth, acknowledged=acknowledged)
    code, report = run(capsys, tmp_path / "orders.ndjson", lines)
    assert (code, report["state"], report["malformed"], report["suspect"]) == (0, "good", 0, 0)
    assert (report["checksum_checked"], report["checksum_ok"], report["snapshots"], report["diffs"]) == (
        301,
        301,
        1,
        300,
    )
    assert (report["bids"], report["asks"]) == (len(venue.window(1)), len(venue.window(-1)))
    price, size = venue.best(1)[0]
    assert (report["best_bid"], report["best_bid_size"]) == (f"{price / 10:.1f}", f"{size / 10**8:.8f}")


def test_a_session_with_a_message_missing_is_not_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A hole in a recording shows as it would have shown live."""
    _, lines = session(10, acknowledged=True)
    code, report = run(capsys, tmp_path / "orders.ndjson", lines[:100] + lines[110:])
    assert (code, report["state"]) == (1, "suspect")
    assert report["suspect"] == 1
