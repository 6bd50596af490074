"""A message to people: what happened, since when, how often, and what to do.

    [demo live] CRITICAL process:feed
    The process feed (pid 4711) died: signal SIGKILL.
    3 times since 2026-11-30 03:12:09 UTC.
    To do: engine-ctl deaths shows its last log lines …

Each message has an id of its own. The messages of one cause and one subject have the same key: while a message waits
for its first attempt at a target, the next one of its key is merged into it, and the id stays.
"""

from datetime import UTC, datetime
from enum import StrEnum

import msgspec

SECOND_NS = 1_000_000_000
TITLE_MOST, TEXT_MOST = 200, 3_500  # characters; Telegram accepts 4 096 in a message


class Severity(StrEnum):
    """How urgent a message is."""

    INFO = "info"
    WARNING = "warning"  # something needs a person, trading goes on
    CRITICAL = "critical"  # trading has stopped, or orders or positions may be unattended


class State(StrEnum):
    """The place of a message in the course of its cause."""

    BEGIN = "begin"
    AGAIN = "again"  # it lasts, or it has occurred again
    OVER = "over"


LEVELS = tuple(Severity)


def reaches(severity: Severity, least: Severity) -> bool:
    """Whether a message of this severity is sent to a target that gets `least` and above."""
    return LEVELS.index(severity) >= LEVELS.index(least)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message, as it is queued and as a webhook gets it."""

    id: str
    system: str
    mode: str
    host: str
    cause: str
    subject: str
    severity: Severity
    state: State
    count: int  # how often the cause occurred since `first_ns`
    own: int  # how often of these in the last episode; the others are of episodes whose messages were merged
    first_ns: int
    last_ns: int
    what: str
    to_do: str

    @property
    def key(self) -> tuple[str, str]:
        """What the message is about."""
        return self.cause, self.subject

    def merged_into(self, waiting: "Message") -> "Message":
        """This message in place of one that waits: with that one's id and first time, and with all counts."""
        anew = self.state is State.BEGIN  # a further episode, which counts from 1
        earlier = waiting.count if anew else waiting.count - waiting.own
        return msgspec.structs.replace(
            self,
            id=waiting.id,
            first_ns=waiting.first_ns,
            count=earlier + self.own,
            state=self.state if self.state is State.OVER or anew else waiting.state,
        )

    @property
    def title(self) -> str:
        """One line."""
        word = "OVER" if self.state is State.OVER else self.severity.upper()
        return f"[{self.system} {self.mode}] {word} {self.cause}: {self.subject}"[:TITLE_MOST]

    @property
    def text(self) -> str:
        """The whole message."""
        lines = [self.what, self._times()]
        if self.state is not State.OVER and self.to_do:
            lines.append(f"To do: {self.to_do}")
        return "\n".join(lines)[:TEXT_MOST]

    def _times(self) -> str:
        """How often and since when; of a cause that is over, until when."""
        often = f"{self.count} times since" if self.count > 1 else "Since"
        until = f", over at {utc(self.last_ns)}" if self.state is State.OVER else ""
        return f"{often} {utc(self.first_ns)}{until}. Host {self.host}."


def utc(at_ns: int) -> str:
    """A time as text."""
    return f"{datetime.fromtimestamp(at_ns // SECOND_NS, UTC):%Y-%m-%d %H:%M:%S} UTC"
