"""A recorded market for the benches of simulation: level changes and prints, as the feed's own code reads the capture.

`STEELYARD_CAPTURES` names the directory of the captures. Without it, or without this file in it, there is none.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.imports.formats.capture import Capture
from engine.imports.listing import Listing
from engine.imports.report import Refusals, Report
from engine.imports.source import Source
from engine.model.instrument import Instrument
from research.simulate.data.events import Events, from_ticks

FILE, INTERFACE = Path("binance", "spot_btcusdt_20240808.gz"), "binance"


class Recorded(NamedTuple):
    """A recorded market."""

    name: str
    events: Events
    instrument: Instrument


def recorded() -> Recorded | None:
    """The market of the capture; None where it is not on this machine."""
    place = os.environ.get("STEELYARD_CAPTURES", "")
    path = Path(place) / FILE
    if not place or not path.is_file():
        return None
    found: dict[str, list[Events]] = {"levels": [], "ticks": []}
    reader, report = Capture(Listing(()), INTERFACE), Report([], [], 0, {})
    for batch in reader.read(Source(path), Refusals(), report):
        for rows in batch:
            found[rows.kind].append(rows.rows)
            one = rows.one
    levels, ticks = (np.concatenate(found[kind]) for kind in ("levels", "ticks"))
    number = int(levels["instrument"][0])
    instrument = Instrument(
        number, one.venue, one.symbol, "BTC", "USDT", one.price_decimals, one.size_decimals, 1, 1, 1, 10**12, 0
    )
    return Recorded(path.name, from_ticks(levels, ticks), instrument)
