"""Segments and their records as an operator reads them, also of a dead engine."""

import json
import os
import signal
import subprocess
import sys

import pytest

from engine.cli.trees import Naming, tree_of
from engine.config import Config
from engine.lanes import EXECUTION, LANES, lane_of, open_lanes
from engine.model.words import (
    FillFlag,
    OrderFlag,
    OrderState,
    Reason,
)
from tests.engine.typed import Typed, zeros


def test_the_tail_of_a_lane_shows_words_for_numbers(typed: Typed, market: Config) -> None:
    """An operator cannot read "reason 12, value 61, limit 60" at three in the morning."""
    ring = open_lanes(market.system.name, EXECUTION).ring_writer("verdicts")
    values = {"instrument": 7, "strategy": 1, "reason": Reason.ORDER_RATE, "value": 61, "limit": 60}
    ring.publish(*zeros("verdicts", now_ns=1_700_000_000_123_456_789, **values))
    ring.close()
    [row] = [json.loads(line) for line in typed("shm", "tail", market.lane("verdicts", "execution")).splitlines()]
    assert row["why"] == "ORDER_RATE: 61 of 60 in a minute"
    assert (row["reason"], row["symbol"], row["strategy_name"]) == ("ORDER_RATE", "BTCUSDT", "1")
    assert (row["now"], row["now_ns"]) == ("2023-11-14T22:13:20.123456Z", 1_700_000_000_123_456_789)


def test_a_records_json_has_one_shape(market: Config) -> None:
    """A program that reads two commands must not learn two languages, nor 128 bits in two halves."""
    naming = Naming.of(market.system.name)
    position = zeros(
        "positions", instrument=7, strategy=1, size=150_000, price_decimals=2, size_decimals=5, holding_decimals=8,
        realised_high=-1, realised_low=2**64 - 25 * 10**9, realised=-2.5, unrealised=float("nan"), net=1.25,
    )  # fmt: skip
    tree = tree_of(lane_of("positions").record.row(*position), naming)
    assert (tree["size"], tree["realised"], tree["net"], tree["unrealised"]) == (
        "1.50000", "-2.5000000000", "1.25000000", None
    )  # fmt: skip
    assert not [name for name in tree if name.endswith(("_high", "_low"))]
    text = b"Order would immediately match and take."
    order = zeros("orders", instrument=7, side=-1, state=OrderState.OPEN, error=b"-2010", error_text=text,
                  flags=OrderFlag.CANCEL_WANTED)  # fmt: skip
    tree = tree_of(lane_of("orders").record.row(*order), naming)
    assert (tree["side"], tree["state"], tree["flags"]) == ("sell", "OPEN", ["CANCEL_WANTED"])
    assert tree["why"] == "-2010 Order would immediately match and take."
    json.dumps(tree)
    unknown = tree_of(lane_of("orders").record.row(*zeros("orders", instrument=99, price=7)), naming)
    assert unknown["price"] == 7, "a number whose scale is not known must not look like a decimal"


@pytest.mark.parametrize("name", sorted(one.name for one in LANES))
def test_every_lane_can_be_shown(market: Config, name: str) -> None:
    """An operator must be able to read every lane in an emergency."""
    tree = tree_of(lane_of(name).record.row(*zeros(name)), Naming.of(market.system.name))
    assert json.loads(json.dumps(tree)) == tree


def test_shm_ls_stat_and_tail(typed: Typed, market: Config) -> None:
    """Every segment, one lane's life, and its records as JSON lines."""
    name = market.system.name
    listed = {row["name"]: row for row in typed.rows("shm", "ls", "--system", name)}
    assert listed[f"{name}.orders.execution"]["cursor"] == 5
    assert listed[f"{name}.book_tops.feed"]["kind"] == "cells"
    stat = typed.tree("shm", "stat", "orders", "--system", name, "--seconds", "0.01")
    assert (stat["cursor"], stat["epoch"], stat["closed_cleanly"], stat["mode"]) == (5, 1, True, "0640")
    lines = typed("shm", "tail", f"{name}.orders.execution", "-n", "2").splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == [3, 4]
    cell = json.loads(typed("shm", "tail", "book_tops", "--system", name))
    assert (cell["cell"], cell["instrument"]) == (3, 7)


