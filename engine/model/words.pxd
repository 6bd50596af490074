"""The words of `words.py` that compiled code uses: `TICK_BEST` is `TickKind.BEST`.

The line over each block names the words and the prefix; a test compares every value. A compiled module has no copy.
"""

cdef enum:
    BUY = 1
    SELL = -1

cdef enum:  # TickKind: TICK_
    TICK_BEST = 1
    TICK_LEVEL = 2
    TICK_PRINT = 3
    TICK_STATE = 4

cdef enum:  # Flag: FLAG_
    FLAG_LAST = 1
    FLAG_RESET = 2
    FLAG_SNAPSHOT = 4
    FLAG_REFRESH = 8
    FLAG_MUTE = 16

cdef enum:  # BookState: BOOK_
    BOOK_EMPTY = 0
    BOOK_GOOD = 1
    BOOK_SUSPECT = 2
    BOOK_RESYNCING = 3
    BOOK_STALE = 4
    BOOK_CROSSED = 5
    BOOK_DISCONNECTED = 6
    BOOK_REFUSED = 7
    BOOK_MISFIT = 8
    BOOK_SHUT = 9

cdef enum:  # IntentKind: INTENT_
    INTENT_PLACE = 1
    INTENT_CANCEL = 2
    INTENT_CANCEL_ALL = 3
    INTENT_REPLACE = 4
    INTENT_AMEND = 5

cdef enum:  # OrderType: ORDER_TYPE_
    ORDER_TYPE_LIMIT = 1
    ORDER_TYPE_MARKET = 2
    ORDER_TYPE_STOP = 3
    ORDER_TYPE_STOP_LIMIT = 4
    ORDER_TYPE_TAKE_PROFIT = 5
    ORDER_TYPE_TAKE_PROFIT_LIMIT = 6

cdef enum:  # TimeInForce: TIME_IN_FORCE_
    TIME_IN_FORCE_GTC = 1
    TIME_IN_FORCE_IOC = 2
    TIME_IN_FORCE_FOK = 3
    TIME_IN_FORCE_POST_ONLY = 4

cdef enum:  # OrderState: ORDER_STATE_
    ORDER_STATE_CREATED = 1
    ORDER_STATE_SENT = 2
    ORDER_STATE_UNKNOWN = 3
    ORDER_STATE_OPEN = 4
    ORDER_STATE_PARTLY_FILLED = 5
    ORDER_STATE_CANCELLING = 6
    ORDER_STATE_FILLED = 7
    ORDER_STATE_CANCELLED = 8
    ORDER_STATE_REJECTED = 9
    ORDER_STATE_EXPIRED = 10

cdef enum:  # JournalKind: JOURNAL_
    JOURNAL_INTENT = 2
    JOURNAL_VERDICT = 3
    JOURNAL_ORDER = 4
    JOURNAL_FILL = 5
    JOURNAL_DAY = 8
    JOURNAL_TERMS = 10
    JOURNAL_FOLLOWED = 11
    JOURNAL_ALARM = 12
    JOURNAL_WATERMARK = 13
    JOURNAL_BALANCE = 14
    JOURNAL_PARENT = 15
    JOURNAL_SETTING = 20
    JOURNAL_BREAKER = 21
    JOURNAL_NETTED = 22

cdef enum:  # FrameKind: FRAME_
    FRAME_RECEIVED = 1
    FRAME_SENT = 2
    FRAME_BEGIN = 3
    FRAME_CLOSED = 4
    FRAME_REQUEST = 5
    FRAME_RESPONSE = 6
    FRAME_LOST = 7
    FRAME_END = 8

cdef enum:  # BarFlag: BAR_
    BAR_CLOSED = 1
    BAR_EMPTY = 2
    BAR_PARTIAL = 4

cdef enum:  # OpportunityKind: OPPORTUNITY_
    OPPORTUNITY_BEGIN = 1
    OPPORTUNITY_CHANGE = 2
    OPPORTUNITY_END = 3
    OPPORTUNITY_RESET = 4

cdef enum:  # OpportunityFlag: OPPORTUNITY_FLAG_
    OPPORTUNITY_FLAG_DEPTH_LIMITED = 1
