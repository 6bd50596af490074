"""The small alphabets that records carry as numbers. A number once given is never reused.

Marks are bits and no `IntFlag`: an `&` of an `IntFlag` costs a microsecond, and gives a plain number here. Code that
runs at every step names its words once at the head of the module, for `Word.NAME` is a search each time.
"""

from enum import IntEnum

BUY, SELL = 1, -1  # a side; of a book: bids are +1, asks are -1


class TickKind(IntEnum):
    """The kind of change that a tick carries."""

    BEST = 1  # the best price or size of one side; size 0: that side is empty
    LEVEL = 2  # one level of the book, absolute size; size 0: the level is gone
    PRINT = 3  # a trade between others; side is the aggressor's
    STATE = 4  # the book's state changed; `detail` is the BookState


class Flag(IntEnum):
    """Marks on a tick, a level or a book: bits."""

    LAST = 1  # the last record of one event: act only here
    RESET = 2  # drop the book of this instrument: an unfinished event is void, a snapshot follows
    SNAPSHOT = 4  # part of a snapshot, not a change
    REFRESH = 8  # published again for readers that join late: nothing changed; on a STATE, the whole book follows
    MUTE = 16  # on a STATE of STALE: the whole connection is silent, so prints may be missing as well


class BookState(IntEnum):
    """Whether a book equals the venue's. Only GOOD may be traded on."""

    EMPTY = 0  # nothing known yet
    GOOD = 1
    SUSPECT = 2  # a gap, a failed checksum: wrong until the resync is done
    RESYNCING = 3  # a snapshot was requested
    STALE = 4  # the venue sent nothing within its limit
    CROSSED = 5  # best bid at or over best ask
    DISCONNECTED = 6
    REFUSED = 7  # the venue does not list it, or refused or ignored its subscription
    MISFIT = 8  # the venue's numbers are finer than the instrument's: its metadata is requested again
    SHUT = 9  # the book is right, but the venue does not accept every order: cancel-only, post-only, maintenance, …


class HaltReason(IntEnum):
    """Why the system is halted."""

    NONE = 0
    OPERATOR = 1
    FILE = 2
    SIGNAL = 3
    DEATHS = 4  # a process died too often
    EXECUTION = 5  # execution halted itself: its log and the file HALT have the reason
    FLATTEN = 6  # an operator closes every position: execution does it, the canceller cancels what the venue lists
    BREAKER = 7  # a breaker of risk has tripped in a scope


class SessionState(IntEnum):
    """How far execution's session at the venue is. Orders can leave in READY alone."""

    LOST = 1  # the connection ended or was never made; it is tried again
    REFUSED = 2  # the venue refused the session; it is tried again
    CONNECTING = 3
    CLOCK = 4  # the venue's clock is measured
    LOGON = 5
    SUBSCRIBE = 6  # to the account's events
    RECONCILING = 7  # orders and fills are compared; nothing may be sent until that is done
    READY = 8
    DENIED = 9  # the session is up, and the venue refused the last order because the key lacks a right


class IntentKind(IntEnum):
    """What an intent requests."""

    PLACE = 1
    CANCEL = 2  # the order of `target_id`
    CANCEL_ALL = 3  # every order of this strategy on this instrument
    REPLACE = 4  # the order of `target_id`, at this price and size
    AMEND = 5  # the order of `target_id`: only its size becomes this smaller one, and it keeps its place in the queue


class OrderType(IntEnum):
    """How the price is chosen."""

    LIMIT = 1
    MARKET = 2  # sent as an IOC limit at the protective price, never bare
    STOP = 3  # native, as the following: it waits at the venue for its trigger, then trades at any price
    STOP_LIMIT = 4  # then it rests at its price
    TAKE_PROFIT = 5  # as STOP, for a price that moves in favour
    TAKE_PROFIT_LIMIT = 6


INTENT_TYPES = frozenset({OrderType.LIMIT, OrderType.MARKET})  # a strategy asks for a native one by an algorithm
NATIVE_TYPES = frozenset(OrderType) - INTENT_TYPES
UNPRICED_TYPES = frozenset({OrderType.STOP, OrderType.TAKE_PROFIT})  # the price of such an order is its trigger's


class TimeInForce(IntEnum):
    """How long an order may rest."""

    GTC = 1
    IOC = 2
    FOK = 3
    POST_ONLY = 4  # GTC that must not trade at once


class OrderState(IntEnum):
    """The state of an order: in flight, open or done."""

    CREATED = 1  # journalled, not yet sent
    SENT = 2  # in flight: the venue has not answered
    UNKNOWN = 3  # in flight: the answer was lost, being queried
    OPEN = 4
    PARTLY_FILLED = 5
    CANCELLING = 6  # open, a cancel is in flight
    FILLED = 7
    CANCELLED = 8
    REJECTED = 9
    EXPIRED = 10


