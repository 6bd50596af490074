"""What `up` refuses before it starts anything."""

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import shm
from engine.cli import WRONG_USE, CommandError, main
from engine.cli.check import check
from engine.config import Config
from engine.execution.config import STRATEGIES_MOST, check_room

URLS = """stream_url = "ws://127.0.0.1:9"
request_url = "http://127.0.0.1:9"
order_url = "ws://127.0.0.1:9"
"""
Write = Callable[..., Config]
MARKET = """
[[venues]]
name = "binance"
kind = "{venue}"
{urls}{options}
api_key = {{ env = "SOME_KEY" }}
private_key = {{ file = "{key}" }}
[[instruments]]
id = 7
venue = "binance"
symbol = "BTCUSDT"
[[strategies]]
name = "taker"
id = 1
class = "engine.strategy.samples:{kind}"
instruments = [7]
[strategies.parameters]
size = "0.01"
entry = 0.45
exit = 0.2
half_life_prints = 8
drift_bps = 0.0
slip_steps = 5
{parameter}
[[processes]]
name = "venue"
command = ["true", "{{state}}/made.pem"]
[[processes]]
name = "core"
roles = ["alpha", "beta", "feed", "execution", "taker"{roles}]
environment = {{ SOME_KEY = "{value}" }}
{tables}
"""


def market(
    *,
    kind: str = "MomentumTaker",
    parameter: str = "",
    key: str = "{state}/made.pem",
    value: str = "x",
    tables: str = "",
    venue: str = "binance",
    urls: str = URLS,
    options: str = "",
    roles: str = "",
) -> str:
    """A configuration's text with one thing in it that may be wrong."""
    return MARKET.format(
        kind=kind,
        parameter=parameter,
        key=key,
        value=value,
        tables=tables,
        venue=venue,
        urls=urls,
        options=options,
        roles=roles,
    )


def test_a_sound_configuration_passes_and_a_key_may_still_be_made(write: Write) -> None:
    """The demo's venue makes its key at its first start: that it is missing before is no mistake."""
    check(write(market()))


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (market(parameter="speling = 1"), "strategies.taker: .*speling"),
        (market(kind="Nobody"), "strategies.taker: .*Nobody"),
        (market(tables="[risk]\nmax_positon_usd = 5"), "risk: .*max_positon_usd"),
        (market(tables="[risk]\nmax_position_usd = -5"), "risk: .*max_position_usd must be positive"),
        (
            market(tables='[risk]\nmax_order_size_usd = "1e999999"'),
            "risk: .*max_order_size_usd must be below 1e31, was",
        ),
        (market(tables="[risk.usd_instruments]\nBTC = 99"), r"risk: .*usd_instruments.BTC must be one of .*, was 99"),
        (market(tables="[execution]\norphan = 'keep'"), "execution: .*orphan"),
        (market(tables="[execution]\nanswer_timeout_ns = -5"), "execution: .*>= 1.*answer_timeout_ns"),
        (market(tables="[execution]\nretry_most_ns = 0"), "execution: .*>= 1.*retry_most_ns"),
        (market(tables="[execution]\nfills_grace_ns = -1"), "execution: .*>= 0.*fills_grace_ns"),
        (market(tables="[execution]\nchase_rejects = 0"), "execution: .*>= 1.*chase_rejects"),
        (
            market(tables=f"[execution]\naudit_interval_ns = {10**18}"),
            "execution: .*<= 86400000000000.*audit_interval_ns",
        ),
        (market(tables="[feed]\nstale = 5"), "feed: .*stale"),
        (market(tables="[feed]\nstale_ms = '5'"), "feed: .*stale_ms: expected a whole number, was '5'"),
        (market(tables="[feed]\nstale_ms = true"), "feed: .*stale_ms: expected a whole number, was True"),
        (market(tables="[feed]\nstale_ms = -5"), r"feed: .*stale_ms: expected 1\.\.86400000, was -5"),
        (market(tables="[feed]\nframes = 'no'"), "feed: .*frames: expected true or false, was 'no'"),
        (
            market(tables=f"[aggregation]\nbars = {[f'{n}s' for n in range(1, 66)]}", roles=', "aggregation"'),
            "aggregation: .*64 lengths .*were 65 of 1",
        ),
        (
            market(options="options = { receive_window_ms = '5' }"),
            r"venue binance: option receive_window_ms: expected a whole number in 1\.\.60000, was '5'",
        ),
        (
            market(options='options = { product = "usdm" }'),
            "execution: .*orders cannot go to binance usdm yet, expected one of: binance spot",
        ),
        (market(venue="kraken"), "execution: .*orders cannot go to kraken spot yet, expected one of: binance spot"),
        (market().replace("api_key =", "#"), "execution: .*orders need api_key and private_key"),
        (
            market()
            + f'[[venues]]\nname = "k"\nkind = "kraken"\n{URLS}[[instruments]]\nid = 8\nvenue = "k"\nsymbol = "B/U"\n',
            "execution trades one venue, but the instruments are at binance, k",
        ),
        (market(tables="cores = [4095]"), r"processes.core: cores \[4095\] do not exist"),
        (
            market().replace('"true", ', '"/nowhere/venue", '),
            "processes.venue: command '/nowhere/venue': no such program",
        ),
        (market(key="/nowhere/key.pem"), "venues.binance.private_key: .*/nowhere/key.pem"),
        (market(venue="mtgox"), "feed: venue binance: kind must be one of binance, .*, was 'mtgox'"),
        (
            market(options="options = { standbye = true }"),
            "feed: .*unknown option 'standbye', did you mean standby. expected some of encoding, product, receive",
        ),
        (
            market(options='options = { product = "swaps" }'),
            "feed: .*option product: expected one of spot, usdm, coinm, was 'swaps'",
        ),
        (
            market(urls=URLS.replace('order_url = "ws:', 'order_url = "')),
            "order_url: expected a ws, wss, http or https URL, was '//127.0.0.1:9'",
        ),
        (market(urls=URLS.replace("http:", "htp:")), "feed: venue binance: request_url: expected a ws, .* was .htp:"),
        (market(value=""), "venues.binance.api_key: .*SOME_KEY is not set"),
    ],
)
def test_what_a_role_would_refuse_is_one_line_and_starts_nothing(
    write: Write, system: str, wrong: str, expected: str
) -> None:
    """A typo in a limit must not be found by a process that dies and dies."""
    config = write(wrong)
    with pytest.raises(CommandError, match=expected) as caught:
        check(config)
    assert caught.value.code == WRONG_USE
    assert "\n" not in str(caught.value)
    assert main(["up", config.path]) == WRONG_USE
    assert shm.names(system) == []


