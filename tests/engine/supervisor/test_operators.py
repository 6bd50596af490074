"""Other users of the machine: what each may do, by the kernel's word and by file modes, with real user ids."""

import grp
import importlib
import json
import os
import pwd
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

import shm
from engine.cli import main as engine_ctl
from engine.config import Config, ConfigError
from engine.control import Peer
from engine.supervisor.commands import COMMANDS
from engine.supervisor.life import guard_pid
from engine.supervisor.operators import Operators
from engine.supervisor.rights import Right
from tests.engine.answers import data_of
from tests.engine.floor import Floor, until

LOOKER, HALTER, TRADER, STRANGER = "daemon", "nobody", "bin", "sync"
GROUP, HALT_GROUP = "users", "games"
TABLES = f"""
[[operators]]
user = "{LOOKER}"
may = "look"
[[operators]]
user = "{HALTER}"
may = "halt"
[[operators]]
user = "{TRADER}"
may = "trade"
"""
MODULES = ("halting", "system", "settings", "command", "positions", "orders", "stopping.flatten")
pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


@pytest.fixture
def house(floor: Callable[..., Floor], monkeypatch: pytest.MonkeyPatch) -> Iterator[Floor]:
    """A system that these users may reach, in a directory that each user of the machine may pass."""
    place = Path(tempfile.mkdtemp(prefix="operators"))
    place.chmod(0o711)
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(place / "run"))
    name = 'mode = "paper"'
    made = floor(TABLES, **{name: f'{name}\ngroup = "{GROUP}"\nhalt_group = "{HALT_GROUP}"'})
    for module in MODULES:  # another user cannot read every directory of this installation
        importlib.import_module(f"engine.cli.{module}")
    yield made
    made.sweep()
    shutil.rmtree(place)


def type_as(user: str, groups: tuple[str, ...], *words: str) -> tuple[int, str]:
    """A command of another user: its exit code, and all that it printed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        _become(user, groups, writing, words)
    os.close(writing)
    with open(reading, encoding="utf-8") as output:
        text = output.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), text


def _become(user: str, groups: tuple[str, ...], output: int, words: tuple[str, ...]) -> NoReturn:
    """In the child: become the user, type the command, and end."""
    code = 99
    try:
        sys.stdout = sys.stderr = os.fdopen(output, "w")
        os.setgroups([grp.getgrnam(group).gr_gid for group in groups])
        os.setgid(pwd.getpwnam(user).pw_gid)
        os.setuid(pwd.getpwnam(user).pw_uid)
        code = engine_ctl(list(words))
    except Exception:  # noqa: BLE001 - the parent prints it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


@pytest.mark.timeout(240)
def test_each_operator_may_do_what_the_configuration_allows(house: Floor) -> None:
    """Who may only look cannot halt, who may halt cannot trade, and the audit names each attempt's user."""
    house.up()
    of = ("--system", str(house.paths.run))
    code, text = type_as(LOOKER, (GROUP,), "status", "--json", *of)
    assert data_of(text)["system"] == house.system, text
    assert code in {0, 1}
    code, text = type_as(LOOKER, (GROUP,), "halt", *of)
    assert code == 1, text
    assert "user daemon may look, expected the right to halt" in text
    assert "nothing was halted" in text
    assert not house.status()["halted"]
    code, text = type_as(HALTER, (GROUP,), "set", "risk.max_spread_bps", "40", *of)
    assert (code, "user nobody may halt, expected the right to trade" in text) == (1, True), text
    code, text = type_as(TRADER, (GROUP,), "set", "risk.max_spread_bps", "40", "--json", *of)
    assert (code, data_of(text)["roles"]) == (0, {"execution": "applied"})
    code, text = type_as(STRANGER, (GROUP,), "status", *of)
    assert "may not send commands" in text
    code, text = type_as(STRANGER, (), "status", *of)
    assert code != 0
    lines = [json.loads(line) for line in house.paths.audit.read_text().splitlines()]
    found = [(one["user"], one["command"], one["answer"]["ok"]) for one in lines]
    assert found == [(LOOKER, "halt", False), (HALTER, "set", False), (TRADER, "set", True)]


