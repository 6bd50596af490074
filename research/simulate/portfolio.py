"""`simulate_portfolio`: several strategies in one run, with one capital, one set of caps and one market.

    result = simulate_portfolio(events, {"maker": Member(MyMaker, {"size": "0.01"}), "taker": Member(MyTaker)},
                                instruments=[btc, eth], models=models, capital={"USDT": "1000"})
    result.profits, result.of("maker").profits

docs/research/simulate.md says what the strategies share, and in which order they are called.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from engine.lanes import EXECUTION
from engine.model.instrument import Instrument
from engine.model.intent_id import COUNT_BITS
from engine.strategy.api.strategy import Strategy, reads_of
from research.simulate.assumptions import made_by, made_by_any
from research.simulate.capital import Capital
from research.simulate.capital import check as check_capital
from research.simulate.data.events import Events
from research.simulate.engine import driven_together
from research.simulate.engine.build import Driven
from research.simulate.fast import client_of
from research.simulate.models import Models
from research.simulate.result import Result
from research.simulate.setup import MINUTE_NS, Line, Seat, Setup, Team
from research.simulate.trading.client import Client

if TYPE_CHECKING:
    from research.bars.source import BarSource

MEMBERS_MOST = 64
NAME = re.compile("[A-Za-z0-9_-]{1,32}")


class Member(NamedTuple):
    """One strategy of a portfolio. Without `instruments` (ids) it trades all of the run; `account` is a name."""

    strategy: type[Strategy] | type[Client]
    parameters: Mapping[str, Any] = {}
    instruments: Sequence[int] | None = None
    account: str = ""


def simulate_portfolio(
    events: Events,
    members: Mapping[str, Member],
    *,
    instruments: Sequence[Instrument],
    models: Models,
    caps: Mapping[str, Any] | None = None,
    capital: Capital | None = None,
    accounts: Mapping[str, Line] | None = None,
    called: str = "message",
    mark_ns: int = MINUTE_NS,
    bars: "Callable[[], BarSource] | None" = None,
    speed: str = "fast",
) -> Result:
    """Run the members over events, as one portfolio; the options are those of `simulate`.

    `accounts` gives each account its latencies, fees and capital; without it there is one, with those of `models` and
    `capital`. `bars` makes the bars of the members that read any.
    """
    setup = Setup(events, tuple(instruments), models, caps or {}, called, mark_ns, speed, capital)
    _check(setup, members, accounts, bars)
    if speed == "engine":
        return _by_engine(setup, members, bars() if bars else None)
    lines = accounts or {"": setup.line()}
    places = {name: place for place, name in enumerate(lines)}
    seats = tuple(
        Seat(_client(setup, one, number, bars), _ids(setup, one), places[one.account])
        for number, one in enumerate(members.values(), 1)
    )
    (result,) = setup.run([Team(seats, tuple(lines.values()), tuple(members))])
    return replace(result, assumptions=made_by_any(map(setup.of_line, lines.values())))


def _check(
    setup: Setup, members: Mapping[str, Member], accounts: Mapping[str, Line] | None,
    bars: "Callable[[], BarSource] | None",
) -> None:  # fmt: skip
    """Refuse what no run can follow."""
    if not isinstance(members, Mapping):
        raise TypeError(f"members: found {type(members).__name__}, expected a mapping of names to `Member`")
    if not 0 < len(members) <= MEMBERS_MOST:
        raise ValueError(f"members: found {len(members)}, expected 1 to {MEMBERS_MOST} strategies by name")
    for other in setup.instruments:
        if other.kind != "spot":
            msg = (
                f"{other.symbol} is a {other.kind}: its funding and margin are the account's, and of no single strategy"
            )
            raise ValueError(f"instruments: {msg}: run one strategy with `simulate`")
    _check_accounts(setup, members, accounts)
    traded: dict[int, str] = {}
    for name, one in members.items():
        _check_member(setup, name, one, sorted(accounts or ("",)))
        for number in _ids(setup, one):
            if traded.setdefault(number, one.account) != one.account:
                msg = f"from the accounts {traded[number]!r} and {one.account!r}: give each instrument one account"
                raise ValueError(f"members: instrument {number} is traded {msg}")
    readers = [name for name, one in members.items() if _reads_bars(one)]
    if bars is not None and not (callable(bars) and readers):
        msg = "no member reads bars: remove the option" if callable(bars) else "expected a function that makes them"
        raise ValueError(f"bars: {msg}")


def _check_accounts(setup: Setup, members: Mapping[str, Member], accounts: Mapping[str, Line] | None) -> None:
    """Refuse accounts that no run can follow, and options of an account that would have no effect."""
    if accounts is None:
        return
    if setup.capital is not None:
        raise ValueError("capital: each account has its own: set it in `accounts`")
    if setup.models.rejects is not None:
        raise ValueError("rejects: each account has its own: set them in `accounts`")
    if setup.speed == "engine":
        raise ValueError('accounts: speed "engine" runs one execution, so one account: use speed="fast"')
    for name, line in accounts.items():
        if not isinstance(line, Line):
            raise TypeError(f"accounts: {name}: found {type(line).__name__}, expected `Line`")
        own = [one for one in members.values() if isinstance(one, Member) and one.account == name]
        if not own:
            raise ValueError(f"accounts: {name}: no member trades from it: remove it, or name it in a `Member`")
        traded = frozenset[int]().union(*(_ids(setup, one) for one in own))
        _check_line(name, line, [one for one in setup.instruments if one.id in traded])


def _check_line(name: str, line: Line, instruments: Sequence[Instrument]) -> None:
    """Refuse what an account of these instruments cannot follow."""
    if line.funding is not None or line.margin is not None:
        msg = "a portfolio has spot instruments only, which have no funding and no margin: remove both"
        raise ValueError(f"accounts: {name}: {msg}")
    quotes = sorted({one.quote for one in instruments})
    if len(line.fees.tiers) > 1 and len(quotes) > 1:
        msg = f"several tiers need instruments of one quote currency: volumes in {', '.join(quotes)} cannot be added"
        raise ValueError(f"accounts: {name}: fees: {msg}")
    if line.capital is not None:
        try:
            check_capital(line.capital, instruments)
        except (TypeError, ValueError) as error:
            raise type(error)(f"accounts: {name}: {error}") from None


def _check_member(setup: Setup, name: str, one: Member, accounts: Sequence[str]) -> None:
    """Refuse a member that cannot take part."""
    if not isinstance(one, Member):
        raise TypeError(f"members: {name}: found {one!r}, expected `Member(strategy, parameters)`")
    if setup.speed == "engine" and (not NAME.fullmatch(name) or name == EXECUTION):
        msg = f"expected 1 to 32 letters, digits, - and _, and not {EXECUTION!r}"
        raise ValueError(f'members: found the name {name!r}: {msg}: at speed "engine" its lanes have this name')
    if not isinstance(one.strategy, type):
        raise TypeError(f"members: {name}: found an object, expected a class: each run makes its own")
    if one.account not in accounts:
        msg = f"expected one of {', '.join(map(repr, accounts))}"
        raise ValueError(f"members: {name}: account {one.account!r}: {msg}")
    known, own = {other.id for other in setup.instruments}, _ids(setup, one)
    if not own or not own <= known:
        msg = f"expected some of the run's, {sorted(known)}"
        raise ValueError(f"members: {name}: instruments {sorted(own, key=str)}: {msg}")


def _reads_bars(one: Member) -> bool:
    return issubclass(one.strategy, Strategy) and "bars" in reads_of(one.strategy)


def _ids(setup: Setup, one: Member) -> frozenset[int]:
    """The instruments that a member trades."""
    return frozenset(other.id for other in setup.instruments) if one.instruments is None else frozenset(one.instruments)


def _client(setup: Setup, one: Member, number: int, bars: "Callable[[], BarSource] | None") -> Client:
    """A member's client; its intents have its number."""
    own = [other for other in setup.instruments if other.id in _ids(setup, one)]
    return client_of(one.strategy, own, one.parameters, bars if _reads_bars(one) else None, number)


def _by_engine(setup: Setup, members: Mapping[str, Member], bars: "BarSource | None") -> Result:
    """The run by the real roles: one client drives all of them, and an intent's id has its strategy's number."""
    strategies = [Driven(name, one.strategy, one.parameters, _ids(setup, one)) for name, one in members.items()]
    client = driven_together(strategies, setup.instruments, setup.caps, bars)
    seat = Seat(client, frozenset(one.id for one in setup.instruments))
    (result,) = setup.run([Team((seat,), (setup.line(),), tuple(members))])
    orders, fills = result.orders.copy(), result.fills.copy()
    for table in (orders, fills):
        table["strategy"] = np.right_shift(table["intent_id"], COUNT_BITS) - 1
    return replace(result, orders=orders, fills=fills, assumptions=made_by(setup))
