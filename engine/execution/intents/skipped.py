"""Refuses the intents on which execution failed twice (engine/skips.py), unread: it would fail on them again."""

import logging
from collections.abc import Callable, Iterable

from engine.execution.orders import codec
from engine.model.intent_id import ROUTED
from engine.model.rows import IntentRow
from engine.model.words import Reason
from engine.risk.gate import Refusal, Verdict
from engine.role import WorkingOn

INTENTS, OF_ROUTER = "intents", "routed"  # the lanes' names in a `WorkingOn`

logger = logging.getLogger("engine.execution")


class Skipped:
    """Between the intake and the desk of an execution that has intents to skip."""

    def __init__(
        self,
        follow: Callable[[bytes, int, int, int], None],
        answer: Callable[[Verdict, IntentRow, int, int], None],
        skips: Iterable[WorkingOn],
    ) -> None:
        """Pass every other record to `follow`; `answer` publishes a verdict and records nothing."""
        self._follow = follow
        self._answer = answer
        self._skips = frozenset(
            (ROUTED if one.lane == OF_ROUTER else one.strategy, one.sequence)
            for one in skips
            if one.lane in (INTENTS, OF_ROUTER)
        )

    def __bool__(self) -> bool:
        """Whether there is an intent to skip."""
        return bool(self._skips)

    def on_record(self, data: bytes, sequence: int, owner: int, now_ns: int) -> None:
        """Follow the intent in a record of its lane's owner, a strategy or the router, or refuse it."""
        if (owner, sequence) not in self._skips:
            self._follow(data, sequence, owner, now_ns)
            return
        intent = codec.INTENT.unpack(data)
        logger.critical(
            "an intent on which this role failed twice is skipped",
            extra={"strategy": intent.strategy, "sequence": sequence, "intent": str(intent)},
        )
        self._answer(Refusal(Reason.MALFORMED, intent.kind), intent, sequence, now_ns)