EXCHANGE = """
[[venues]]
name = "exchange"
kind = "coinbase"
stream_url = "ws://127.0.0.1:9"
request_url = "http://127.0.0.1:9"
options = {{ product = "{product}" }}
{key}
[[instruments]]
id = 1
venue = "exchange"
symbol = "BTC-USD"
[[processes]]
name = "core"
roles = ["alpha", "beta", "feed"]
environment = {{ PART = "x" }}
"""
PARTS = 'api_key = { env = "PART" }\nprivate_key = { env = "PART" }\n'


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("", 'feed: venue exchange: product = "exchange" needs an api_key'),
        (PARTS, 'feed: venue exchange: product = "exchange" needs a passphrase'),
        (PARTS + 'passphrase = { env = "ABSENT" }', "feed: .*ABSENT is not set"),
    ],
)
def test_a_stream_that_needs_a_key_is_refused_without_one(write: Write, key: str, expected: str) -> None:
    """The venue would reject each subscription for ever: `check` reports that before anything is started."""
    with pytest.raises(CommandError, match=expected):
        check(write(EXCHANGE.format(product="exchange", key=key)))


def test_a_stream_with_its_key_and_one_without_need_are_sound(write: Write) -> None:
    """A key's parts may come from the process's own environment; levels are public."""
    check(write(EXCHANGE.format(product="exchange", key=PARTS + 'passphrase = { env = "PART" }')))
    check(write(EXCHANGE.format(product="exchange-level2", key="")))


def further_strategies(most: int) -> tuple[str, str]:
    """The tables of the strategies after the first, up to so many in all, and their roles."""
    numbers = range(2, most + 1)
    tables = (
        f'[[strategies]]\nname = "s{number}"\nid = {number}\nclass = "engine.strategy.samples:MomentumTaker"\n'
        f'instruments = [7]\nparameters = {{ size = "0.01" }}\n'
        for number in numbers
    )
    return "".join(tables), "".join(f', "s{number}"' for number in numbers)


def test_more_strategies_than_execution_serves_are_refused_with_the_limit(write: Write) -> None:
    """Execution holds to the same number: a sound file must not end in a process that dies and dies."""
    more, roles = further_strategies(STRATEGIES_MOST + 1)
    with pytest.raises(CommandError, match="strategies: one execution serves at most 256 strategies, was 257"):
        check(write(market(roles=roles, tables=more)))
    one_less = more[: more.rindex("[[strategies]]")]
    check(write(market(roles=roles[: roles.rindex(",")], tables=one_less)))
    with pytest.raises(ValueError, match="at most 256 strategies, was 257"):
        check_room(257, 1)
    with pytest.raises(ValueError, match="40 strategies and the account with 25 instruments have 1025 positions"):
        check_room(40, 25)


