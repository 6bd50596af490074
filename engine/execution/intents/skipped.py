"""Intents that execution does not follow, because it failed on each of them twice.

    supervisor ──<role>.skipped, before the start──▶ execution: such an intent gets a refusal, and nothing reads further

The supervisor writes the file when execution dies for the second time on the same record, and halts the strategy: a
third attempt would fail too, and every other strategy would wait. A sequence has a meaning only while its lane exists,
so the supervisor removes the file when it creates segments.
"""

import contextlib
import json
import logging
import os
from collections.abc import Callable, Collection
from pathlib import Path

from engine.config.private import open_private
from engine.execution.orders import codec
from engine.model.rows import IntentRow
from engine.model.words import Reason
from engine.risk.gate import Refusal, Verdict

SUFFIX = ".skipped"
Skip = tuple[int, int]  # the strategy's number, and the sequence on its intents lane

logger = logging.getLogger("engine.execution")


class Skipped:
    """Between the intake and the desk of an execution that has intents to skip."""

    def __init__(
        self,
        follow: Callable[[bytes, int, int, int], None],
        answer: Callable[[Verdict, IntentRow, int, int], None],
        skips: Collection[Skip],
    ) -> None:
        """Pass every other record to `follow`; `answer` publishes a verdict and records nothing."""
        self._follow = follow
        self._answer = answer
        self._skips = frozenset(skips)

    def on_record(self, data: bytes, sequence: int, strategy: int, now_ns: int) -> None:
        """Follow the intent in a record, or refuse it."""
        if (strategy, sequence) not in self._skips:
            self._follow(data, sequence, strategy, now_ns)
            return
        intent = codec.INTENT.unpack(data)
        logger.critical(
            "an intent on which this role failed twice is skipped",
            extra={"strategy": strategy, "sequence": sequence, "intent": str(intent)},
        )
        self._answer(Refusal(Reason.MALFORMED, intent.kind), intent, sequence, now_ns)


def file_of(run: Path, role: str) -> Path:
    """Where the intents of an execution that are skipped are listed."""
    return run / f"{role}{SUFFIX}"


def read(run: Path, role: str) -> tuple[Skip, ...]:
    """The intents to skip; none without a readable file."""
    try:
        return tuple(
            (int(strategy), int(sequence)) for strategy, sequence in json.loads(file_of(run, role).read_bytes())
        )
    except (OSError, ValueError, TypeError):
        return ()


def add(run: Path, role: str, skip: Skip) -> None:
    """Skip this intent from the next start on; raises OSError when the file cannot be written."""
    data = json.dumps(sorted({*read(run, role), skip})).encode()
    path = file_of(run, role)
    temporary = path.with_suffix(".making")
    with open(open_private(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(data)
    temporary.replace(path)


def clear(run: Path) -> None:
    """Skip no intent of any execution: the lanes begin anew."""
    for path in run.glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError):
            path.unlink()