@pytest.mark.timeout(240)
def test_a_user_who_may_halt_needs_no_supervisor(house: Floor) -> None:
    """The halt must work when every other process is dead; and the same user can write no other lane."""
    house.up()
    assert house.trades()
    guard, supervisor = guard_pid(house.paths.guard_lock), house.status()["pid"]
    for pid in (guard, supervisor):
        os.kill(pid, signal.SIGSTOP)
    of = ("--system", str(house.paths.run), "--timeout", "20", "--json")
    code, text = type_as(HALTER, (GROUP, HALT_GROUP), "halt", *of)
    found = data_of(text)
    assert (found["halted"], found["executions"]["execution"]) == (True, "halted"), text
    assert (code, found["supervisor"], found["on_disk"]) == (1, False, False)
    for pid in (guard, supervisor):
        os.kill(pid, signal.SIGCONT)
    assert until(house.paths.halt.exists)
    code, text = type_as(HALTER, (GROUP, HALT_GROUP), "halt", *of)
    assert (code, data_of(text)["on_disk"]) == (0, True), text
    modes = {name: os.stat(f"/dev/shm/steelyard.{name}").st_mode & 0o777 for name in shm.names(house.system)}
    word = f"{house.system}.operator_halt"
    assert modes.pop(word) == 0o664
    assert set(modes.values()) == {0o640}


@pytest.mark.timeout(240)
def test_a_user_who_may_only_halt_cannot_have_positions_closed_by_the_halt_word(
    house: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command wrote the word before it asked, and execution traded for a user who may not."""
    monkeypatch.setattr("engine.cli.stopping.flatten.read", lambda _: house.config)  # the test's file is private
    house.up()
    assert house.trades()
    of = ("--system", str(house.paths.run), "--timeout", "5")
    code, text = type_as(HALTER, (GROUP, HALT_GROUP), "flatten", *of)
    assert (code, "user nobody may halt, expected the right to trade" in text) == (1, True), text
    assert not house.status()["halted"]
    word = shm.CellReader(f"{house.system}.operator_halt").read(0)
    assert word is None or not word.halted


def test_a_right_includes_the_ones_before_it(write: Callable[..., Config]) -> None:
    """And every command of the product needs one: a new one needs the highest until it declares another."""
    operators = Operators(write(TABLES))
    for user, right in ((LOOKER, Right.LOOK), (HALTER, Right.HALT), (TRADER, Right.TRADE), (STRANGER, Right.NONE)):
        peer = Peer(1, pwd.getpwnam(user).pw_uid)
        allowed = {one.name for one in COMMANDS.values() if not operators.refusal(peer, one.name, one.may)}
        assert allowed == {one.name for one in COMMANDS.values() if one.may <= right}
        assert bool(operators.stranger(peer)) == (right == Right.NONE)
    assert {one.name for one in COMMANDS.values() if one.may == Right.LOOK} >= {"status"}
    assert {one.name for one in COMMANDS.values() if one.may == Right.HALT} >= {"halt", "cancel_all"}


def test_wrong_operators_are_found_by_check(write: Callable[..., Config], capsys: pytest.CaptureFixture[str]) -> None:
    """A user who does not exist would be locked out silently."""
    config = write('[[operators]]\nuser = "nosuchuser"\nmay = "look"\n')
    assert engine_ctl(["check", config.path]) == 2
    assert "this machine has no such user" in capsys.readouterr().err
    config = write(TABLES)
    assert engine_ctl(["check", config.path]) == 2
    assert "system.group: missing" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="expected one of look, halt, trade"):
        write('[[operators]]\nuser = "daemon"\nmay = "everything"\n')
