"""The feed role on recordings: the same feed, books and lanes, with files in the place of the venues.

    [feed]
    source = "replay"        only in a system whose mode is replay, where execution is refused
    [feed.replay]
    speed = 1                so many times as fast as it was recorded; "max": as fast as the feed can
    at_end = "stay"          the books stand there as DISCONNECTED; "exit" brings the system down
    format = ""              guessed from each file's first line unless named
    [feed.replay.files]
    <venue> = ["…"]          each venue's files in order, relative to the configuration's file

`step` turns the process's time into recorded time and hands that to the feeds: their patience is measured in it.
`receive_ns` is what was recorded; `publish_ns` is the engine's clock, so ages on a screen are true, latencies are not.
Entries of several venues go out in the order of their times, whatever the speed. The first waits until every role of
the system runs (see `audience`).
"""

import dataclasses
import logging
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from engine.control import Refused, Unreachable, call
from engine.feed.books.outbox import Outbox
from engine.feed.config import FeedConfig
from engine.feed.feed import Feed
from engine.feed.instruments.instruments import save_instruments
from engine.feed.instruments.listings import Show
from engine.feed.replay.audience import Audience, audience_of
from engine.feed.replay.replay_source import NEVER, Reel, ReplayPorts
from engine.feed.replay.replay_survey import check_recording, instruments_of, survey_files
from engine.venues.catalogue import dialect_of

if TYPE_CHECKING:
    from engine.config import Config

LOG = logging.getLogger("steelyard.feed")
WINDOW_NS = 100_000_000  # recorded time that one step takes in at most: how coarsely ages are seen at "max"
STEPS = 64  # of a feed in one round of the process, so that it beats meanwhile
SPEED_MAX = 1e6  # beyond it, and at infinity, "max" is meant
PRIMING = 8  # steps in which a feed asks and connects before the first entry is due


class ReplayOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What [feed.replay] may say."""

    files: dict[str, tuple[str, ...]]
    speed: Annotated[float, msgspec.Meta(gt=0, le=SPEED_MAX)] | Literal["max"] = 1.0
    at_end: Literal["stay", "exit"] = "stay"
    format: Literal["", "hft", "cf1", "cf2", "dc", "ndjson", "init", "steelyard"] = ""


def is_replay(config: "Config") -> bool:
    """Whether the feed's source is a recording; a source that does not fit the mode is refused."""
    source, mode = config.feed.get("source", "venue"), config.system.mode
    if source not in ("venue", "replay"):
        msg = f"[feed] source: expected venue or replay, was {source!r}"
        raise ValueError(msg)
    if (source == "replay") != (mode == "replay"):
        msg = f"[feed] source = {source!r} in a system of mode {mode!r}: mode replay and source replay go together"
        raise ValueError(msg)
    return bool(source == "replay")


def options_of(config: "Config") -> ReplayOptions:
    """[feed.replay], checked: every venue with instruments has files, and they are there."""
    options = msgspec.convert(config.feed.get("replay", {}), ReplayOptions)
    for venue in {one.venue for one in config.instruments}:
        if not options.files.get(venue):
            msg = f"[feed.replay.files] {venue}: expected at least one file"
            raise ValueError(msg)
    for paths in files_of(config, options).values():
        for path in paths:
            if not path.is_file():
                msg = f"[feed.replay.files] {path}: expected a file"
                raise ValueError(msg)
    return options


def files_of(config: "Config", options: ReplayOptions) -> dict[str, list[Path]]:
    """Each venue's files."""
    here = Path(config.path).resolve().parent
    return {venue: [here / os.path.expanduser(name) for name in names] for venue, names in options.files.items()}


