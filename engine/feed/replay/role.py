"""The feed role on recordings: the same feed, books and lanes, with files in the place of the venues.

`step` turns the process's time into recorded time and passes that to the feeds, so their timeouts are measured in it.
`receive_ns` is the recorded one; in mode paper it is as long after the start as it was recorded. `publish_ns` is the
engine's clock. So ages on a screen are right, latencies are not. Entries of several venues are processed in the order
of their times, at any speed. The first entry waits until every role of the system runs (see audience.py).
"""

import dataclasses
import logging
from collections.abc import Callable, Iterator
from typing import Literal

from engine.feed.feed import Feed
from engine.feed.replay.audience import Audience
from engine.feed.replay.replay_source import NEVER, ReplayPorts

LOG = logging.getLogger("steelyard.feed")
WINDOW_NS = 100_000_000  # recorded time of one step at most: the resolution of ages at speed "max"
STEPS = 64  # of a feed in one step of the role, so that the process beats in between
PRIMING = 8  # steps in which a feed requests and connects before the first entry is due


@dataclasses.dataclass
class Stage:
    """One venue's feed, and the recording that it reads."""

    ports: ReplayPorts
    feed: Feed


class ReplayRole:
    """Every venue's feed, driven by recordings."""

    def __init__(
        self,
        name: str,
        stages: list[Stage],
        speed: float | Literal["max"],
        end: Callable[[], None],
        audience: Audience | None = None,
        *,
        as_live: bool = False,
    ) -> None:
        """Replay these stages once the audience runs; call `end` once after the last entry.

        `as_live`: what was received then is received now, so that risk and the paper venue see no old book.
        """
        self.name, self.stages, self._end, self._audience = name, stages, end, audience or Audience({}, lambda: True)
        self._speed = 0.0 if speed == "max" else float(speed)
        self._begin_ns = self._now_ns = max(1, min(stage.ports.reel.next_ns for stage in stages))
        self._started_ns = self._stepped_ns = 0
        self._as_live = as_live
        self.ended = False

    @property
    def feeds(self) -> list[Feed]:
        """The feeds, in the configuration's order."""
        return [stage.feed for stage in self.stages]

    def step(self, now_ns: int) -> int:
        """Process the entries that are due."""
        if self.ended:
            return 0
        if not self._started_ns:
            self._started_ns = self._stepped_ns = now_ns
            return self._prime()
        passed_ns, self._stepped_ns = now_ns - self._stepped_ns, now_ns
        if self._audience.holds_back(now_ns):
            self._started_ns += passed_ns  # recorded time does not pass
            return 0
        target_ns = self._begin_ns + int((now_ns - self._started_ns) * self._speed) if self._speed else NEVER
        work = sum(self._advance(target_ns, now_ns))
        if all(stage.ports.reel.ended for stage in self.stages):
            return work + self._finish()
        if not work and self._speed:
            self._now_ns = max(self._now_ns, target_ns)
            work = sum(stage.feed.step(self._shown_ns) for stage in self.stages)
        return work

    def lag(self) -> int:
        """Zero: its inputs are files, not lanes."""
        return 0

    def error_count(self) -> int:
        """How many frames could not be read, and how many connections were lost."""
        return sum(feed.error_count() for feed in self.feeds)

    def drain(self, now_ns: int) -> bool:
        """Publish DISCONNECTED for every book."""
        del now_ns
        return all([stage.feed.drain(self._shown_ns) for stage in self.stages])  # noqa: C419 - each is drained

    def close(self) -> None:
        """Close the recordings."""
        for stage in self.stages:
            stage.feed.close()

    @property
    def _shift_ns(self) -> int:
        """What is added to recorded times."""
        return self._started_ns - self._begin_ns if self._as_live and self._started_ns else 0

    @property
    def _shown_ns(self) -> int:
        """The recorded time, as the feeds see it."""
        return self._now_ns + self._shift_ns

    def _prime(self) -> int:
        """Let the feeds request their instruments and connect, as they do before a venue's first frame."""
        for _ in range(PRIMING):
            for stage in self.stages:
                stage.feed.step(self._shown_ns)
        return 1

    def _advance(self, target_ns: int, now_ns: int) -> Iterator[int]:
        """Step the feed whose entry is next, as far as the next entry of another feed; yield the work of each step."""
        for _ in range(STEPS):
            if self._audience.holds_back(now_ns):
                return
            stage = min(self.stages, key=_next_ns) if len(self.stages) > 1 else self.stages[0]
            next_ns = stage.ports.reel.next_ns
            if next_ns > target_ns or next_ns == NEVER:
                return
            until_ns = min(target_ns, next_ns + (WINDOW_NS if self._audience.complete else 0))
            for other in self.stages:
                if other is not stage:
                    until_ns = min(until_ns, other.ports.reel.next_ns)
            stage.ports.shift_ns = self._shift_ns
            self._now_ns = max(self._now_ns, stage.ports.deliver(until_ns))
            yield stage.feed.step(self._shown_ns) + 1

    def _finish(self) -> int:
        """End after the last entry: the books are DISCONNECTED."""
        self.ended = True
        for stage in self.stages:
            stage.feed.step(self._shown_ns)
        self.drain(self._now_ns)
        for stage in self.stages:
            ports = stage.ports
            if ports.reel.error:
                LOG.error("%s: the recording ends early: %s", stage.feed.name, ports.reel.error)
            LOG.info(
                "%s: replayed", stage.feed.name,
                extra={"frames": ports.frames, "gaps_in_recording": ports.lost_marks, "passed_over": ports.passed_over,
                       "malformed": stage.feed.malformed},
            )  # fmt: skip
        self._end()
        return 1


def _next_ns(stage: Stage) -> int:
    return stage.ports.reel.next_ns
