"""`parity`: a recorded session, compared with what its strategies decide again and with simulated answers.

    from research import parity

    found = parity("demo")                     the newest session that the recorder of this system has
    found.identical, found.decisions, found.answers

docs/research/parity.md explains every figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import shm
from engine.config import Paths, load
from engine.recorder.described import Described, described
from engine.recorder.locks import PARTS, STORE
from research.parity.decisions import Decisions
from research.parity.recorded.recording import ParityError, Recording, Session
from research.parity.recorded.shared import SharedLanes
from research.parity.recorded.system import RecordedSystem
from research.parity.simulated.models import ParityModels, read_models
from research.parity.simulated.pair import Answers
from research.parity.strategy import RecordedStrategy


@dataclass(frozen=True)
class Parity:
    """What a comparison found."""

    source: str  # the directory of the recorder, or the lanes in shared memory
    system: str
    mode: str
    session: Session
    decisions: tuple[Decisions, ...]
    answers: tuple[Answers, ...]

    @property
    def identical(self) -> bool:
        """Whether every recorded decision was made again, byte for byte, and no other one."""
        return all(one.verdict == "identical" for one in self.decisions)


def parity(
    session: str | Path, *, at_ns: int = 0, strategies: Sequence[str] = (), models: str | Path | ParityModels = "",
    config: str | Path = "",
) -> Parity:  # fmt: skip
    """Compare a session: the newest one, or with `at_ns` the one that ran at that time.

    `session` is a system's name or the directory of its recorder. `config` names the configuration of a recording that
    does not describe its system. ParityError for what cannot be compared at all.
    """
    chosen = models if isinstance(models, ParityModels) else read_models(models) if models else ParityModels()
    recording = recording_of(session)
    found = session_of(recording, at_ns, config)
    of_session = description_of(recording, found, config)
    system = RecordedSystem(recording, found, of_session)
    tables = [one for one in of_session.strategies if not strategies or one.name in strategies]
    if unknown := set(strategies) - {one.name for one in tables}:
        names = ", ".join(one.name for one in of_session.strategies) or "none"
        raise ParityError(f"strategy {', '.join(sorted(unknown))}: expected one of this session: {names}")
    replayed = [RecordedStrategy(system, one) for one in tables]
    return Parity(
        recording.source, of_session.system, of_session.mode, found,
        tuple(one.replay() for one in replayed), tuple(one.answers(chosen) for one in replayed),
    )  # fmt: skip


def recording_of(session: str | Path) -> Recording:
    """What a recorder wrote; of a system without a recorder, its lanes in shared memory while they exist."""
    directory, system = directory_of(session), str(session)
    has_recording = any((directory / name).is_dir() for name in (PARTS, STORE))
    return Recording(directory) if has_recording or not shm.names(system) else SharedLanes(system)


def directory_of(session: str | Path) -> Path:
    """The recorder's directory: the one that is named, or that of a system."""
    return Path(session) if is_directory(session) else Paths.known(str(session)).history()


def is_directory(session: str | Path) -> bool:
    """Whether a session is named by a directory: by a path, or by one that has the recorder's files."""
    place = Path(session)
    return "/" in str(session) or any((place / name).is_dir() for name in (PARTS, STORE))


def sessions_of(recording: Recording, config: str | Path = "") -> list[Session]:
    """Every recorded session, the oldest first."""
    known = [described(load(str(config)))] if config else recording.descriptions()
    if not known:
        _expect_description(recording)
    return recording.sessions(dict.fromkeys(one.name for system in known for one in system.strategies))


def session_of(recording: Recording, at_ns: int, config: str | Path = "") -> Session:
    """The session that ran at a time; 0: the newest one."""
    found = sessions_of(recording, config)
    if not found:
        raise ParityError(f"{recording.source}: no STEP of a strategy is recorded: nothing has been decided")
    if not at_ns:
        return found[-1]
    for one in found:
        if one.first_ns <= at_ns <= one.last_ns:
            return one
    raise ParityError(f"{recording.source}: no session ran at that time: engine-ctl parity --list shows them")


def description_of(recording: Recording, session: Session, config: str | Path = "") -> Described:
    """The system of a session."""
    if config:
        return described(load(str(config)))
    found = recording.description_at(session.last_ns)
    return found if found is not None else _expect_description(recording)


def _expect_description(recording: Recording) -> Described:
    what = "does not describe its system (it is of an older version of the recorder)"
    raise ParityError(f"{recording.source}: this recording {what}: name the configuration by --config FILE")
