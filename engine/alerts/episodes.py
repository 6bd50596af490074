"""Episodes: one for each cause and subject, from its first finding until it has been absent for `over_ms`.

    absent ──found──▶ open: message "begin" at once
                       │ found again after an absence, or an event: the count rises
                       │ `repeat_ms`, then three times as long, …: message "again", if it lasts or the count has risen
                       └ absent for `over_ms`: message "over"

So a process that dies every second is one message, then its count at growing intervals, then one message when it
stays alive.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from engine.alerts.message import Severity, State

GROWTH = 3


class Finding(NamedTuple):
    """What a cause has found at one check. An event occurs once; any other finding lasts while it is found."""

    cause: str
    subject: str
    severity: Severity
    what: str
    to_do: str
    is_event: bool = False
    unhealthy: bool = False  # the outside heartbeat stops while it is found

    @property
    def key(self) -> tuple[str, str]:
        """What the finding is about."""
        return self.cause, self.subject


class Limits(NamedTuple):
    """The times between the messages of one episode."""

    repeat_ns: int
    repeat_cap_ns: int
    over_ns: int


class Episode(msgspec.Struct, kw_only=True):
    """One cause's course at one subject."""

    cause: str
    subject: str
    severity: Severity
    what: str
    to_do: str
    is_event: bool
    unhealthy: bool
    first_ns: int
    last_ns: int  # of its last finding
    next_ns: int  # when it may be repeated
    interval_ns: int
    count: int = 1
    reported: int = 1  # the count of the last message
    present: bool = True


class Change(NamedTuple):
    """An episode of which a message is due."""

    state: State
    episode: Episode


class Episodes:
    """Turns the findings of each check into the messages that are due."""

    def __init__(self, limits: Limits, stored: Iterable[Episode] = ()) -> None:
        """Continue the stored episodes."""
        self._limits = limits
        self.open = {(one.cause, one.subject): one for one in stored}

    @property
    def healthy(self) -> bool:
        """Whether no finding of the last check stops the outside heartbeat."""
        return not any(one.present and one.unhealthy for one in self.open.values())

    def apply(self, findings: Iterable[Finding], now_ns: int) -> list[Change]:
        """Apply the findings of one check; the messages that are due, the new ones first."""
        found: dict[tuple[str, str], None] = {}
        changes = [change for one in findings if (change := self._apply(one, now_ns, found)) is not None]
        for key, episode in self.open.items():
            episode.present = episode.present and key in found
        return [*changes, *self._due(now_ns)]

    def _apply(self, finding: Finding, now_ns: int, found: dict[tuple[str, str], None]) -> Change | None:
        """Open an episode, or continue the open one."""
        known, episode = finding.key in found, self.open.get(finding.key)
        found[finding.key] = None
        if episode is None:
            self.open[finding.key] = episode = self._begin(finding, now_ns)
            return Change(State.BEGIN, episode)
        if finding.is_event or not (episode.present or known):
            episode.count += 1
        episode.last_ns, episode.present = now_ns, True
        episode.what, episode.severity, episode.to_do = finding.what, finding.severity, finding.to_do
        return None

    def _begin(self, finding: Finding, now_ns: int) -> Episode:
        return Episode(
            cause=finding.cause, subject=finding.subject, severity=finding.severity, what=finding.what,
            to_do=finding.to_do, is_event=finding.is_event, unhealthy=finding.unhealthy, first_ns=now_ns,
            last_ns=now_ns, next_ns=now_ns + self._limits.repeat_ns, interval_ns=self._limits.repeat_ns,
        )  # fmt: skip

    def _due(self, now_ns: int) -> Iterator[Change]:
        """The episodes that are over, and those that are to be repeated."""
        for key, episode in list(self.open.items()):
            if not episode.present and now_ns - episode.last_ns >= self._limits.over_ns:
                del self.open[key]
                yield Change(State.OVER, episode)
            elif now_ns >= episode.next_ns and (episode.present or episode.count > episode.reported):
                self._repeat(episode, now_ns)
                yield Change(State.AGAIN, episode)

    def _repeat(self, episode: Episode, now_ns: int) -> None:
        """Choose when the episode may be repeated next."""
        episode.reported = episode.count
        episode.interval_ns = min(GROWTH * episode.interval_ns, self._limits.repeat_cap_ns)
        episode.next_ns = now_ns + episode.interval_ns