OPEN_STATES = frozenset({OrderState.OPEN, OrderState.PARTLY_FILLED, OrderState.CANCELLING})
DONE_STATES = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED})


class ParentStatus(IntEnum):
    """How far a parent is: an intent that an algorithm works."""

    WORKING = 1
    STOPPING = 2  # no further child is made; it is done when the last one has ended
    DONE = 3


class Reason(IntEnum):
    """Why risk refused an intent; APPROVED is the verdict's other form."""

    APPROVED = 0
    HALTED = 1
    DRAINING = 2
    BOOK_NOT_GOOD = 3
    BOOK_TOO_OLD = 4
    INTENT_TOO_OLD = 5
    PRICE_STEP = 6
    SIZE_STEP = 7
    NOTIONAL_TOO_SMALL = 8
    PRICE_COLLAR = 9
    ORDER_TOO_LARGE = 10
    POSITION_TOO_LARGE = 11
    ORDER_RATE = 12
    UNKNOWN_INSTRUMENT = 13
    UNKNOWN_ORDER = 14
    INSTRUMENT_NOT_TRADING = 15
    JOURNAL_FULL = 16
    NOT_RECONCILED = 17
    DUPLICATE_INTENT = 18
    VENUE_NOT_CONNECTED = 19
    MALFORMED = 20
    RATE_MISSING = 21  # no usable price to convert a size into the caps' currency
    SPREAD_TOO_WIDE = 22
    SUPERVISOR_LOST = 23  # the supervisor has not beaten for longer than the configuration allows
    INSTRUMENT_NOT_PERMITTED = 24  # not among the strategy's instruments
    INTENT_FROM_FUTURE = 25
    STRATEGY_RATE = 26  # the strategy's share of the order rate is used up
    INSTRUMENT_HALTED = 27  # execution has halted it: the venue contradicted itself about it
    FILLS_UNAUDITED = 28  # too many fills since the venue's own listing of them was last read
    GROSS_TOO_LARGE = 29  # over all instruments of the account
    UNKNOWN_ALGORITHM = 30  # no registered algorithm has the intent's number
    ALGORITHM_PARAMETER = 31  # a parameter that the intent's algorithm does not accept
    ACCOUNT_HALTED = 32  # an operator halted the account, or the venue that it is at
    STRATEGY_HALTED = 33  # an operator, or the strategy's policy at its death, halted the strategy
    STRATEGY_DISABLED = 34  # an operator has disabled the strategy
    NET_TOO_LARGE = 35  # over all instruments of the account, opposite positions subtracted
    SECTOR_TOO_LARGE = 36  # over the instruments of a sector
    CONCENTRATION_TOO_HIGH = 37  # one instrument's share of the equity
    LEVERAGE_TOO_HIGH = 38
    MARGIN_TOO_LOW = 39  # less of the equity would be free than the buffer
    TOO_MANY_ORDERS = 40  # open at once
    SELF_TRADE = 41  # the order reaches an order of ours on the other side
    DUPLICATE_ORDER = 42  # the order repeats one of its strategy
    DRAWDOWN = 43  # this and the following: a breaker has tripped, only exits are sent until an operator resumes
    DAILY_LOSS = 44
    LOSS_STREAK = 45  # round trips that lost in a row
    FLASH_CRASH = 46  # a watched instrument moved too fast
    ACK_LATENCY = 47  # the venue answers too slowly
    VAR_TOO_HIGH = 48  # what the account may lose in a day
    NO_HISTORY = 49  # too few days of it, or too old ones, to compute the value at risk
    VENUE_RATE = 50  # the order would use more of a limit of the venue than its priority may
    VOLUME_SHARE = 51  # the order is too large for what the market traded in the last minutes
    HEARTBEAT_LATENCY = 52  # a breaker: the venue answers too slowly when it is asked for its time
    LIQUIDATION_TOO_NEAR = 53  # the price would come nearer to a liquidation than the buffer
    MONITOR_SILENT = 62  # the monitor has not beaten for longer than the configuration allows
    NO_VOLUME_PROFILE = 63  # of the instrument, for an algorithm that follows it
    SLICE_TOO_SHORT = 64  # a slice of a schedule leaves no time for its orders
    NOT_AMENDABLE = 65  # the size of the order cannot be lowered to this one in place
    BUDGET_EXCEEDED = 66  # the account's share of a cap that spans accounts
    BUDGET_STALE = 67  # the router has not confirmed that share for longer than the configuration allows
    NOTHING_TO_REDUCE = 70  # a reduce-only order finds no position that no open order closes already; value: held
    TOO_MANY_KEPT = 71  # orders that execution keeps
    PRICE_BOUND = 80  # below the venue's lowest price, or above its highest, for an order of this side
    NOTIONAL_TOO_LARGE = 81  # for the venue
    VENUE_POSITION = 82  # more of the base asset than the venue lets an account hold


