"""One session of a recording: its lanes, and the instruments as they were at each time."""

from functools import cached_property

from engine.instruments import from_row
from engine.lanes import lane_of
from engine.model.instrument import Instrument
from engine.model.records import INSTRUMENT
from engine.model.rows import InstrumentRow
from engine.recorder.described import Described
from research.parity.recorded.lane import RecordedLane
from research.parity.recorded.recording import ParityError, Recording, Session


class RecordedSystem:
    """One session of a recording, with the description of its system."""

    def __init__(self, recording: Recording, session: Session, described: Described) -> None:
        """Read nothing yet."""
        self.recording, self.session, self.described = recording, session, described
        self._lanes: dict[str, RecordedLane] = {}

    def lane(self, full: str) -> RecordedLane:
        """A lane of the session; read once."""
        if full not in self._lanes:
            self._lanes[full] = self.recording.lane(full, self.session)
        return self._lanes[full]

    @cached_property
    def _instruments(self) -> list[tuple[int, InstrumentRow]]:
        """Every recorded change of an instrument, with its time."""
        lane = lane_of("instruments")
        found: list[tuple[int, InstrumentRow]] = []
        names = [name for name in INSTRUMENT.types if not name.startswith("spare")]
        for feed in self.described.feeds:
            for chunk in self.recording.chunks(f"instruments.{feed}", lane, self.session):
                rows = ({name: one[name].item() for name in names} for one in chunk.rows)
                found += zip(chunk.rows["read_ns"].tolist(), (INSTRUMENT.row(**row) for row in rows), strict=True)
        return sorted(found, key=lambda one: one[0])

    def instruments(self, now_ns: int) -> dict[int, Instrument]:
        """The instruments as they were at a time, by id."""
        known = {row.id: row for _, row in reversed(self._instruments)}
        known |= {row.id: row for at_ns, row in self._instruments if at_ns <= now_ns}
        return {number: from_row(row) for number, row in known.items()}

    def expect_instruments(self, ids: tuple[int, ...], now_ns: int) -> list[Instrument]:
        """These instruments at a time; ParityError for one that was not recorded."""
        known = self.instruments(now_ns)
        if missing := [one for one in ids if one not in known]:
            what = f"instruments {missing} are not in the recording, which has {sorted(known)}"
            raise ParityError(f"{self.recording.source}: {what}: record the lane `instruments` too ([recorder] lanes)")
        return [known[one] for one in ids]
