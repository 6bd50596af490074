"""Where a system keeps its files: `run` is lost at a reboot, `state` survives it.

run    $STEELYARD_RUN_DIRECTORY, else $XDG_RUNTIME_DIR/steelyard, else /tmp/steelyard-<uid>
       <system>/  control.sock  supervisor.lock  guard.lock  system.json  <process>.out
       <system>/state  a link to its state directory, for commands that know only the system's name
       <system>.link  a link to the run directory of a system whose file names another place
state  $STEELYARD_STATE_DIRECTORY, else $XDG_STATE_HOME/steelyard, else ~/.local/state/steelyard
       <system>/  HALT  halts.json  audit.log  deaths.log  settings.json  instruments.json  logs/<process>.log
                  journal  system.uuid             of account 1
                  journal.<n>  system.<n>.uuid     of account n, each further one
                  history/                         of the recorder: parts/ as recorded, store/ as sealed
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from engine.config.private import make_private

RUN_VARIABLE = "STEELYARD_RUN_DIRECTORY"
STATE_VARIABLE = "STEELYARD_STATE_DIRECTORY"
LINK, STATE_LINK = ".link", "state"
FIRST_ACCOUNT = 1  # the number of the account of a system whose file has no table [[accounts]]
JOURNAL, DEATHS = "journal", "deaths.log"
SOCKET_PATH_MAX = 107  # sockaddr_un holds 108 bytes with the closing zero


def default_run_directory() -> Path:
    """The parent of all systems' run directories."""
    if os.environ.get(RUN_VARIABLE):
        return Path(os.environ[RUN_VARIABLE])
    if os.environ.get("XDG_RUNTIME_DIR"):
        return Path(os.environ["XDG_RUNTIME_DIR"]) / "steelyard"
    return Path(f"/tmp/steelyard-{os.getuid()}")  # noqa: S108 - its owner and mode are checked before use


def default_state_directory() -> Path:
    """The parent of all systems' state directories."""
    if os.environ.get(STATE_VARIABLE):
        return Path(os.environ[STATE_VARIABLE])
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "steelyard"


