"""The tables of the configuration that concern execution."""

import uuid
from typing import Annotated, Any, Literal

import msgspec

from engine.config.paths import FIRST_ACCOUNT
from engine.lanes import lane_of
from engine.model.instrument import Instrument
from engine.model.records import STEP_CURSORS
from engine.risk.gate import FurtherCap
from engine.risk.limits import RiskLimits
from engine.role import WorkingOn
from engine.venues.session import Interval, SessionOptions

SECOND_NS = 1_000_000_000
FEEDS_MOST = 64  # more processes than a machine has cores for
LANES_BESIDE_INTENTS = 2 * FEEDS_MOST + 1  # of the cursors in execution's steps: BOOKS, TICKS of each feed, COMMANDS
STRATEGIES_MOST = min(  # each has a cell of ACCEPTED, and a cursor in each step, which is published as one batch
    lane_of("accepted").count, lane_of("steps").reserve * STEP_CURSORS - LANES_BESIDE_INTENTS
)


def check_room(strategies: int, instruments: int) -> None:
    """Refuse more strategies than the lanes have room for: `engine-ctl check` asks here too."""
    if strategies > STRATEGIES_MOST:
        msg = (
            f"one execution serves at most {STRATEGIES_MOST} strategies, was {strategies}: split them over two systems"
        )
        raise ValueError(msg)
    cells, most = (1 + strategies) * instruments, lane_of("positions").count
    if cells > most:
        msg = (
            f"{strategies} strategies and the account with {instruments} instruments have {cells} positions,"
            f" expected at most {most}: configure fewer of either"
        )
        raise ValueError(msg)


class JournalConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the journal's file is, and when it is flushed.

    A system has these values from its table `[journal]` (`engine/config/tables.py`); the defaults are for tests.

    `disk = "before"`: on the disk before a request's bytes leave (survives power, costs a flush an order).
    `disk = "after"`: written in the same step after the bytes left, which survives SIGKILL, and flushed in the first
    idle step after `flush_interval_ns` (at the latest after ten of them; 0: when the system pleases), which survives
    power.
    """

    directory: str = "run/journal"
    disk: Literal["before", "after"] = "after"
    segment_size: int = 1 << 24
    flush_interval_ns: int = SECOND_NS

    def __post_init__(self) -> None:
        """Refuse a segment that no record fits."""
        if self.segment_size < 4096 or self.segment_size % 4096:  # noqa: PLR2004 - a page
            msg = f"segment_size must be a multiple of 4096, was {self.segment_size}"
            raise ValueError(msg)


IntervalOrNone = Annotated[int, msgspec.Meta(ge=0, le=86_400 * SECOND_NS)]  # 0: none


class ExecutionOptions(SessionOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may be set, and is rarely."""

    orphans: Literal["cancel", "keep"] = "cancel"  # open orders under our id that the journal does not know
    query_interval_ns: Interval = SECOND_NS // 2  # between questions about one order
    expiry_margin_ns: IntervalOrNone = SECOND_NS  # beyond a request's own expiry, before "no such order" is believed
    fills_grace_ns: IntervalOrNone = SECOND_NS // 20  # a fill may come this much later than the news that it happened
    audit_interval_ns: Interval = 30 * SECOND_NS  # between comparisons of our open orders and fills with the venue's
    balance_interval_ns: IntervalOrNone = 60 * SECOND_NS  # between comparisons of the balances with the fills; 0: never
    chase_interval_ns: Interval = SECOND_NS // 10  # the least time between two requests of one chase
    chase_rejects: Annotated[int, msgspec.Meta(ge=1)] = 3  # a chase ends after so many refusals by the venue in a row
    # While the book leans towards a chase by more than this, it does not follow the best price to a worse one; 1: it
    # always follows. A book leans towards a buyer by minus its imbalance, towards a seller by its imbalance: -1 to 1.
    chase_hold_imbalance: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0
    kept_most: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 256  # orders that execution keeps until their trigger
    netting: bool = False  # whether strategies with opposite orders in an instrument fill one another first
    volume_profile: str = ""  # a CSV file of bars, for the algorithms that follow the volume of the day
    mark_interval_ns: Interval = SECOND_NS // 10  # between valuations of the positions


class ExecutionConfig(ExecutionOptions, frozen=True, kw_only=True):
    """One execution role: one account at one venue."""

    venue: str  # its name
    account: int = FIRST_ACCOUNT  # its number, in every record
    system: uuid.UUID
    instruments: tuple[Instrument, ...]
    strategies: dict[int, frozenset[int]]  # by number, with the instruments it may trade; each has its intents lane
    role: int = 0  # this role's number in STEPS
    supervisor_alarm_ns: int = 5 * SECOND_NS  # the supervisor's silence, until it is logged
    supervisor_lost_ns: int = 30 * SECOND_NS  # until only exits are sent; 0: never
    budget_stale_ns: int = 0
    budget_index: int = 0  # the account's cell of BUDGETS
    monitor_late_ns: int = SECOND_NS  # the monitor's silence, until only exits are sent
    limits: RiskLimits = RiskLimits()
    caps: tuple[FurtherCap, ...] = ()  # beyond the limits
    risk: dict[str, Any] = msgspec.field(default_factory=dict)  # the table of both, in which an operator sets values
    margin: dict[int, Any] = msgspec.field(default_factory=dict)  # by instrument: MarginTerms of derivatives
    journal: JournalConfig = JournalConfig()
    skipped: tuple[WorkingOn, ...] = ()  # records on which an earlier life failed twice (engine/skips.py)

    def __post_init__(self) -> None:
        """Refuse what the lanes cannot carry."""
        if 0 in self.strategies:
            msg = "strategy 0 means the whole account, no strategy may have it"
            raise ValueError(msg)
        self.limits.check_instruments([one.id for one in self.instruments])
        check_room(len(self.strategies), len(self.instruments))
        if len({one.venue for one in self.instruments}) > 1:
            msg = f"one execution role trades one venue, was {sorted({one.venue for one in self.instruments})}"
            raise ValueError(msg)
