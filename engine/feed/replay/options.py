"""The configuration of a replay: its table [feed.replay], and the files that it names.

    [feed]
    source = "replay"        in a system of mode replay, where execution is refused, or of mode paper at speed 1
    [feed.replay]
    speed = 1                how many times as fast as it was recorded; "max": as fast as the feed can
    at_end = "stay"          the books stay DISCONNECTED; "exit" stops the system
    format = ""              the files' format; empty: detected from each file's first line
    [feed.replay.files]
    <venue> = ["…"]          each venue's files in order

Paths are relative to the configuration's file.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from engine.config.nearest import read_table

if TYPE_CHECKING:
    from engine.config import Config

SPEED_MAX = 1e6  # "max" is for everything faster, and for infinity


class ReplayOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of [feed.replay]."""

    files: dict[str, tuple[str, ...]]
    speed: Annotated[float, msgspec.Meta(gt=0, le=SPEED_MAX)] | Literal["max"] = 1.0
    at_end: Literal["stay", "exit"] = "stay"
    format: Literal["", "hft", "cf1", "cf2", "dc", "ndjson", "init", "steelyard"] = ""


def is_replay(config: "Config") -> bool:
    """Whether the feed's source is a recording; refuse a source that does not match the system's mode.

    In mode paper a recording takes the place of a live venue: orders go to the paper venue.
    """
    source, mode = config.feed.get("source", "venue"), config.system.mode
    if source not in ("venue", "replay"):
        msg = f"[feed] source: expected venue or replay, was {source!r}"
        raise ValueError(msg)
    if (source == "venue" and mode == "replay") or (source == "replay" and mode == "live"):
        msg = (
            f"[feed] source = {source!r} in a system of mode {mode!r}: expected source replay in mode replay, source"
            " venue in mode live, either in mode paper"
        )
        raise ValueError(msg)
    return bool(source == "replay")


def options_of(config: "Config") -> ReplayOptions:
    """Read [feed.replay]; refuse it unless every venue with instruments has files, and each file exists."""
    options = read_table(config.feed.get("replay", {}), ReplayOptions)
    if config.system.mode == "paper" and options.speed != 1:
        msg = f"[feed.replay] speed: expected 1 in mode paper, where orders have real times, was {options.speed}"
        raise ValueError(msg)
    if config.system.mode == "paper" and config.feeds:
        msg = "[[feeds]]: expected none: one feed reads all recordings in the order of their times"
        raise ValueError(msg)
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
    """Return each venue's files."""
    here = Path(config.path).resolve().parent
    return {venue: [here / os.path.expanduser(name) for name in names] for venue, names in options.files.items()}
