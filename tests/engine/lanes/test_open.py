"""The door to lanes: what a role may open, and what it is refused."""

import secrets
from collections.abc import Iterator

import pytest

import shm
from engine.lanes import EXECUTION, FEED, LOOKERS, OPERATOR, STRATEGY, SUPERVISOR, LaneError, Owners, open_lanes
from engine.lanes.create import create, lanes_of

OWNERS = Owners(("maker", "taker"), ("feed", "execution", "maker", "taker"))
MANY = Owners(
    ("maker", "taker"), ("east", "west", "main", "side", "maker", "taker"), ("east", "west"), ("main", "side")
)


@pytest.fixture
def system() -> Iterator[str]:
    """A system with the lanes of two strategies."""
    name = f"test-lanes-{secrets.token_hex(6)}"
    for lane, row, _ in lanes_of(OWNERS):
        create(name, lane, row)
    yield name
    for lane in shm.names(name):
        shm.remove(lane)


def test_a_role_reads_and_writes_what_the_map_gives_it(system: str) -> None:
    """The door is of use only if what the map allows goes through it."""
    maker, execution = open_lanes(system, STRATEGY, "maker"), open_lanes(system, EXECUTION)
    intents = maker.ring_writer("intents")
    intents.follow(maker.cell_reader("accepted"), 0)
    accepted = execution.cell_writer("accepted")
    accepted.write(0, 0, 0, 0, (0,) * 5)
    reader = execution.ring_reader("intents", "maker")
    assert intents.publish_bytes(bytes(128))
    assert reader.read() is not None
    assert intents.path.endswith(f"{system}.intents.maker.execution")


@pytest.mark.parametrize(
    ("role", "own", "lane", "writer"),
    [
        (STRATEGY, "maker", "ticks", "feed"),
        (STRATEGY, "maker", "positions", "execution"),
        (FEED, "", "orders", "execution"),
        (LOOKERS, "", "steps", "role"),
        (OPERATOR, "", "heartbeat", "role"),
        (SUPERVISOR, "", "operator_halt", "operator"),
    ],
)
def test_a_lane_of_another_writer_is_refused_by_name(role: str, own: str, lane: str, writer: str) -> None:
    """A second writer would break the promise of one writer; the text names the first one."""
    with pytest.raises(LaneError, match=rf"may not write lane '{lane}', the map .* gives it to {writer}$"):
        open_lanes("none", role, own).expect_writer(lane)


@pytest.mark.parametrize(
    ("role", "own", "lane", "of"),
    [
        (EXECUTION, "", "frames", ""),
        (FEED, "", "positions", ""),
        (STRATEGY, "maker", "intents", "taker.execution"),
        (STRATEGY, "maker", "heartbeat", "feed"),
        (LOOKERS, "", "halt", "maker"),
        (LOOKERS, "", "ticks", "east.maker"),
        (FEED, "east", "instruments", "west"),
        (EXECUTION, "main", "accepted", "side"),
        (EXECUTION, "main", "intents", "maker.side"),
    ],
)
def test_a_lane_that_the_map_does_not_list_for_a_role_cannot_be_read(role: str, own: str, lane: str, of: str) -> None:
    """The map lists who depends on what; a reader that it does not list would make it false."""
    with pytest.raises(LaneError, match=rf"may not read lane '{lane}'"):
        open_lanes("none", role, own).expect_reader(lane, of)


def test_an_unknown_lane_is_refused_with_the_known_ones() -> None:
    """A misspelt name must not wait for the file system to be found."""
    with pytest.raises(LaneError, match=r"lane 'tick': not in the map .* expected one of instruments, ticks"):
        open_lanes("none", FEED).ring_writer("tick")


def test_a_role_that_the_map_does_not_name_looks_on_and_writes_its_own_lanes() -> None:
    """A system may have roles of its own: they see what lookers see, and beat and step like every role."""
    own = open_lanes("none", "hedger")
    assert own.expect_writer("heartbeat")[0] == "heartbeat.hedger"
    assert own.expect_writer("steps")[0] == "steps.hedger"
    assert own.expect_reader("ticks", "")[0] == "ticks.feed"
    with pytest.raises(LaneError, match="may not write lane 'fills'"):
        own.expect_writer("fills")


def test_closing_gives_up_every_lane_that_was_opened_for_writing(system: str) -> None:
    """A lane left locked would keep the next life of its role out."""
    feed = open_lanes(system, FEED)
    feed.ring_writer("ticks")
    feed.cell_writer("book_tops")
    feed.close()
    again = open_lanes(system, FEED)
    assert again.ring_writer("ticks").epoch == 2
    assert again.cell_writer("book_tops").epoch == 2
    again.close()


def test_a_replay_makes_plain_rings_of_intents() -> None:
    """No execution reads them there: a lossless ring would refuse the strategy's first intent."""
    kinds = {replay: [row.kind for name, row, _ in lanes_of(OWNERS, replay=replay) if name == "intents.maker.execution"]
             for replay in (False, True)}  # fmt: skip
    assert kinds == {False: ["lossless"], True: ["ring"]}


def test_of_several_feeds_a_role_reads_every_one_in_the_order_of_the_configuration() -> None:
    """STEP records hold cursors in this order: another order would make the replay another run."""
    strategy, main = open_lanes("none", STRATEGY, "maker", MANY), open_lanes("none", EXECUTION, "main", MANY)
    assert strategy.readable("ticks") == ("east", "west")
    assert main.readable("books") == ("east", "west")
    assert open_lanes("none", FEED, "west", MANY).readable("instruments") == ("west",)
    assert open_lanes("none", FEED, "west", MANY).expect_writer("ticks")[0] == "ticks.west"


def test_intents_exist_once_for_each_strategy_and_execution() -> None:
    """A lossless ring has one consumer: two executions that read one ring would make it lose for the slower."""
    strategy, main = open_lanes("none", STRATEGY, "maker", MANY), open_lanes("none", EXECUTION, "main", MANY)
    assert strategy.writable("intents") == ("maker.main", "maker.side")
    assert [strategy.other("intents", of) for of in strategy.writable("intents")] == ["main", "side"]
    assert main.readable("intents") == ("maker.main", "taker.main")
    assert main.expect_reader("intents", "taker")[0] == "intents.taker.main"
    assert strategy.expect_writer("intents", "side")[0] == "intents.maker.side"


def test_one_of_several_owners_is_never_guessed() -> None:
    """Who reads one feed of two and does not know it shows half a market."""
    with pytest.raises(LaneError, match="lane 'ticks' exists for each of east, west: expected the name of one"):
        open_lanes("none", LOOKERS, owners=MANY).expect_reader("ticks")
    with pytest.raises(LaneError, match="lane 'ticks' of north: expected one of east, west"):
        open_lanes("none", LOOKERS, owners=MANY).expect_reader("ticks", "north")


def test_a_role_without_a_configuration_finds_the_owners_by_their_segments() -> None:
    """engine-ctl and research look at systems whose file they do not have."""
    name = f"test-lanes-{secrets.token_hex(6)}"
    lookers = open_lanes(name, LOOKERS)
    assert lookers.expect_reader("ticks")[0] == "ticks.feed"
    for lane, row, _ in lanes_of(MANY):
        if row.name in ("books", "intents"):
            create(name, lane, row)
    try:
        assert [of for of, _ in lookers.ring_readers("books")] == ["east", "west"]
        assert len(lookers.ring_readers("intents")) == 4
        assert [of for of, _ in open_lanes(name, EXECUTION, "main").ring_readers("intents")] == ["maker", "taker"]
    finally:
        for lane in shm.names(name):
            shm.remove(lane)
