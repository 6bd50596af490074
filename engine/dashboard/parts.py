"""The parts of the state that change slowly, as JSON: each part is sent when its value has changed.

system · account · venues · instruments · positions · roles · lanes · latency · halts · limits · alerts ·
parameters · words: what the numbers in the records mean
"""

import math
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any

import msgspec

from engine.config import Config
from engine.config import settings as stored
from engine.dashboard.frames import layouts
from engine.dashboard.lanes import Lanes
from engine.meters.table import HOPS
from engine.model import words
from engine.model.instrument import Instrument
from engine.model.text import shown, word
from engine.monitor import profit
from engine.monitor.budgets import budgets_of
from engine.monitor.figures import Figures
from engine.monitor.halts import halts_of
from engine.monitor.meters import Histogram, MeterReaders

LISTED: tuple[type[IntEnum], ...] = (
    words.BookState,
    words.OrderState,
    words.OrderType,
    words.TimeInForce,
    words.JournalKind,
    words.IntentKind,
    words.Reason,
)
LIMITS = (
    ("position", "Gross position", "usd"),
    ("concentration", "Concentration", "share"),
    ("leverage", "Leverage", "ratio"),
    ("drawdown", "Drawdown", "share"),
    ("day_loss", "Loss of the day", "usd"),
)