class BreakerPolicy(IntEnum):
    """What execution does when a breaker trips, in its scope; its name in small letters is the configuration's word."""

    NONE = 0
    REFUSE = 1  # entries are refused, open orders stay
    REDUCE = 2  # entries are refused, and the open ones are cancelled
    CANCEL = 3  # every new order is refused, and every open one is cancelled
    FLATTEN = 4  # as CANCEL, and the positions are closed


class Mode(IntEnum):
    """What a system is run for; its name in small letters is the configuration's word."""

    LIVE = 1
    PAPER = 2
    REPLAY = 3


class RoleState(IntEnum):
    """The state of a role, in its heartbeat."""

    STARTING = 1
    RUNNING = 2
    DRAINING = 3
    STOPPED = 4
    FAILED = 5  # it raised, and its process continues without it


class CancellerState(IntEnum):
    """What a canceller does; in its cell."""

    WATCHING = 1  # execution looks after its orders
    CANCELLING = 2  # it cancels what the venue lists
    CLEAN = 3  # the venue lists no open order of this system, and none can arrive any more
    GAVE_UP = 4  # it ended before the venue listed none


class CancelReason(IntEnum):
    """Why a canceller cancels."""

    NONE = 0
    DEAD = 1  # no execution has looked after its orders for longer than `canceller.dead_ms`
    FROZEN = 2  # execution has not beaten for `watch.late_ms`
    FLATTEN = 3  # the operator closes every position
    STOPPING = 4  # the system goes down: execution has ended


class CommandKind(IntEnum):
    """What an operator's command does."""

    HALT = 1  # no new orders, open ones are cancelled, roles keep running; of the whole system or of a scope
    RESUME = 2  # end a halt and a flattening: the whole system's, or that of a scope
    DRAIN = 3  # no new entries; finish and stop
    CANCEL_ALL = 4  # every open order, or those of a scope
    SET = 5  # the parameters of a strategy, or the limits of risk
    CANCEL = 6  # the orders of one intent
    FLATTEN = 7  # a HALT, and close every position: of the whole system or of a scope
    RECONCILE = 12  # compare orders, fills and balances with the venue now, and report


class ReconciledKind(IntEnum):
    """What a record of RECONCILIATIONS is."""

    REPORT = 0  # the end of a comparison, after the records of its differences
    ORDER = 1  # a difference of an order
    BALANCE = 2  # a difference of an asset's balance


class FlattenState(IntEnum):
    """How far the flattening of a scope is."""

    NONE = 0  # the scope is halted, and its positions are kept
    CANCELLING = 1  # orders are open or in doubt
    LISTING = 2  # the venue lists its open orders and fills: was every order known?
    CLOSING = 3  # a position is open
    CONFIRMING = 4  # flat by our fills: the venue's orders, fills and balances are compared once more
    FLAT = 5


class JournalKind(IntEnum):
    """Which record a journal record carries."""

    INTENT = 2
    VERDICT = 3
    ORDER = 4  # a request about to leave, or a change of an order
    FILL = 5
    DAY = 8  # an instrument's first valuation of a UTC day
    TERMS = 10  # a life of execution begins: one for each instrument, with its symbol and decimals
    FOLLOWED = 11  # a command of an operator
    ALARM = 12  # execution halts the system or an instrument
    WATERMARK = 13  # every fill of an instrument is known up to one of them
    BALANCE = 14
    PARENT = 15  # a parent before each child, and whenever its algorithm's state changes
    SETTING = 20  # what an operator set: the parameters of a strategy, or the limits
    BREAKER = 21  # the state of a breaker, and its trip
    NETTED = 22  # two strategies' orders that filled each other here: both sides, so a replay has both or neither


class BalanceChange(IntEnum):
    """What a BALANCE record means for its asset."""

    AGREED = 1  # the account held this amount, and the fills agreed
    TRANSFERRED = 2  # a deposit, or below zero a withdrawal
    TRADED_BY_OTHERS = 3  # no amount: the asset was traded on the account by others since it agreed


