"""All venues together: bars, global books, and the profit that two venues' prices leave after fees."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine import clock, skips
from engine.aggregation.bars import Bars
from engine.aggregation.groups import bps_e8, fee_e8, merge_table, share_e8
from engine.aggregation.lanes import changed_ns, open_aggregation_lanes, skip_records
from engine.aggregation.merge import Merge
from engine.aggregation.opportunities import Opportunities
from engine.aggregation.role import AggregationRole
from engine.instruments import await_all
from engine.lanes import lane_of, open_role
from engine.model.group import make_groups

if TYPE_CHECKING:
    from engine.aggregation.lanes import AggregationLanes
    from engine.config import Config
    from engine.config.tables import Aggregation
    from engine.model.instrument import Instrument

__all__ = ["AggregationRole", "build", "check_series", "check_table", "make_role"]

MS = 1_000_000
ONE_FEED: Mapping[int, int] = MappingProxyType({})
LENGTHS_MAX, CELLS_A_SERIES = 64, 3
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def interval_ns(text: str) -> int:
    """Return the length of a text like "5m"."""
    return int(text[:-1]) * SECONDS[text[-1]] * 1_000_000_000


def check_table(table: "Aggregation") -> None:
    """Refuse values that are wrong for any venue."""
    bps_e8(table.min_edge_bps, "aggregation.min_edge_bps")
    bps_e8(table.change_bps, "aggregation.change_bps")
    share_e8(table.change_share, "aggregation.change_share")
    for venue in table.taker_fee_bps:
        fee_e8(table.taker_fee_bps, venue, needed=True)
    lengths = [interval_ns(text) for text in table.bars]
    for text, length in zip(table.bars, lengths, strict=True):
        if lengths.count(length) > 1:
            msg = f"aggregation.bars must be of different lengths, {text!r} is there twice"
            raise ValueError(msg)
    shortest_ms = min(lengths, default=1 << 62) // MS
    if table.bar_grace_ms >= shortest_ms:
        msg = f"aggregation.bar_grace_ms must be less than the shortest bar, {shortest_ms} ms, was {table.bar_grace_ms}"
        raise ValueError(msg)


def check_series(instruments: int, lengths: int) -> None:
    """Refuse more bars than a role can hold, or than there are cells."""
    series_max = lane_of("last_bars").count // CELLS_A_SERIES
    if lengths > LENGTHS_MAX or instruments * lengths > series_max:
        msg = (f"aggregation.bars may be {LENGTHS_MAX} lengths and, times the instruments, {series_max}, "
               f"were {lengths} of {instruments} instruments")  # fmt: skip
        raise ValueError(msg)


def make_role(
    table: "Aggregation",
    name: str,
    number: int,
    instruments: "tuple[Instrument, ...]",
    lanes: "AggregationLanes",
    clock_offset_ns: int = 0,
    patience_ns: int = 250 * MS,
    *,
    recorded: bool = False,
    feeds: Mapping[int, int] = ONE_FEED,
) -> AggregationRole:
    """Build the role over any lanes; instruments in the configuration's order.

    `feeds` has the place of each instrument's feed among those of `lanes`; 0 for an instrument that is not there.
    """
    since_ns = changed_ns(lanes.feeds)
    groups = make_groups(instruments, table.groups)
    opportunities = Opportunities(
        sum(len(group.members) ** 2 for group in groups),
        bps_e8(table.min_edge_bps, "aggregation.min_edge_bps"),
        bps_e8(table.change_bps, "aggregation.change_bps"),
        share_e8(table.change_share, "aggregation.change_share"),
        lanes.opportunities,
        lanes.open_opportunities,
    )
    merge = Merge(
        merge_table(groups, table.taker_fee_bps),
        table.stale_ms * MS,
        lanes.global_books,
        lanes.global_tops,
        opportunities,
        feeds,
    )
    bars = Bars(
        [(one.id, one.price_decimals, one.size_decimals, since_ns.get(one.id, 0)) for one in instruments],
        [interval_ns(text) for text in table.bars],
        table.bar_grace_ms * MS,
        table.bar_time == "venue",
        table.bar_ahead_ms * MS,
        lanes.bars,
        lanes.last_bars,
        feeds,
    )
    return AggregationRole(
        name, number, groups, merge, opportunities, bars, lanes, clock_offset_ns, patience_ns, recorded=recorded
    )


def build(config: "Config", name: str) -> AggregationRole:
    """Build the role of a system; the runtime calls this. Wait until the feed has published the instruments."""
    assert config.aggregation is not None, "the aggregation role needs the table [aggregation]"
    opened = open_role(config, name)
    instruments = tuple(await_all(opened, [one.id for one in config.instruments]))
    lanes = open_aggregation_lanes(opened, set(config.feed_names) & set(config.role_names))
    skip_records(lanes.feeds, skips.read(config.paths.run, name))
    feeds = {one.id: config.feed_names.index(config.feed_of(one.venue)) for one in config.instruments}
    patience_ns = max(config.watch.late_ms, 4 * config.watch.beat_ms) * MS
    number = config.role_number(name)
    return make_role(
        config.aggregation, name, number, instruments, lanes, clock.offset_ns(), patience_ns,
        recorded=config.system.mode == "replay", feeds=feeds,
    )  # fmt: skip