class Parts:
    """Reads the cells, the meters and the files of a system."""

    def __init__(self, config: Config, rights: str) -> None:
        """Begin with a system whose lanes may not exist yet."""
        self._config, self._rights = config, rights
        self.figures = Figures(config.system.name)
        self._meters = MeterReaders(config.system.name)
        self._budgets = budgets_of(config.system.name)
        self._alerts = msgspec.json.Decoder(dict[str, Any])

    def fixed(self) -> dict[str, Any]:
        """What does not change while this process lives."""
        names = {kind.__name__: {str(int(one)): one.name for one in kind} for kind in LISTED}
        strategies = {str(one.id): one.name for one in self._config.strategies}
        marks = {"foreign": int(words.OrderFlag.FOREIGN), "opening": int(words.FillFlag.OPENING)}
        return {"words": {**names, "strategies": strategies, "flags": marks, "layouts": layouts()}}

    def read(self, now_ns: int, lanes: Lanes) -> dict[str, Any]:
        """Every part as it is now."""
        figures = self.figures
        figures.poll()
        known = figures.instruments()
        return {
            "system": self._system(),
            "account": self._account(known),
            "venues": list(self._venues()),
            "instruments": list(self._instruments(known, lanes)),
            "positions": list(self._positions(known)),
            "roles": list(self._roles()),
            "lanes": {name: rate.per_s for name, rate in lanes.rates.items()},
            "latency": list(self._latency()),
            "halts": list(self._halts()),
            "limits": list(self._limits()),
            "alerts": list(self._episodes()),
            "parameters": list(self._parameters()),
            "beliefs": list(self._beliefs()),
            "clock": now_ns // 1_000_000_000,
        }

    def worth(self) -> Any:
        """The equity of the account where a monitor computes it, else its net profit; None without a price."""
        account = self._account(self.figures.instruments())
        return account["equity"] if account["equity"] is not None else account["net"]

    def _system(self) -> dict[str, Any]:
        halt = next((row for row in self.figures.cells("halt") if row.halted), None)
        halted = (
            None if halt is None else {"reason": word(words.HaltReason, halt.reason), "since_ms": halt.since_ns / 1e6}
        )
        mode = next(iter(self.figures.cells("mode")), None)
        return {
            "name": self._config.system.name,
            "rights": self._rights,
            "halted": halted,
            "mode": self._config.system.mode.upper() if mode is None else word(words.Mode, mode.mode),
            "executions": self._config.execution_names,
            "feeds": self._config.feed_names,
            "roles": self._config.role_names,
        }

    def _account(self, known: Mapping[int, Instrument]) -> dict[str, Any]:
        rows = self.figures.cells("monitored_account")
        total = profit.profits(self.figures.cells("positions"), known)[profit.ACCOUNT]
        figures = {name: _sum(rows, name) for name in ("equity", "gross")}
        drawdown = max((row.drawdown for row in rows if not math.isnan(row.drawdown)), default=None)
        return {
            **figures,
            "drawdown": drawdown,
            "net": _number(total.net),
            "net_day": _number(total.net_day),
            "currency": total.currency,
        }

    def _venues(self) -> Iterator[dict[str, Any]]:
        """Each venue: how many of its books are good, and the session that carries the orders."""
        books = {row.instrument: row.state for row in self.figures.cells("book_tops")}
        sessions = {shown(row.venue): row for row in self.figures.cells("sessions")}
        for venue in self._config.venues:
            ours = [one.id for one in self._config.instruments if one.venue == venue.name]
            good = sum(books.get(one) in (words.BookState.GOOD, words.BookState.SHUT) for one in ours)
            session = sessions.get(venue.name)
            yield {
                "name": venue.name,
                "books": len(ours),
                "good": good,
                "session": None if session is None else word(words.SessionState, session.state),
                "text": "" if session is None else shown(session.text),
            }

    def _instruments(self, known: Mapping[int, Instrument], lanes: Lanes) -> Iterator[dict[str, Any]]:
        feeds = lanes.feeds()
        for one in known.values():
            yield {
                "id": one.id,
                "venue": one.venue,
                "symbol": one.symbol,
                "base": one.base,
                "quote": one.quote,
                "price_decimals": one.price_decimals,
                "size_decimals": one.size_decimals,
                "feed": feeds.get(one.id),
            }

    def _positions(self, known: Mapping[int, Instrument]) -> Iterator[dict[str, Any]]:
        for row in self.figures.cells("positions"):
            if (one := known.get(row.instrument)) is None or not (row.fill_count or row.size):
                continue
            figures = {
                name: _number(getattr(row, name)) for name in ("unrealised", "realised", "fees", "net", "net_day")
            }
            yield {
                "instrument": one.id,
                "symbol": one.symbol,
                "account": row.account,
                "strategy": self.figures.names.strategy(row.strategy) if row.strategy else "",
                "size": row.size,
                "average_price": row.average_price,
                "price_decimals": row.price_decimals,
                "size_decimals": row.size_decimals,
                **figures,
            }

    def _roles(self) -> Iterator[dict[str, Any]]:
        kinds = self._kinds()
        for one in self.figures.roles.values():
            yield {
                "name": one.name,
                "kind": kinds.get(one.name, one.name),
                "pid": one.pid,
                "life": one.life,
                "state": word(words.RoleState, one.state),
                "steps": one.steps.per_s,
                "lag": one.lag,
                "errors": one.error_count,
            }

    def _kinds(self) -> dict[str, str]:
        config = self._config
        named = {
            "strategy": [one.name for one in config.strategies],
            "execution": config.execution_names,
            "feed": config.feed_names,
            "canceller": list(config.cancellers),
        }
        return {name: kind for kind, names in named.items() for name in names}

    def _latency(self) -> Iterator[dict[str, Any]]:
        together: dict[str, Histogram] = {}
        for of_role in self._meters.read().values():
            for name, found in of_role.histograms():
                together[name] = together[name].together(found) if name in together else found
        for hop in HOPS:
            if hop.name in together:
                found = together[hop.name]
                yield {
                    "name": hop.name,
                    "help": hop.help,
                    "count": found.count,
                    "p50": found.quantile(0.5),
                    "p99": found.quantile(0.99),
                    "p999": found.quantile(0.999),
                    "most": found.largest_ns,
                    "budget": self._budgets.get(hop.name),
                }

    def _halts(self) -> Iterator[dict[str, Any]]:
        for one in halts_of(self.figures):
            since_ms = one.since_ns / 1e6 if one.since_ns else None
            yield {"scope": one.scope, "state": one.state, "reason": one.reason, "text": one.text, "since_ms": since_ms}

    def _limits(self) -> Iterator[dict[str, Any]]:
        for row in self.figures.cells("monitored_account"):
            for name, title, unit in LIMITS:
                yield {
                    "name": title,
                    "unit": unit,
                    "now": _number(getattr(row, name)),
                    "limit": _number(getattr(row, f"{name}_limit")),
                }
            yield {"name": "Free equity", "unit": "least", "now": _number(row.free), "limit": _number(row.free_limit)}

    def _episodes(self) -> Iterator[dict[str, Any]]:
        """The open episodes of the role alerts, from its file."""
        try:
            found = self._alerts.decode((self._config.paths.state / "alerts.json").read_bytes())
        except (OSError, msgspec.DecodeError):
            return
        for one in found.get("episodes", ()):
            yield {
                name: one[name]
                for name in ("cause", "subject", "severity", "what", "to_do", "first_ns", "last_ns", "count", "present")
            }

    def _beliefs(self) -> Iterator[dict[str, Any]]:
        """What each strategy with models last published."""
        for strategy, row in self.figures.owned_cells("beliefs"):
            weights = dict(zip(filter(None, shown(row.names).split(",")), row.weights, strict=False))
            yield {
                "strategy": strategy,
                "time_ms": row.now_ns / 1e6,
                **{name: _number(getattr(row, name)) for name in ("probability", "confidence", "exposure")},
                "regime": shown(row.regime),
                "weights": {name: _number(weight) for name, weight in weights.items()},
            }

    def _parameters(self) -> Iterator[dict[str, Any]]:
        """Each parameter of the file, and of what operators have set in its place."""
        settings = stored.read(self._config.paths.settings)
        for strategy in self._config.strategies:
            values = settings.of(strategy.name).values
            for name, value in {
                **stored.table_of(self._config, strategy.name),
                **{key: one.value for key, one in values.items()},
            }.items():
                yield {"strategy": strategy.name, "name": name, "value": str(value), "set": name in values}


def _symbol(known: Mapping[int, Instrument], number: int) -> str:
    return known[number].symbol if number in known else str(number)


def _number(value: float) -> float | None:
    """None for NaN: what is not known."""
    return None if math.isnan(value) else value


def _sum(rows: list[Any], name: str) -> float | None:
    """The sum over the accounts; None where one is not known, or there is none."""
    return _number(sum(getattr(row, name) for row in rows)) if rows else None