def test_forty_strategies_are_sound(write: Write) -> None:
    """As many as a desk has: the STEP of execution holds a cursor for each."""
    more, roles = further_strategies(40)
    check(write(market(roles=roles, tables=more)))


def with_feeds(count: int, wrong: str = "") -> str:
    """A system in which every venue has a feed of its own; only the first venue has an instrument."""
    names = [f"feed{number}" for number in range(count)]
    venues = ["binance", *(f"v{number}" for number in range(1, count))]
    text = market(tables=wrong).replace('"feed", ', "".join(f'"{name}", ' for name in names))
    for venue in venues[1:]:
        text += f'[[venues]]\nname = "{venue}"\nkind = "binance"\n{URLS}'
    for name, venue in zip(names, venues, strict=True):
        text += f'[[feeds]]\nname = "{name}"\nvenues = ["{venue}"]\n'
    return text


def test_more_feeds_than_a_strategy_can_record_are_refused_with_the_count(write: Write) -> None:
    """A feed without a cursor in the strategy's STEP could not be replayed: its process would not start."""
    check(write(with_feeds(28)))
    with pytest.raises(CommandError, match="feeds: 29 feeds and 1 accounts: a strategy reads 66 lanes, expected 64"):
        check(write(with_feeds(29)))


def test_what_a_feed_of_its_own_name_would_refuse_is_found_too(write: Write) -> None:
    """The check must not depend on the role being called feed."""
    with pytest.raises(CommandError, match=r"feed: .*stale"):
        check(write(with_feeds(2, "[feed]\nstale = 5")))


KEPT = '[risk]\nvar_history = "recorder"\nvar_limit_1d_95 = 5000\ncapital_usd = 1000\n[recorder]\nseal_seconds = 60\n'


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("keep_days = 250", "recorder.keep_days is 250, expected 0 or over 250"),
        ("keep_days = 900\nkeep_days_of = { bars = 30 }", "recorder.keep_days_of.bars is 30, expected 0 or over 250"),
        ("keep_days = 5\nkeep_days_of = { bars = 251 }", ""),
        ("keep_days_of = { ticks = 7 }", ""),
        ("keep_days = 0", ""),
    ],
)
def test_a_recorder_may_not_remove_the_days_of_the_value_at_risk(write: Write, keys: str, found: str) -> None:
    """Eight months later, in the night, every entry would be refused for want of history."""
    config = write(market(tables=KEPT + keys + "\n"))
    with pytest.raises(CommandError, match=found) if found else contextlib.nullcontext():
        check(config)


def test_a_key_that_everybody_can_read_is_refused(write: Write, tmp_path: Path) -> None:
    """Execution does not start with such a key file."""
    path = tmp_path / "open.pem"
    path.write_text("secret")
    os.chmod(path, 0o644)
    with pytest.raises(CommandError, match="chmod 600"):
        check(write(market(key=str(path))))


def test_an_embedded_venue_without_its_package_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process died at each start, and the operator searched in its log for a missing pip install."""
    venue = '[[processes]]\nname = "venue"\ncommand = ["{python}", "-m", "engine.loopback.server"]\n'
    check(write(venue))
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(CommandError, match=r"processes.venue: .* needs aiohttp, .*: pip install 'steelyard\[sim\]'"):
        check(write(venue))


def test_up_names_at_once_a_process_that_cannot_start(
    write: Write, system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own last word is worth more than a timeout."""
    config = write()
    (config.paths.run / "alpha.refuse").touch()
    assert main(["up", config.path]) == 1
    assert "alpha does not start: ValueError: asked to refuse" in capsys.readouterr().err
    assert main(["down", "--system", system]) == 0


def test_a_volume_profile_that_execution_cannot_read_is_refused(write: Write, tmp_path: Path) -> None:
    """Execution would end at its start, in the middle of `up`."""
    file = tmp_path / "volumes.csv"
    file.write_text("time_ms,symbol,close\n1,BTCUSDT,2\n")
    expected = "execution.volume_profile: .*expected the columns time_ms, symbol and volume"
    with pytest.raises(CommandError, match=expected):
        check(write(market(tables=f'[execution]\nvolume_profile = "{file}"')))
