"""A configuration is refused with its place, or is a complete system."""

import sys
from pathlib import Path

import pytest

from engine.config import Config, ConfigError, Secret, Watch, load

BASE = """
[system]
name = "demo"
[[venues]]
name = "binance"
kind = "binance"
[[instruments]]
id = 7
venue = "binance"
symbol = "BTCUSDT"
[[strategies]]
name = "maker"
id = 1
class = "module:Maker"
instruments = [7]
"""
FILES = sorted((Path(__file__).resolve().parents[3] / "configs").glob("*.toml"))
SYSTEMS = [path for path in FILES if "\n[system]\n" in path.read_text()]  # others configure the venue on loopback


def read(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> Config:
    """Load a text as a file."""
    file = tmp_path / "demo.toml"
    file.write_text(text)
    return load(file, environment or {})


def test_one_role_a_process_when_no_placement_is_given(tmp_path: Path) -> None:
    """The default must be a running system, in an order in which each finds what it waits for."""
    config = read(tmp_path, BASE)
    assert [process.name for process in config.placement] == ["feed", "execution", "maker", "canceller"]
    assert [config.role_number(role) for role in config.role_names] == [1, 2, 3, 4]
    assert (config.factory("maker"), config.lane("intents", "maker")) == ("engine.strategy:build", "demo.intents.maker")


def test_roles_can_share_a_process_and_its_cores(tmp_path: Path) -> None:
    """On a small box feed, strategy and execution share one core."""
    text = '[[processes]]\nname = "core"\nroles = ["feed", "maker", "execution"]\ncores = [0]\nwait = "spin"\n'
    config = read(tmp_path, BASE + text)
    assert config.process("core").cores == (0,)
    assert config.role_names == ("feed", "maker", "execution", "canceller")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bogus = 1", ("strategies[0].bogus = 1", "unknown key", "class, id, instruments, name, on_death, parameters")),
        ("[watch]\nlate_ms = 'x'", ("watch.late_ms = 'x'", "expected `int`")),
        ("[watch]\nlate_ms = 0", ("watch.late_ms = 0", ">= 1")),
        ("[watch]\nbeat_ms = 300", ("watch.late_ms = 250", "more than watch.beat_ms, which is 300")),
        ("[watch]\nlate_ms = 3000", ("watch.frozen_ms = 2000", "at least watch.late_ms, which is 3000")),
        ('[[instruments]]\nid = 8\nvenue = "binance"\nsymbol = "BTCUSDT"', ("binance:BTCUSDT", "found it 2 times")),
        (
            '[aggregation]\n[[aggregation.groups]]\nname = "' + "é" * 24 + '"\ninstruments = [7]',
            ("aggregation.groups.name", "47 bytes at most"),
        ),
        ("[journal]\nsync = 'often'", ("journal.sync = 'often'", "none, batch, each")),
        ("reads = ['bars']", ("strategies[0].reads", "removed: delete this line", "on_bar")),
        ("[wrong]", ("wrong", "unknown key", "strategies")),
        ("path = 'x'", ("path", "unknown key")),
        ("x =", ("not valid TOML",)),
        ('[[processes]]\nname = "a"\nroles = ["feed"]', ("processes.roles", "no process has the role")),
        ('[[processes]]\nname = "a"\nroles = ["feed", "feed", "maker", "execution"]', ("'feed'", "found it 2 times")),
        ('[[processes]]\nname = "a"', ("processes[0]", "exactly one of roles and command")),
        ('[[instruments]]\nid = 7\nvenue = "binance"\nsymbol = "X"', ("instruments.id = 7", "unique")),
        ('[[instruments]]\nid = 8\nvenue = "kraken"\nsymbol = "X"', ("instruments[1].venue = 'kraken'", "binance")),
        ('[roles]\nmaker = "a:b"', ("strategies[0].name = 'maker'", "no other role has")),
        ('[[venues]]\nname = "k"\nkind = "k"\napi_key = { env = "A", file = "B" }', ("api_key", "exactly one")),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_key_value_and_expectation(
    tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    """An operator must be able to correct the file without reading the source."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, BASE + text)
    for word in ("demo.toml", *words):
        assert word in str(caught.value)


def test_unknown_strategy_instruments_are_refused(tmp_path: Path) -> None:
    """A strategy on an instrument without a feed would wait for ever."""
    with pytest.raises(ConfigError, match=r"strategies\[0\].instruments = 8: expected an instrument's id: 7"):
        read(tmp_path, BASE.replace("[7]", "[8]"))


def test_names_that_no_cell_can_show_are_refused(tmp_path: Path) -> None:
    """The feed shows each instrument with its venue: at a name too long for a cell it would end at every start."""
    name = "binance_for_books"
    with pytest.raises(ConfigError, match=rf"venues\[0\].name = '{name}'.*16 at most"):
        read(tmp_path, BASE.replace('"binance"', f'"{name}"'))
    with pytest.raises(ConfigError, match=r"instruments\[0\].symbol"):
        read(tmp_path, BASE.replace('"BTCUSDT"', f'"{"B" * 33}"'))


def test_the_environment_replaces_single_values(tmp_path: Path) -> None:
    """One file serves two machines; a list's element is found by its name."""
    environment = {
        "STEELYARD__SYSTEM__MODE": "live",
        "STEELYARD__VENUES__BINANCE__STREAM_URL": "ws://127.0.0.1:1",
        "STEELYARD__STRATEGIES__MAKER__PARAMETERS__SIZE": "0.5",
        "STEELYARD__WATCH__LATE_MS": "99",
    }
    config = read(tmp_path, BASE, environment)
    assert (config.system.mode, config.venue("binance").stream_url) == ("live", "ws://127.0.0.1:1")
    assert (config.strategy("maker").parameters, config.watch.late_ms) == ({"size": 0.5}, 99)


def test_an_override_of_nothing_is_refused(tmp_path: Path) -> None:
    """A misspelt override that does nothing is a setting one believes in."""
    with pytest.raises(ConfigError, match=r"STEELYARD__VENUES__KRAKEN__KIND.*no table of this name"):
        read(tmp_path, BASE, {"STEELYARD__VENUES__KRAKEN__KIND": "x"})
    with pytest.raises(ConfigError, match=r"watch\.latte_ms = 3: unknown key"):
        read(tmp_path, BASE, {"STEELYARD__WATCH__LATTE_MS": "3"})


def test_a_secret_written_into_the_file_is_refused_and_not_shown(tmp_path: Path) -> None:
    """Error texts end in logs and tickets."""
    with pytest.raises(ConfigError, match="api_key") as caught:
        read(tmp_path, BASE + '[[venues]]\nname = "k"\nkind = "k"\napi_key = "hunter2"')
    assert "hunter2" not in str(caught.value)


def test_secrets_come_from_the_environment_or_a_private_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And neither the reference nor its error gives them away."""
    monkeypatch.setenv("SOME_KEY", "hunter2")
    assert Secret(env="SOME_KEY").reveal() == "hunter2"
    assert "hunter2" not in repr(Secret(env="SOME_KEY"))
    with pytest.raises(ValueError, match="OTHER_KEY is not set"):
        Secret(env="OTHER_KEY").reveal()
    file = tmp_path / "key"
    file.write_text("hunter2\n")
    file.chmod(0o600)
    assert Secret(file=str(file)).reveal() == "hunter2"
    file.chmod(0o644)
    with pytest.raises(ValueError, match="can be read by every user"):
        Secret(file=str(file)).reveal()


def test_an_env_file_is_read_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is already set keeps its value."""
    monkeypatch.setenv("SET_BEFORE", "kept")
    monkeypatch.delenv("FROM_FILE", raising=False)
    (tmp_path / ".env").write_text('# a comment\nexport FROM_FILE="here"\nSET_BEFORE=lost\n')
    (tmp_path / ".env").chmod(0o600)
    read(tmp_path, BASE.replace("[system]", '[system]\nenv_file = ".env"'))
    assert (Secret(env="FROM_FILE").reveal(), Secret(env="SET_BEFORE").reveal()) == ("here", "kept")
    monkeypatch.delenv("FROM_FILE")


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda path: path.name)
def test_every_configuration_we_ship_is_a_system(path: Path) -> None:
    """Every shipped file must load."""
    assert load(path, {}).role_names


def test_paths_that_only_the_machine_knows_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file works on another machine, without a path of one user's home."""
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", "/somewhere")
    text = BASE.replace('kind = "binance"', 'kind = "binance"\nprivate_key = { file = "{state}/key" }')
    venue = '[[processes]]\nname = "venue"\ncommand = ["{python}", "{here}/x"]\n'
    config = read(tmp_path, text + venue)
    assert config.venue("binance").private_key == Secret(file="/somewhere/demo/key")
    assert config.process("venue").command == (sys.executable, f"{tmp_path}/x")
    assert config.role_names == ("feed", "execution", "maker", "canceller")


def test_a_start_may_take_as_long_as_a_long_journal_needs() -> None:
    """Killed in the middle of its replay, execution would begin it again, for ever."""
    assert Watch().start_limit_ms >= 300_000


SOUTH = """
[[venues]]
name = "south"
kind = "sim"
[[instruments]]
id = 70
venue = "south"
symbol = "X"
"""


@pytest.mark.parametrize(
    ("table", "missing"),
    [
        ("", "binance"),
        ("taker_fee_bps = { binance = 10 }", "south"),
        ("taker_fee_bps = { binance = 10, south = -1 }", ""),
        ("[[aggregation.groups]]\nname = 'alone'\ninstruments = [70]", ""),
        ("[[aggregation.groups]]\nname = 'both'\ninstruments = [7, 70]", "binance"),
    ],
)
def test_a_fee_that_may_be_needed_is_asked_for_before_anything_starts(tmp_path: Path, table: str, missing: str) -> None:
    """Found by the role, it would be found when the market is already being traded."""
    text = f"{BASE}{SOUTH}[aggregation]\n{table}\n"
    if not missing:
        assert read(tmp_path, text).aggregation is not None
        return
    with pytest.raises(
        ConfigError, match=f"aggregation.taker_fee_bps.{missing}: missing: .* add the venue's taker fee"
    ):
        read(tmp_path, text)


TWO_VENUES = """
[[venues]]
name = "kraken"
kind = "kraken"
[[instruments]]
id = 8
venue = "kraken"
symbol = "BTC/USD"
"""
FEEDS = """
[[feeds]]
name = "east"
venues = ["binance"]
[[feeds]]
name = "west"
venues = ["kraken"]
"""
ACCOUNTS = """
[[accounts]]
name = "main"
number = 1
venue = "binance"
[[accounts]]
name = "side"
number = 2
venue = "kraken"
"""


def test_each_feed_and_each_account_is_a_role_with_its_kind(tmp_path: Path) -> None:
    """A name chosen in the file must reach the same factory and the same lanes as the role it is a kind of."""
    config = read(tmp_path, BASE + TWO_VENUES + FEEDS + ACCOUNTS)
    assert config.expected_roles == ("east", "west", "main", "side", "maker")
    placed = [process.name for process in config.placement]
    assert placed == ["east", "west", "main", "side", "maker", "main_canceller", "side_canceller"]
    kinds = [config.kind_of(role) for role in config.role_names]
    assert kinds == ["feed", "feed", "execution", "execution", "strategy", "canceller", "canceller"]
    assert (config.factory("west"), config.factory("side")) == ("engine.feed:build", "engine.execution:build")
    assert [venue.name for venue in config.feed_venues("west")] == ["kraken"]
    assert (config.feed_of("kraken"), config.execution_of("kraken")) == ("west", "side")


def test_without_feeds_and_accounts_there_is_one_of_each_with_every_venue(tmp_path: Path) -> None:
    """A file from before must stay the system that it was."""
    config = read(tmp_path, BASE + TWO_VENUES)
    assert (config.feed_names, config.execution_names) == (("feed",), ("execution",))
    assert [venue.name for venue in config.feed_venues("feed")] == ["binance", "kraken"]
    assert (config.feed_of("kraken"), config.execution_of("kraken")) == ("feed", "execution")


def test_a_replay_has_one_feed_and_no_execution(tmp_path: Path) -> None:
    """Two processes would lose the order between two venues' ticks; and no order may leave a replay."""
    text = BASE.replace('name = "demo"', 'name = "demo"\nmode = "replay"', 1) + TWO_VENUES + FEEDS + ACCOUNTS
    config = read(tmp_path, text)
    assert config.expected_roles == ("feed", "maker")
    assert [venue.name for venue in config.feed_venues("feed")] == ["binance", "kraken"]
    assert config.feed_of("kraken") == "feed"
    with pytest.raises(ConfigError, match=r"processes.roles = 'side': not allowed with system.mode = replay"):
        read(tmp_path, text + '[[processes]]\nname = "a"\nroles = ["feed", "maker", "side"]')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FEEDS.replace('"west"', '"east"'), ("feeds.name = 'east'", "found it 2 times")),
        (FEEDS.replace('"west"', '"maker"'), ("feeds[1].name = 'maker'", "no other role has")),
        (FEEDS.replace('"west"', '"execution"'), ("feeds[1].name = 'execution'", "no other role has")),
        (FEEDS.replace('["kraken"]', '["okx"]'), ("feeds[1].venues = 'okx'", "one of the venues: binance, kraken")),
        (FEEDS.replace('["kraken"]', '["kraken", "binance"]'), ("feeds.venues = 'binance'", "found it 2 times")),
        (FEEDS.partition('[[feeds]]\nname = "west"')[0], ("feeds.venues", "'kraken' has instruments")),
        (FEEDS.replace('["kraken"]', "[]"), ("feeds[1].venues", "length >= 1")),
        (ACCOUNTS.replace("number = 2", "number = 1"), ("accounts.number = 1", "found it 2 times")),
        (ACCOUNTS.replace("number = 2", "number = 65536"), ("accounts[1].number = 65536", "<= 65535")),
        (ACCOUNTS.replace('"side"', '"main"'), ("accounts.name = 'main'", "found it 2 times")),
        (ACCOUNTS.replace('"side"', '"supervisor"'), ("accounts[1].name = 'supervisor'", "no other role has")),
        (ACCOUNTS.replace('"kraken"', '"okx"'), ("accounts[1].venue = 'okx'", "one of the venues: binance, kraken")),
        (ACCOUNTS.replace('"kraken"', '"binance"'), ("accounts.venue = 'binance'", "at each venue, found 2")),
        (ACCOUNTS[ACCOUNTS.rindex("[[accounts]]") :], ("strategies[0].instruments = 7", "with an account: kraken")),
        (FEEDS + '[roles]\neast = "a:b"', ("feeds[0].name = 'east'", "no other role has")),
        (
            FEEDS + '[[processes]]\nname = "a"\nroles = ["east", "west", "feed", "execution", "maker"]',
            ("processes.roles = 'feed'", "expected one of the roles: east, execution, maker, west"),
        ),
    ],
)  # fmt: skip
def test_wrong_feeds_and_accounts_are_refused_with_key_value_and_expectation(
    tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    """A venue in no feed has no market data; in two feeds it has two books, and it is unclear which one is traded."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, BASE + TWO_VENUES + text)
    for word in ("demo.toml", *words):
        assert word in str(caught.value)


CANCELLER = "[canceller]\nenabled = true\n"


def test_each_execution_gets_a_canceller_in_a_process_of_its_own(tmp_path: Path) -> None:
    """A file from before has no such role: its orders would have no attendant when its execution hangs."""
    placed = '[[processes]]\nname = "core"\nroles = ["feed", "maker", "execution"]\nenvironment = { KEY = "x" }\n'
    config = read(tmp_path, BASE + placed + CANCELLER)
    assert [process.name for process in config.placement] == ["core", "canceller"]
    assert config.process("canceller").environment == {"KEY": "x"}, "the key of its execution"
    assert [config.role_number(role) for role in ("feed", "maker", "execution")] == [1, 2, 3], "as without it"
    assert (config.kind_of("canceller"), config.execution_of_canceller("canceller")) == ("canceller", "execution")


def test_each_account_has_a_canceller_after_its_name(tmp_path: Path) -> None:
    """An operator reads in `status` whose orders a process cancels."""
    long = ACCOUNTS.replace('"side"', f'"{"s" * 31}"')
    config = read(tmp_path, BASE + TWO_VENUES + long + CANCELLER)
    assert config.attendants == ("main_canceller", f"{'s' * 21}_canceller")
    assert [config.execution_of_canceller(one) for one in config.attendants] == ["main", "s" * 31]
    assert config.placement[-1].roles == config.attendants[-1:]


def test_nothing_is_attended_without_orders_or_when_it_is_turned_off(tmp_path: Path) -> None:
    """A replay and a recorder of market data have no order to cancel."""
    replay = BASE.replace('name = "demo"', 'name = "demo"\nmode = "replay"', 1)
    market, _, _ = BASE.partition("[[strategies]]")
    for text in (replay + CANCELLER, market + CANCELLER, BASE + "[canceller]\nenabled = false\n"):
        assert read(tmp_path, text).attendants == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '[[processes]]\nname = "a"\nroles = ["feed", "maker", "execution", "canceller"]\n',
            "processes[0].roles: expected cancellers only in process 'a'",
        ),
        ('[[processes]]\nname = "canceller"\nroles = ["feed", "maker", "execution"]\n', "processes.name = 'canceller'"),
        ('[[venues]]\nname = "b"\nkind = "binance"\ncancel_api_key = { env = "A" }\n', "venues[1].cancel_private_key"),
    ],
)
def test_a_canceller_that_another_role_could_stop_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """It exists for the moment in which the others hang."""
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, BASE + text + CANCELLER)
    assert words in str(refused.value)
