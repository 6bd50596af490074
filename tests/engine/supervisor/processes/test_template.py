"""The template and its forks, by what the kernel shows of them: real supervisors, real roles, real signals."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import Secret, Venue
from engine.supervisor.processes.table import EXIT_UNKNOWN
from engine.supervisor.processes.template import can_fork, modules_of, template_environment
from tests.engine.conftest import Write
from tests.engine.floor import Floor, until
from tests.engine.supervisor.house import House, gone


def read(pid: int, name: str) -> str:
    """A file of /proc/PID; nothing when the process has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def parent(pid: int) -> int:
    """The parent's pid; 0 when the process has ended."""
    words = read(pid, "stat").rpartition(")")[2].split()
    return int(words[1]) if words and words[0] != "Z" else 0


def children(pid: int) -> list[int]:
    """The pids of a process's living children."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [one for one in pids if parent(one) == pid]


def title(pid: int) -> str:
    """What `ps` shows of a process."""
    return read(pid, "cmdline").strip()


def open_files(pid: int) -> set[str]:
    """What a process's descriptors lead to, sockets and pipes without their numbers."""
    return {os.readlink(entry).partition(":[")[0] for entry in Path(f"/proc/{pid}/fd").iterdir()}


def templates(supervisor: int, system: str) -> list[int]:
    """The templates of a supervisor, without its spares: these have left the template's session."""
    found = [pid for pid in children(supervisor) if title(pid) == f"steelyard {system} template"]
    return [pid for pid in found if os.getsid(pid) == pid]


def template_of(house: House) -> int:
    """The house's template, when it has one."""
    assert house.supervisor is not None
    return int(until(lambda: templates(house.supervisor.pid, house.config.system.name))[0])  # type: ignore[union-attr]


def test_the_template_has_nothing_that_a_fork_must_not_inherit(floor: Callable[..., Floor]) -> None:
    """A lock, a thread, a key or a writable lane of the template would be in every process of the system."""
    system = floor()
    system.up()
    supervisor = int(system.status()["pid"])
    [template] = templates(supervisor, system.system)
    assert len(os.listdir(f"/proc/{template}/task")) == 1
    assert open_files(template) == {"/dev/null", str(system.paths.log("supervisor")), "socket"}
    assert "STEELYARD_LOOPBACK_KEY" not in read(template, "environ")
    assert "/dev/shm/" not in read(template, "maps")
    assert f" {template} " not in Path("/proc/locks").read_text()
    for name in ("feed", "aggregation", "execution", "maker", "taker"):
        pid = system.pid(name)
        assert (parent(pid), title(pid)) == (supervisor, f"steelyard {system.system} {name}")
        assert os.getsid(pid) == pid
        assert f"STEELYARD_SYSTEM={system.system} STEELYARD_PROCESS={name} " in read(pid, "environ")
        assert {str(system.paths.run / f"{name}.out"), str(system.paths.log(name))} <= open_files(pid)
        assert str(system.paths.log("supervisor")) not in open_files(pid)
    assert system.type("down") == 0
    gone(template)


def test_a_template_that_dies_or_freezes_is_replaced_and_roles_restart_meanwhile(house: House) -> None:
    """The fast way may fail, a restart may not."""
    house.up()
    for number in (signal.SIGKILL, signal.SIGSTOP):
        template = template_of(house)
        os.kill(template, number)
        for _ in range(3):  # the first two may still get a spare
            victim = house.pid("alpha")
            os.kill(victim, signal.SIGKILL)
            until(lambda: house.pid("alpha") not in (0, victim) and house.all_run())  # noqa: B023 - awaited here
            assert house.of("alpha")["exit_code"] == -signal.SIGKILL
        until(lambda: template_of(house) != template)  # noqa: B023
        gone(template)
    assert house.down() == 0


