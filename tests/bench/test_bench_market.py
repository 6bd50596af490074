"""The market data benches at small sizes: what they compare is alike, and what they cannot compare is named."""

import os

import numpy as np
import pytest

import shm
from bench import aggregate, book, connections, corpus, feed, message, visible, wire_to_tick
from bench.peers import books, decoders
from engine.venues.catalogue import dialect_of


def decoded(venue: str, frames: list[bytes]) -> list[dict]:
    """What a venue's scanner makes of frames."""
    market = dialect_of(venue).market()
    market.add("BTCUSDT", 8, 8)
    return [{**message, "venue_ns": 0} for frame in frames for message in market.decode(frame)]


def test_the_binary_frames_equal_the_json_frames() -> None:
    """Else the two figures would not be of the same work."""
    frames = corpus.made_diffs(50) + corpus.made_bests(50)
    assert decoded("binance", frames) == decoded("binance-sbe", corpus.as_sbe(frames))


@pytest.mark.parametrize("peer", [books.BookPeer("a", book.ours, "no_such_module"),
                                  decoders.DecoderPeer("a", decoders.typed, "no_such_module")])  # fmt: skip
def test_a_peer_that_is_not_here_names_the_reason(peer: books.BookPeer) -> None:
    """A comparison that is silently missing looks like a comparison won."""
    assert peer.missing() == "no_such_module is not installed: make setup-bench"


def test_every_book_is_measured_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ends at other prices did other work, and is named instead of shown."""
    wrong = books.BookPeer("wrong", lambda changes: books.Contender(book.ours(changes).begin, lambda: (1, 2)))
    monkeypatch.setattr(book, "PEERS", (*books.PEERS, wrong))
    monkeypatch.setattr(book, "ROUNDS", 1)
    monkeypatch.setattr(corpus, "CAPTURES", corpus.CAPTURES / "nowhere")
    monkeypatch.setattr(corpus, "made_diffs", lambda _, made=corpus.made_diffs: made(200))
    found = book.measure()
    assert {*found["peers"], *found["absent"]} == {peer.name for peer in book.PEERS}
    assert found["absent"]["wrong"].startswith("its best prices were (1, 2)")
    assert found["level_ns"] > 0
    assert found["peers"]["dict + bisect"] > 0


def test_every_kind_and_peer_has_its_figure_in_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys are what the documents and the issue name."""
    monkeypatch.setattr(feed, "FRAMES", 300)
    monkeypatch.setattr(feed, "PEER_FRAMES", 50)
    monkeypatch.setattr(feed, "ROUNDS", 1)
    found = feed.latencies()
    assert {"diff20_p50_ns", "diff20_p99_ns", "bbo_p50_ns", "sbe_diff20_p50_ns"} <= set(found)
    assert {*found["peers"], *found["absent"]} == {peer.name for peer in decoders.PEERS}
    assert all(low <= high for low, high in found["spread"].values())


def test_a_message_has_its_figure_from_the_socket_to_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receive, decode and publish in one process, by the names that the promise has."""
    monkeypatch.setattr(message, "ROUNDS", 1)
    monkeypatch.setattr(message, "WARM_UP", 0)
    found = message.measure(300)
    assert list(found) == [f"message_{kind}_{word}_ns" for kind in ("diff20", "bbo") for word in ("p50", "p99")]
    assert 0 < found["message_bbo_p50_ns"] <= found["message_bbo_p99_ns"]


def test_a_decoded_book_is_seen_by_another_process() -> None:
    """The reader runs in its own process; the bench removes its segments and directories."""
    found = visible.measure(10_000)
    assert 0 < found["top_visible_p50_ns"] <= found["top_visible_p99_ns"]
    assert [name for name in shm.names() if name.startswith("bench-seen-")] == []


def test_a_tick_is_seen_for_each_frame_on_the_wire() -> None:
    """The feed runs in its own process with real sockets and lanes; the bench removes its segments and directories."""
    found = wire_to_tick.measure(3000)
    assert 0 < found["wire_to_tick_p50_ns"] <= found["wire_to_tick_p99_ns"]
    assert shm.names(f"bench{os.getpid()}") == []


def test_what_two_dozen_connections_bring_is_counted_whole() -> None:
    """A bench that counts losses must count every message; it removes its feed's segments and directories."""
    found = connections.measure(1, 4_800)
    assert (found["sent"], found["trades_published"], found["lost"]) == (4_800, 2_400, 0)
    assert shm.names(f"bench{os.getpid()}") == []


def test_a_trade_that_is_missing_is_counted_as_lost() -> None:
    """A bench whose loss cannot be seen shows none."""
    audit = connections.Audit.__new__(connections.Audit)
    audit.trades = [[np.array([1, 2, 4])]] + [[np.array([1, 2, 3, 4])]] * (connections.CONNECTIONS - 1)
    assert audit.count(1, 4) == (4 * connections.CONNECTIONS - 1, 1)


def test_a_global_book_is_measured_for_each_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its venues take turns over all bursts: one that comes oftener would be out of messages before the end."""
    monkeypatch.setattr(aggregate, "PROBES", 30)
    monkeypatch.setattr(aggregate, "BACKLOG", 30)
    found = aggregate.measure()
    assert 0 < found["visible_p50_ns"] <= found["visible_max_ns"]
    assert (found["lost"], found["capacity_per_s"] > 0) == (0, True)
    assert [name for name in shm.names() if name.startswith("bench-aggregate-")] == []
