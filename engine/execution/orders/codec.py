"""The codecs of the records that execution keeps outside the lanes: in the journal and in checkpoints."""

from engine.model import journal_records, records
from engine.model.codec import Codec
from engine.model.rows import ParentRow

INTENT = Codec(records.INTENT)
VERDICT = Codec(records.VERDICT)
ORDER = Codec(records.ORDER)
PARENT = Codec(records.PARENT)
FILL = Codec(records.FILL)
POSITION = Codec(records.POSITION)
JOURNAL = Codec(records.JOURNAL)
TERMS = Codec(journal_records.TERMS)
ALARM = Codec(journal_records.ALARM)
FOLLOWED = Codec(journal_records.FOLLOWED)
SETTING = Codec(journal_records.SETTING)
WATERMARK = Codec(journal_records.WATERMARK)
DAY = Codec(journal_records.DAY)
BALANCE = Codec(journal_records.BALANCE)
BREAKER = Codec(journal_records.BREAKER)
NETTED = Codec(journal_records.NETTED)


def read_parent(payload: bytes) -> ParentRow:
    """The row of a parent in the journal; an older program's record ends before `intent_ns`."""
    return PARENT.unpack(payload.ljust(PARENT.record.size, b"\0"))