def test_a_killed_supervisor_leaves_no_template_and_no_spare(house: House) -> None:
    """They would hold memory for ever, and the next supervisor would find processes that no file names."""
    house.up()
    assert house.supervisor is not None
    template = template_of(house)
    roles = {house.pid("alpha"), house.pid("beta")}
    spares = [pid for pid in children(house.supervisor.pid) if pid not in {template, *roles}]
    house.kill_supervisor()
    for pid in (template, *spares):
        gone(pid)
    assert all(map(parent, roles))
    house.up()
    assert {house.pid("alpha"), house.pid("beta")} == roles
    assert house.of("alpha")["adopted"]
    os.kill(house.pid("alpha"), signal.SIGKILL)
    until(lambda: house.of("alpha")["exit_code"] == EXIT_UNKNOWN and house.all_run())
    assert house.down() == 0


def test_an_authors_edited_file_is_loaded_at_the_next_start(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A strategy is changed and restarted all day; the engine is not."""
    source = Path(__file__).parent.parent / "tiny_role.py"
    (tmp_path / "edited").mkdir()
    edited = tmp_path / "edited" / "tiny_role.py"
    edited.write_text(source.read_text())
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(edited.parent), os.environ["PYTHONPATH"]]))
    house.up()
    edited.write_text(source.read_text() + "\nraise SystemExit(43)\n")
    os.kill(house.pid("alpha"), signal.SIGKILL)
    until(lambda: house.of("alpha")["exit_code"] == 43)
    edited.write_text(source.read_text())
    until(house.all_run)


def test_no_descendant_of_a_dead_role_stays_a_zombie(house: House, write: Write) -> None:
    """A supervisor is the parent of everything that its roles leave: it must collect it."""
    shell = "import subprocess, sys; subprocess.Popen(['sleep', '0.01']); print('{}', flush=True); sys.exit(0)"
    text = f'[[processes]]\nname = "leaver"\ncommand = ["{{python}}", "-c", "{shell}"]\n'
    roles = "".join(f'[[processes]]\nname = "{name}"\nroles = ["{name}"]\n' for name in ("alpha", "beta"))
    house.config = write(text + roles, watch="death_limit = 100\nbackoff_cap_ms = 10")
    house.begin()
    until(house.status)
    until(lambda: house.of("leaver").get("deaths", 0) > 5)
    until(lambda: not zombies(house))


def zombies(house: House) -> list[int]:
    """The pids of the supervisor's dead children named sleep."""
    assert house.supervisor is not None
    found = []
    for entry in Path("/proc").iterdir():
        words = read(int(entry.name), "stat").split() if entry.name.isdigit() else []
        if words and words[1] == "(sleep)" and words[2] == "Z" and int(words[3]) == house.supervisor.pid:
            found.append(int(entry.name))
    return found


def test_the_templates_environment_has_no_key_and_one_thread(write: Write) -> None:
    """A key is given only to the process whose configuration has it."""
    config = write()
    venue = Venue(name="v", kind="binance", api_key=Secret(env="MY_KEY"), private_key=Secret(file="/k"))
    alerts = {"targets": [{"token": {"env": "MY_TOKEN"}}]}  # a table that an upper layer checks
    config = type(config)(system=config.system, venues=(venue,), execution=alerts)
    made = template_environment(
        config, {"MY_KEY": "secret", "MY_TOKEN": "secret", "PATH": "/bin", "OMP_NUM_THREADS": "8"}
    )
    assert "secret" not in made.values()
    assert (made["PATH"], made["OMP_NUM_THREADS"], made["OPENBLAS_NUM_THREADS"]) == ("/bin", "1", "1")


@pytest.mark.parametrize(("name", "forked"), [("MY_KEY", True), ("OMP_NUM_THREADS", False), ("PYTHONPATH", False)])
def test_a_process_with_a_variable_that_is_read_at_exec_is_executed(name: str, forked: bool) -> None:
    """In a forked process such a variable would have no effect, without a word."""
    assert can_fork({name: "4"}) is forked


def test_no_module_of_an_author_is_imported_before_the_fork(write: Write) -> None:
    """It could start a thread, and an edit of it would never be read."""
    config = write(
        '[[strategies]]\nname = "s"\nid = 1\nclass = "mine:S"\ninstruments = [1]\n'
        '[[venues]]\nname = "v"\nkind = "binance"\n[[instruments]]\nid = 1\nvenue = "v"\nsymbol = "A"\n'
    )
    found = modules_of(config)
    assert {"engine.execution", "engine.feed", "engine.strategy"} <= set(found)
    assert all(name.startswith("engine.") for name in found)