@dataclasses.dataclass
class Stage:
    """One venue's feed with what it is fed from."""

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
    ) -> None:
        """What `build_replay` made; `end` is called once when all has been told, `audience` is waited for."""
        self.name, self.stages, self._end, self._audience = name, stages, end, audience or Audience({}, lambda: True)
        self._speed = 0.0 if speed == "max" else float(speed)
        self._begin_ns = self._now_ns = max(1, min(stage.ports.reel.next_ns for stage in stages))
        self._started_ns = self._stepped_ns = 0
        self.ended = False

    @property
    def feeds(self) -> list[Feed]:
        """The feeds, in the configuration's order."""
        return [stage.feed for stage in self.stages]

    def step(self, now_ns: int) -> int:
        """Tell what is due by now."""
        if self.ended:
            return 0
        if not self._started_ns:
            self._started_ns = self._stepped_ns = now_ns
            return self._prime()
        passed_ns, self._stepped_ns = now_ns - self._stepped_ns, now_ns
        if self._audience.holds_back(now_ns):
            self._started_ns += passed_ns  # recorded time stands still
            return 0
        target_ns = self._begin_ns + int((now_ns - self._started_ns) * self._speed) if self._speed else NEVER
        work = sum(self._advance(target_ns, now_ns))
        if all(stage.ports.reel.ended for stage in self.stages):
            return work + self._finish()
        if not work and self._speed:
            self._now_ns = max(self._now_ns, target_ns)
            work = sum(stage.feed.step(self._now_ns) for stage in self.stages)
        return work

    def lag(self) -> int:
        """Zero: its inputs are files, not lanes."""
        return 0

    def error_count(self) -> int:
        """Frames that could not be read, and connections that were lost."""
        return sum(feed.error_count() for feed in self.feeds)

    def drain(self, now_ns: int) -> bool:
        """Every book is told to be gone."""
        del now_ns
        return all([stage.feed.drain(self._now_ns) for stage in self.stages])  # noqa: C419 - each is drained

    def close(self) -> None:
        """Let go of the recordings."""
        for stage in self.stages:
            stage.feed.close()

    def _prime(self) -> int:
        """The feeds ask for their instruments and connect, as they do before a venue's first frame."""
        for _ in range(PRIMING):
            for stage in self.stages:
                stage.feed.step(self._begin_ns)
        return 1

    def _advance(self, target_ns: int, now_ns: int) -> Iterator[int]:
        """Step after step the feed whose entry is next, as far as the other feeds' entries let it."""
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
            self._now_ns = max(self._now_ns, stage.ports.deliver(until_ns))
            yield stage.feed.step(self._now_ns) + 1

    def _finish(self) -> int:
        """All is told: nothing of it is true any more."""
        self.ended = True
        for stage in self.stages:
            stage.feed.step(self._now_ns)
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


def build_replay(config: "Config", name: str, outbox: Outbox, feed_config: Callable[[str], FeedConfig],
                 show: Callable[[str], Show]) -> ReplayRole:  # fmt: skip
    """The feed of a system in mode replay."""
    options = options_of(config)
    files = files_of(config, options)
    stages = [
        make_stage(feed_config(venue), venue, files[venue], options.format, outbox, show(venue))
        for venue in dict.fromkeys(one.venue for one in config.instruments)
    ]
    end = (lambda: exit_system(config)) if options.at_end == "exit" else _stay
    return ReplayRole(name, stages, options.speed, end, audience_of(config, name))


def check_replay(config: "Config", feed_config: Callable[[str], FeedConfig]) -> None:
    """Refuse options, and files that are not of their venue, before a system is made."""
    options = options_of(config)
    files = files_of(config, options)
    for venue in dict.fromkeys(one.venue for one in config.instruments):
        made = feed_config(venue)
        check_recording(files[venue], options.format, venue, dialect_of(made.venue), made.symbols)


def make_stage(
    config: FeedConfig, venue: str, files: list[Path], kind: str, outbox: Outbox, show: Show = lambda *_: None
) -> Stage:
    """One venue's feed over its files."""
    dialect = dialect_of(config.venue)
    target = dialect.instruments_target(config.symbols)
    known = {urlsplit(dialect.snapshot_target(symbol, 0)).path for symbol in config.symbols}
    holding = survey_files(files, kind, venue, dialect, target)
    config = dataclasses.replace(config, announced=holding.announced)
    if holding.answered:
        known.add(urlsplit(target).path)
    elif not holding.announced:
        config = dataclasses.replace(config, kept_only=True)
        Path(config.instruments_path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        save_instruments(config.instruments_path, instruments_of(holding.survey, files, config), 0)
    ports = ReplayPorts(Reel(files, kind, venue, dialect, config.symbols), known)
    return Stage(ports, Feed(config, ports, outbox, show, dialect))


def exit_system(config: "Config") -> None:
    """Bring the system down, or this process where nobody keeps it."""
    try:
        call(config.paths.control, "down")
    except (Unreachable, Refused):
        os.kill(os.getpid(), signal.SIGTERM)


def _stay() -> None:
    """The lanes stay as they are, until the operator has seen them."""
