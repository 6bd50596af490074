"""The ramp of this execution: judges its rise after each valuation, keeps it in the journal, and applies the share."""

import logging

import msgspec

from engine.execution.breakers import Breakers
from engine.execution.config import ExecutionConfig
from engine.execution.orders import codec
from engine.execution.orders.blotter import Blotter
from engine.execution.settings import Settings
from engine.execution.trips import Place
from engine.model.journal_records import BREAKER
from engine.model.text import bare
from engine.model.words import JournalKind
from engine.risk.ramp import Climb

logger = logging.getLogger("engine.execution")

PLACE = Place("ramp_rise", 0)  # of its records, which are those of breakers


class Ramp:
    """The configured rise, if there is one."""

    def __init__(self, config: ExecutionConfig, blotter: Blotter, breakers: Breakers, settings: Settings) -> None:
        """Begin at the first step."""
        self._rise = config.limits.ramp_rise
        self._interval_ns = config.mark_interval_ns
        self._blotter = blotter
        self._breakers = breakers
        self._settings = settings
        self._climb = Climb() if self._rise is None else Climb(of=self._rise.mark)
        self._judged_ns = 0

    def begin(self) -> None:
        """Continue what the journal has of the same steps, before the first intent is read."""
        row = self._breakers.rows.get(PLACE)
        if self._rise is None or row is None:
            return
        climb = msgspec.json.decode(bare(row.state), type=Climb)
        if climb.of == self._climb.of:
            self._climb = climb
            self._settings.raise_ramp(climb.share(self._rise))
        elif climb.step:
            logger.warning("the ramp begins anew: ramp_rise has other steps", extra={"step_before": climb.step})

    def step(self, now_ns: int) -> None:
        """Judge the rise if a valuation is due."""
        if self._rise is None or now_ns - self._judged_ns < self._interval_ns:
            return
        self._judged_ns = now_ns
        fills = sum(one.fill_count for one in self._blotter.ledger.account.values())
        climb = self._climb.next(self._rise, now_ns, fills, tripped=bool(self._breakers.trips))
        if climb == self._climb:
            return
        rises, self._climb = climb.step > self._climb.step, climb
        self._record(now_ns)
        if rises:
            share = climb.share(self._rise)
            self._settings.raise_ramp(share)
            logger.warning("the ramp has risen", extra={"share": str(share), "step": climb.step})

    def _record(self, now_ns: int) -> None:
        """Put the state into the journal before anything follows from it."""
        row = BREAKER.row(
            since_ns=0, value=0, limit=0, key=PLACE.key.encode(), strategy=0, policy=0, reason=0, anew=0,
            state=msgspec.json.encode(self._climb),
        )  # fmt: skip
        self._breakers.rows[PLACE] = row
        self._blotter.journal.add(now_ns, JournalKind.BREAKER, codec.BREAKER.pack_row(row))
        self._blotter.journal.commit(now_ns)