@dataclass(frozen=True, slots=True)
class Paths:
    """The files of one system."""

    run: Path
    state: Path

    @classmethod
    def of(cls, system: str, run: str = "", state: str = "") -> "Paths":
        """A system's files: under the environment's directories, else the given ones, else the default ones."""
        return cls(
            (Path(run) if run and not os.environ.get(RUN_VARIABLE) else default_run_directory()) / system,
            (Path(state) if state and not os.environ.get(STATE_VARIABLE) else default_state_directory()) / system,
        )

    @classmethod
    def known(cls, system: str) -> "Paths":
        """The files of a system whose name alone is known: at the targets of its links, else at the default place."""
        found, link = cls.of(system), link_of(system)
        run = link.resolve() if link.is_dir() and not found.system.exists() else found.run
        try:
            state = (run / STATE_LINK).resolve(strict=True)
        except OSError:  # no such link, or another operator's command, which may not enter the state directory
            state = found.state
        return cls(run, state)

    @property
    def control(self) -> Path:
        """The control socket."""
        return self.run / "control.sock"

    @property
    def lock(self) -> Path:
        """The lock file of the supervisor."""
        return self.run / "supervisor.lock"

    @property
    def guard_lock(self) -> Path:
        """The lock file of the guard; it holds the guard's pid."""
        return self.run / "guard.lock"

    @property
    def system(self) -> Path:
        """The file with the values fixed at the system's start: configuration file, clock offset, boot."""
        return self.run / "system.json"

    @property
    def halt(self) -> Path:
        """While this file exists, the system is halted, also after a restart; `touch` it to halt by hand."""
        return self.state / "HALT"

    @property
    def halts(self) -> Path:
        """The halted accounts, strategies and instruments (see engine/supervisor/scopes.py)."""
        return self.state / "halts.json"

    @property
    def settings(self) -> Path:
        """What operators have set (see engine/config/settings.py)."""
        return self.state / "settings.json"

    @property
    def audit(self) -> Path:
        """Every command with its sender and its answer."""
        return self.state / "audit.log"

    @property
    def deaths(self) -> Path:
        """Every death of a process, one JSON line each (see engine/supervisor/processes/deaths.py)."""
        return self.state / DEATHS

    @property
    def logs(self) -> Path:
        """The directory of the processes' logs; it survives a reboot."""
        return self.state / "logs"

    def log(self, process: str) -> Path:
        """A process's log; its older parts are .1, .2, … (see engine/log.py)."""
        return self.logs / f"{process}.log"

    @property
    def sound(self) -> Path:
        """A copy of the configuration as the supervisor read it: what is cancelled by when the file is spoilt later."""
        return self.run / "configuration.toml"

    @property
    def left(self) -> Path:
        """The orders that the last `down` left at the venue; missing when it left none."""
        return self.run / "orders-left.json"

    @property
    def instruments(self) -> Path:
        """The feed's cached copy of the venues' instruments: a JSON list of `engine.model.instrument.Instrument`."""
        return self.state / "instruments.json"

    def journal(self, account: int = FIRST_ACCOUNT, directory: str = "") -> Path:
        """The directory of an account's journal; `directory`: of that of account 1, where the file names one."""
        first = Path(directory) if directory else self.state / JOURNAL
        return first if account == FIRST_ACCOUNT else first.with_name(f"{first.name}.{account}")

    def history(self, directory: str = "") -> Path:
        """The directory of the recorder's files, or the one that the file names."""
        return Path(directory) if directory else self.state / "history"

    def router_journal(self, directory: str = "") -> Path:
        """The file of the router's journal, beside that of account 1."""
        return self.journal(FIRST_ACCOUNT, directory).with_name("router.journal")

    def identity(self, account: int = FIRST_ACCOUNT) -> Path:
        """The file with the uuid that marks an account's orders."""
        return identity_beside(self.journal(account))

    def make(self) -> None:
        """Create the directories with mode 0700; refuse a directory that another user can write to."""
        for path in (self.run, self.state, self.logs):
            make_private(path)
        if len(os.fsencode(self.control)) > SOCKET_PATH_MAX:
            msg = (
                f"{self.control} has {len(os.fsencode(self.control))} bytes, a socket's path may have"
                f" {SOCKET_PATH_MAX}: set {RUN_VARIABLE} to a shorter directory"
            )
            raise ValueError(msg)
        self._link()

    def _link(self) -> None:
        """Create the links by which commands find the system by its name: to its run and its state directory."""
        with contextlib.suppress(OSError):  # without them the system runs, but a command needs the directories
            _point(self.run / STATE_LINK, self.state)
            link = link_of(self.run.name)
            if self.run.parent != link.parent:
                make_private(link.parent)
                _point(link, self.run)


def _point(link: Path, target: Path) -> None:
    """Create a link, or change the existing one, to this target."""
    temporary = link.with_suffix(f".{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target.absolute())
    temporary.replace(link)


def link_of(system: str) -> Path:
    """The link to a system whose run directory is not the default one."""
    return default_run_directory() / f"{system}{LINK}"


def identity_beside(journal: Path) -> Path:
    """The file with the uuid of the account whose journal is in this directory, in the same parent directory."""
    account = account_of_journal(journal)
    return journal.with_name("system.uuid" if account == FIRST_ACCOUNT else f"system.{account}.uuid")


def account_of_journal(journal: Path) -> int:
    """The number of the account whose journal is in a directory of this name."""
    return int(journal.suffix[1:]) if journal.suffix[1:].isdigit() else FIRST_ACCOUNT


def journals_beside(first: Path) -> list[Path]:
    """The journals' directories that exist: that of account 1 and those of further accounts beside it."""
    further = (path for path in first.parent.glob(f"{first.name}.*") if path.suffix[1:].isdigit() and path.is_dir())
    return [*filter(Path.is_dir, (first,)), *sorted(further, key=lambda path: int(path.suffix[1:]))]


def known_systems() -> set[str]:
    """The systems of this user that are up: they have a system.json."""
    directories = (path.parent.name for path in default_run_directory().glob("*/system.json"))
    return {name.removesuffix(LINK) for name in directories}


def stopped_systems() -> set[str]:
    """The systems that are down and have a journal, or a record of deaths."""
    run, state = default_run_directory(), default_state_directory()
    found = {path.parent.name for path in run.glob(f"*/{STATE_LINK}") if _was_used(path)}
    found |= {path.name for path in state.glob("*") if _was_used(path)}
    return {name.removesuffix(LINK) for name in found} - known_systems()


def _was_used(state: Path) -> bool:
    """Whether a system left something in this state directory that an operator may read."""
    return bool(journals_beside(state / JOURNAL)) or (state / DEATHS).exists()