class AlarmReason(IntEnum):
    """Why execution halted the system, or one instrument, by its own decision."""

    FILL_DISPUTED = 1  # a known fill came again with another order, side, price or size
    JOURNAL_GAP = 2
    STATUS_UNKNOWN = 3  # the venue gave an order a status that is not known here
    UNREADABLE = 4
    OPERATOR = 5  # an operator asked, by a way that does not need the supervisor
    FALSE_FILL = 6  # halts the instrument: a fill contradicts its order
    FALSE_STATUS = 7  # halts the instrument: the venue's view of an order contradicts the order
    BALANCE_DIFFERS = 8  # halts the instrument: the account's balance is not what the fills make it
    FILLS_ABSENT = 9  # halts the instrument: the venue filled an order and lists no such fills
    NOT_APPLIED = 10  # halts the instrument: execution failed twice on a report of the venue, and leaves it out
    MONITOR_DIFFERS = 11  # halts the instrument: the monitor's own sums are not execution's, or not the venue's


INSTRUMENT_REASONS = frozenset({
    AlarmReason.FALSE_FILL, AlarmReason.FALSE_STATUS, AlarmReason.BALANCE_DIFFERS, AlarmReason.FILLS_ABSENT,
    AlarmReason.NOT_APPLIED, AlarmReason.MONITOR_DIFFERS,
})  # fmt: skip


class Agreement(IntEnum):
    """Whether execution's position is the monitor's own sum of the fills; in the cells `monitored`."""

    UNKNOWN = 0  # execution does not run, or has published no position yet
    AGREES = 1
    PENDING = 2  # one of the two has not seen the newest fill yet, or the difference is younger than `differs_ms`
    DIFFERS = 3


class FillFlag(IntEnum):
    """Marks on a fill: bits."""

    OPENING = 1  # no trade: a position held before this FILLS ring began, at its average price
    FEE_VALUED = 2  # `fee_value` is the value in quote of a fee in a third asset, when the fill was applied
    INTERNAL = 4  # against another strategy of the account, without the venue: it moves no balance, and has no fee


class PositionFlag(IntEnum):
    """Marks on a position: bits."""

    FEES_UNVALUED = 1  # fees were paid in an asset that no price valued: they are not in `fees`, nor in `net`
    MARK_MISSING = 2  # something is held that has no price: unrealised and net are unknown


class IntentFlag(IntEnum):
    """Marks on an intent: bits."""

    REDUCE_ONLY = 1  # its orders only reduce the strategy's position: each is cut to what is left of it


class VerdictFlag(IntEnum):
    """Marks on a verdict: bits."""

    CHILD = 1  # on a further child of an intent's parent: a refusal does not end the intent


class OrderFlag(IntEnum):
    """Marks on an order: bits."""

    CANCEL_WANTED = 1  # to be cancelled as soon as it can be
    INFERRED = 2  # done by our conclusion, without the venue's report; a later report may still correct it
    ADOPTED = 4  # found at the venue under our id and not in the journal
    FILLS_MISSING = 8  # the venue filled more than the sum of the fills that it sent
    REPRICING = 16  # cancelled, or being replaced, in favour of another order
    FOREIGN = 32  # not ours: reported, never touched
    RESERVED = 64  # an exit that used the part of the order rate kept for exits
    CLOSING = 128  # execution's own exit while it flattens; no strategy submitted an intent for it
    REDUCE_ONLY = 256  # its intent has it
    FILLS_ABSENT = 512  # the venue reports a part of it as filled, and no fill of that part could be applied
    PAIRED = 1024  # one of two orders of which the venue ends one when the other trades
    TRIGGERED = 2048  # a native order whose trigger has come: it is in the book, or trades
    INTERNAL = 4096  # filled by an order of another strategy of the account; the venue never had it


class FrameKind(IntEnum):
    """What a frame of a recording is. One of ours never holds a request's headers or body: keys travel there."""

    RECEIVED = 1
    SENT = 2
    BEGIN = 3  # a connection begins; JSON describes it
    CLOSED = 4  # it ended; the text is the reason
    REQUEST = 5  # method and target
    RESPONSE = 6  # status and target, a line's end, the body
    LOST = 7  # the recorder was lapped here; JSON has the number of lost records
    END = 8  # the recording was ended, not cut off; JSON holds its totals


class BarFlag(IntEnum):
    """Marks on a bar: bits."""

    CLOSED = 1  # complete for good: a closed bar never changes
    EMPTY = 2  # no print fell into it: all four prices are the last close
    PARTIAL = 4  # prints of its interval may be missing: not watched whole, records lost, or the venue was away


class OpportunityKind(IntEnum):
    """What became of a crossing between two venues."""

    BEGIN = 1
    CHANGE = 2
    END = 3  # the figures are the last that held
    RESET = 4  # the writer begins a life: everything begun before it is over


class OpportunityFlag(IntEnum):
    """Marks on an opportunity: bits."""

    DEPTH_LIMITED = 1  # one ladder ended before the edge did: there may be more size
