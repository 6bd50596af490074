"""Anomalies: a spread, a latency, a rate of messages or a loss that is far from what is normal for it."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from engine.alerts.causes.cause import Cause, cause
from engine.alerts.episodes import Finding
from engine.alerts.message import Severity
from engine.alerts.normal import Normal
from engine.alerts.scene import Scene, rows
from engine.model.words import BookState

SAMPLE_NS = 1_000_000_000
LOSS_SAMPLES = 60  # a loss counts over a minute
LOG_FLOOR = 0.25  # of logarithms: a series that hardly moves is unusual at enter * 0.25, so at e^1.5 = 4.5 times
LOSS_FLOOR = 5e-6  # of the equity
MICRO = 1000


class Value(NamedTuple):
    """One series' value at one sample."""

    subject: str
    number: float  # as the series counts it; nan: there is none now
    text: str
    is_log: bool = True


@cause
class Anomaly(Cause):
    """A series has left what is normal for it (`engine/alerts/normal.py`)."""

    name = "anomaly"
    severity = Severity.WARNING
    to_do = (
        "engine-ctl status and engine-ctl view show the system; anomaly_z of [alerts] is the bound, 0 ends the check"
    )

    def __init__(self) -> None:
        """Begin without a value: a new life of the role learns again what is normal."""
        self._series: dict[str, Normal] = {}
        self._sampled_ns = 0
        self._frames: dict[str, int] = {}
        self._nets: dict[str, list[float]] = {}
        self._open: dict[str, Finding] = {}

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Sample every second; what was unusual then is found until the next sample."""
        passed_ns = scene.now_ns - self._sampled_ns
        if scene.limits.anomaly_z and passed_ns >= SAMPLE_NS:
            for value in self._values(scene, passed_ns if self._sampled_ns else 0):
                self._apply(value, scene)
            self._sampled_ns = scene.now_ns
        yield from self._open.values()

    def _apply(self, value: Value, scene: Scene) -> None:
        """Count one value."""
        limits, floor = scene.limits, LOG_FLOOR if value.is_log else LOSS_FLOOR
        series = self._series.get(value.subject)
        if series is None:
            series = self._series[value.subject] = Normal(limits.anomaly_z, floor, limits.anomaly_warm)
        if not math.isfinite(value.number):
            return
        mean = series.mean
        if series.add(value.number):
            usual = f"{math.exp(mean):.4g}" if value.is_log else f"{mean:.2%} in a minute"
            what = f"The {value.subject} is unusual: {value.text}, usual is {usual} (z {series.score:.1f})."
            self._open[value.subject] = self.finding(value.subject, what)
        else:
            self._open.pop(value.subject, None)

    def _values(self, scene: Scene, passed_ns: int) -> Iterator[Value]:
        """Every series' value."""
        yield from self._spreads(scene)
        yield from self._latencies(scene)
        yield from self._rates(scene, passed_ns)
        yield from self._losses(scene)

    def _spreads(self, scene: Scene) -> Iterator[Value]:
        """The spread of each book that is good."""
        for cells in scene.lanes.book_tops.values():
            for row in rows(cells, len(scene.config.instruments)):
                spread = row.spread_bps if row.state == BookState.GOOD else math.nan
                number = math.log(spread) if spread > 0 else math.nan
                yield Value(f"spread of {scene.instrument(row.instrument)}, in bps", number, f"{spread:.4g}")

    def _latencies(self, scene: Scene) -> Iterator[Value]:
        """The median time to the venue's answer, of each execution."""
        for execution, answers in scene.answers.items():
            micro = answers.median_ns() / MICRO
            number = math.log(micro) if micro > 0 else math.nan
            yield Value(f"venue's time to answer {execution}, in µs", number, f"{micro:.4g}")

    def _rates(self, scene: Scene, passed_ns: int) -> Iterator[Value]:
        """The records of frames a second of each feed: a burst, or a feed that repeats itself."""
        for feed, frames in scene.lanes.frames.items():
            before, self._frames[feed] = self._frames.get(feed), frames.end
            rate = (frames.end - before) * 1e9 / passed_ns if before is not None and passed_ns else math.nan
            number = math.log(rate) if rate >= 1 else math.nan
            yield Value(f"rate of frames of {feed}, a second", number, f"{rate:.4g}")

    def _losses(self, scene: Scene) -> Iterator[Value]:
        """The loss of each account in a minute, as a share of its equity."""
        for execution, cells in scene.lanes.monitored.items():
            for row in rows(cells, 1):
                known = row.equity > 0 and math.isfinite(row.net)
                nets = self._nets.setdefault(execution, []) if known else []
                loss = (nets[0] - row.net) / row.equity if known and len(nets) == LOSS_SAMPLES else math.nan
                nets[:] = [*nets, row.net][-LOSS_SAMPLES:]
                yield Value(f"loss of {execution}", loss, f"{loss:.2%} of the equity in a minute", is_log=False)
