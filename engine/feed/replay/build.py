"""Builds the replay role of a system from its configuration, and checks the recordings before a system starts."""

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.control import Refused, Unreachable, call
from engine.feed.books.outbox import Outbox
from engine.feed.config import FeedConfig
from engine.feed.feed import Feed
from engine.feed.instruments.instruments import save_instruments
from engine.feed.instruments.listed_symbols import Publish
from engine.feed.replay.audience import audience_of
from engine.feed.replay.options import files_of, options_of
from engine.feed.replay.replay_source import Reel, ReplayPorts
from engine.feed.replay.replay_survey import check_recording, instruments_of, survey_files
from engine.feed.replay.role import ReplayRole, Stage
from engine.venues.catalogue import dialect_of

if TYPE_CHECKING:
    from engine.config import Config


def build_replay(
    config: "Config",
    name: str,
    outbox: Outbox,
    feed_config: Callable[[str], FeedConfig],
    publisher: Callable[[str], Publish],
) -> ReplayRole:
    """Build the feed of a system whose source is a recording."""
    options = options_of(config)
    files = files_of(config, options)
    stages = [
        make_stage(feed_config(venue), venue, files[venue], options.format, outbox, publisher(venue))
        for venue in dict.fromkeys(one.venue for one in config.instruments)
    ]
    end = (lambda: stop_system(config)) if options.at_end == "exit" else _stay
    return ReplayRole(
        name, stages, options.speed, end, audience_of(config, name), as_live=config.system.mode == "paper"
    )


def check_replay(config: "Config", feed_config: Callable[[str], FeedConfig]) -> None:
    """Refuse wrong options, and files that are not of their venue, before a system starts."""
    options = options_of(config)
    files = files_of(config, options)
    for venue in dict.fromkeys(one.venue for one in config.instruments):
        made = feed_config(venue)
        check_recording(files[venue], options.format, venue, dialect_of(made.venue), made.symbols)


def make_stage(
    config: FeedConfig, venue: str, files: list[Path], kind: str, outbox: Outbox, publish: Publish = lambda *_: None
) -> Stage:
    """Build one venue's feed over its files."""
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
    return Stage(ports, Feed(config, ports, outbox, publish, dialect))


def stop_system(config: "Config") -> None:
    """Stop the system, or this process alone where no supervisor runs."""
    try:
        call(config.paths.control, "down")
    except (Unreachable, Refused):
        os.kill(os.getpid(), signal.SIGTERM)


def _stay() -> None:
    """Leave the lanes as they are, for the operator to look at."""