def test_tail_shows_no_opening_among_the_fills_unless_asked(typed: Typed, market: Config) -> None:
    """What was held before the lane began is no trade, and is dated 1970."""
    ring = open_lanes(market.system.name, EXECUTION).ring_writer("fills")
    ring.publish(*zeros("fills", instrument=7, strategy=1, size=5, flags=FillFlag.OPENING))
    ring.publish(*zeros("fills", instrument=7, strategy=1, size=7, venue_fill_id=b"1"))
    ring.close()
    name = f"{market.system.name}.fills.execution"
    assert [json.loads(line)["size"] for line in typed("shm", "tail", name).splitlines()] == ["0.00007"]
    assert len(typed("shm", "tail", name, "--openings").splitlines()) == 2


def test_tail_follow_sees_what_comes(market: Config) -> None:
    """And ends without a word when its reader has seen enough."""
    words = [
        sys.executable,
        "-m",
        "engine.cli",
        "shm",
        "tail",
        "orders",
        "--system",
        market.system.name,
        "-n",
        "1",
        "--follow",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        assert json.loads(tail.stdout.readline())["sequence"] == 4
        ring = open_lanes(market.system.name, EXECUTION).ring_writer("orders")
        ring.publish(*zeros("orders", instrument=8))
        assert json.loads(tail.stdout.readline())["instrument"] == 8
        tail.send_signal(signal.SIGINT)
        assert tail.wait(10) == 130
        ring.close()


def test_autopsy_lists_dead_writers_and_orders_in_doubt(typed: Typed, market: Config) -> None:
    """The first thing to read after a crash, from the segments alone."""
    code = (
        "import os, shm; from engine.lanes import lane_of\n"
        f"w = shm.RingWriter('{market.lane('fills', 'execution')}', lane_of('fills').record); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    tree = typed.tree("autopsy", "--system", market.system.name)
    findings = "\n".join(tree["findings"])
    assert "died as the writer of fills" in findings
    assert "1 orders were open at the venue" in findings
    assert f"order {'02' * 16} is in doubt (sent)" in findings
    last = next(one for one in tree["segments"] if one["name"].endswith(".orders.execution"))["last"]
    assert [row["sequence"] for row in last] == [2, 3, 4]
    assert "3 findings" in typed("autopsy", "--system", market.system.name)


def test_autopsy_reads_on_past_a_truncated_segment(typed: Typed, market: Config) -> None:
    """One broken file must not hide the others."""
    os.truncate(f"/dev/shm/steelyard.{market.lane('ticks', 'feed')}", 100)
    findings = "\n".join(typed.tree("autopsy", "--system", market.system.name)["findings"])
    assert "ticks.feed cannot be read" in findings
    assert "in doubt" in findings


def test_foreign_files_under_our_prefix_are_rows_not_tracebacks(typed: Typed, market: Config) -> None:
    """Anybody may put anything into /dev/shm; looking must go on."""
    name = market.system.name
    base = f"/dev/shm/steelyard.{name}"
    os.mkdir(f"{base}.folder")
    os.mkfifo(f"{base}.pipe")
    os.symlink("/etc/passwd", f"{base}.link")
    junk = f"/dev/shm/steelyard.{name}junk"
    open(junk, "wb").close()
    try:
        rows = {row["name"]: row for row in typed.rows("shm", "ls", "--system", name)}
        assert all("not a plain file" in rows[f"{name}.{kind}"]["error"] for kind in ("folder", "pipe", "link"))
        assert rows[f"{name}.orders.execution"]["cursor"] == 5
        assert f"{name}junk" not in typed("shm", "ls")
        assert "not a plain file" in typed("shm", "stat", f"{name}.pipe", code=1)
    finally:
        os.rmdir(f"{base}.folder")
        for path in (f"{base}.pipe", f"{base}.link", junk):
            os.unlink(path)
