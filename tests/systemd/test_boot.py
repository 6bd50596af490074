"""Units of systemd/ in a Debian that boots: the commands of its README, deaths, freezes, restarts and stops.

The audit compares the journal with the log of a venue that runs as a unit of its own, so it outlives every restart.
CI runs one test of this file, `make soak` runs all, both only where root and the packages are there.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.config.paths import Paths
from engine.demo.audit import compare, gains, read_ledger, read_ours, read_truth
from engine.feed.instruments.instruments import load_instruments
from engine.model.words import DONE_STATES
from tests.engine.floor import ACCOUNT, until
from tests.systemd.box import Box, missing, unobtainable, wheels

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "systemd" / "README.md").read_text()
EXPOSURE_MOST = 3.0
SYSTEM, UNIT = "floor", "steelyard@floor"
STATE = f"/var/lib/steelyard/{SYSTEM}"
VENUE = (
    f"systemd-run --unit=venue --property=Before={UNIT}.service"  # so it stops after the system
    " --uid=steelyard --gid=steelyard --property=UMask=0077 --working-directory=/etc/steelyard"
    " /opt/steelyard/bin/python -m engine.loopback.server --port 9710 --config /etc/steelyard/venue.toml"
    f" --truth {STATE}/venue-truth.log --ed25519 {STATE}/demo.pem"
)
ROLES = ("feed", "aggregation", "execution", "maker", "taker")
STRATEGIES = (1, 2)
COMPARED = 20  # orders, at least
WATCHDOG_S, ABORT_S, RESTART_S = 10, 2, 1  # of the unit


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A booted Debian with the wheels in /srv/files."""
    if reason := unobtainable():
        pytest.skip(reason)
    made = Box(wheels(tmp_path_factory.mktemp("files")))
    yield made
    made.shut_down()


@pytest.fixture(scope="module")
def installed(box: Box) -> str:
    """The box after every command of the README; the commands' output."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return box.type("set -x\n" + "".join(blocks))


class System:
    """A system whose venue is a unit of its own."""

    def __init__(self, box: Box) -> None:
        """Start both units."""
        self.box = box
        text = (ROOT / "configs" / "demo.toml").read_text().replace('name = "demo"', f'name = "{SYSTEM}"')
        venue = re.search(r'\[\[processes\]\]\nname = "venue"\n.*?ready_line = true\n', text, re.DOTALL)
        assert venue is not None
        box.path(f"/etc/steelyard/{SYSTEM}.toml").write_text(text.replace(venue[0], ""))
        box.type(f"chmod 644 /etc/steelyard/*; install -d -m 700 -o steelyard -g steelyard {STATE}")
        box.type(VENUE)
        box.type(f"until test -e {STATE}/demo.pem; do sleep 0.1; done; systemctl start {UNIT}")

    def show(self, name: str) -> str:
        """A property of the unit."""
        return self.box.type(f"systemctl show --value -p {name} {UNIT}").strip()

    def ctl(self, words: str) -> str:
        """An operator's command."""
        return self.box.type(f"runuser -u steelyard -- engine-ctl {words} --system /run/steelyard/{SYSTEM}")

    def status(self) -> dict[str, Any]:
        """What the supervisor answers; empty when it does not answer."""
        text = self.box.type(
            f"runuser -u steelyard -- engine-ctl status --json --system /run/steelyard/{SYSTEM}", check=False
        )
        try:
            found: dict[str, Any] | None = msgspec.json.decode(text)["data"]
        except msgspec.DecodeError:
            return {}
        return found or {}

    def pids(self) -> dict[str, int]:
        """The pid of each process in the box."""
        return {one["name"]: one["pid"] for one in self.status().get("processes", [])}

    def kill(self, signal: str, *pids: int) -> None:
        """Signal processes of the box."""
        self.box.type(f"kill -{signal} {' '.join(map(str, pids))}")

    def truth(self) -> Path:
        """The venue's log."""
        return self.box.path(f"{STATE}/venue-truth.log")

    def accepted(self) -> int:
        """How many orders of the system the venue has accepted."""
        return self.truth().read_bytes().count(b'"accepted"')

    def trades(self) -> bool:
        """Wait until the venue has accepted further orders."""
        before = self.accepted()
        return bool(until(lambda: self.accepted() > before + 3))

    def is_up(self) -> bool:
        """Whether every process runs."""
        processes = self.status().get("processes", [])
        return bool(processes) and all(one["phase"] == "running" for one in processes)

    def differences(self) -> tuple[list[str], int]:
        """The audit's findings, and how many orders are open at the venue."""
        state = Paths(Path(), self.box.path(STATE))
        kept = load_instruments(str(state.instruments.with_suffix(".binance.json")))
        assert kept is not None
        known = {one.id: one for one in kept.instruments}
        truth = read_truth(self.truth(), ACCOUNT)
        ours = read_ours(state.journal(), known)
        ours.gained = gains(read_ledger(state.journal(), known, STRATEGIES), ours.apart)
        assert len(truth.orders) >= COMPARED, "too few orders to compare"
        open_orders = [one for one, (end, _) in truth.orders.items() if end not in DONE_STATES]
        return [one.text for one in compare(ours, truth)], len(open_orders)


@pytest.fixture
def system(box: Box, installed: str) -> Iterator[System]:
    """A trading system, removed after the test."""
    assert installed
    made = System(box)
    yield made
    box.type(f"systemctl stop {UNIT} venue; systemctl reset-failed; rm -rf {STATE}", check=False)


@pytest.mark.soak
def test_the_readme_leads_from_a_bare_debian_to_a_stopped_system(installed: str, box: Box) -> None:
    """A command that fails ends the script: every one was executed, in the order of the page."""
    assert "trading, supervisor" in installed
    assert '"STEELYARD_PROCESS":"execution"' in installed
    exposure = re.search(r"Overall exposure level for steelyard@demo.service: ([\d.]+)", installed)
    assert exposure is not None
    assert float(exposure[1]) <= EXPOSURE_MOST
    assert box.type("systemctl show --value -p Result steelyard@demo").strip() == "success"
    assert "steelyard.demo." not in box.type("ls /dev/shm")


def test_a_unit_trades_on_after_the_death_of_execution_and_stops_without_an_open_order(system: System) -> None:
    """The page's commands, a kill -9, a stop: the share of this file that is short enough for every change."""
    before = system.pids()["execution"]
    system.kill("KILL", before)
    until(lambda: system.is_up() and system.pids()["execution"] != before)
    until(lambda: system.accepted() > COMPARED)
    system.box.type(f"systemctl stop {UNIT}")
    assert system.show("Result") == "success"
    assert system.differences() == ([], 0)


@pytest.mark.soak
def test_a_system_trades_through_deaths_freezes_and_restarts_and_stops_without_an_open_order(system: System) -> None:
    """The promise of the whole: whatever ends, no order is lost, doubled or left."""
    for name in ROLES:
        before = system.pids()[name]
        system.kill("KILL", before)
        until(lambda name=name, before=before: system.is_up() and system.pids()[name] != before)
        system.trades()
    frozen = system.pids()["execution"]
    system.kill("STOP", frozen)
    until(lambda: system.is_up() and system.pids()["execution"] != frozen)
    system.trades()
    system.kill("KILL", system.status()["pid"])
    until(system.is_up)
    assert system.show("NRestarts") == "0"
    system.box.type(f"systemctl restart {UNIT}")
    assert system.is_up()
    system.trades()
    system.box.type(f"systemctl stop {UNIT}")
    assert system.show("Result") == "success"
    assert system.differences() == ([], 0)
    assert f"steelyard.{SYSTEM}." not in system.box.type("ls /dev/shm")


@pytest.mark.soak
@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_a_guard_that_dies_or_freezes_is_replaced_and_the_roles_trade_on(system: System, signal: str) -> None:
    """A guard needs a guard, and it is systemd: the unit starts again, and nothing that trades is touched."""
    roles, guard = system.pids(), system.show("MainPID")
    system.kill(signal, int(guard))
    until(lambda: system.show("MainPID") not in (guard, "0") and system.status().get("guard"))
    assert system.pids() == roles
    system.trades()
    system.box.type(f"systemctl stop {UNIT}")
    assert system.differences() == ([], 0)


@pytest.mark.soak
def test_a_frozen_guard_with_a_frozen_supervisor_is_replaced_by_the_watchdog(system: System) -> None:
    """No process of the engine is left that could notice it."""
    before = system.status()
    roles, guard = system.pids(), system.show("MainPID")
    system.kill("STOP", int(guard), before["pid"])
    until(lambda: system.show("MainPID") not in (guard, "0"))
    until(lambda: system.status().get("pid", before["pid"]) != before["pid"])
    until(system.is_up)
    assert system.pids() == roles
    log = system.box.type(f"journalctl --no-pager -o short-monotonic -u {UNIT}")
    assert f"Watchdog timeout (limit {WATCHDOG_S}s)" in log
    system.trades()
    system.box.type(f"systemctl stop {UNIT}")
    assert system.differences() == ([], 0)


@pytest.mark.soak
def test_a_guard_that_cannot_come_back_leaves_no_order(system: System) -> None:
    """The file became wrong while it traded: without a guard the next death would be final, so the system stops."""
    system.trades()
    system.box.type(f"echo 'wrong' >> /etc/steelyard/{SYSTEM}.toml")
    system.kill("KILL", int(system.show("MainPID")))
    until(lambda: system.show("ActiveState") == "failed")
    until(
        lambda: system.box.type(f"systemctl show --value -p ActiveState steelyard-down@{SYSTEM}").strip() == "inactive"
    )
    until(lambda: not system.box.path(f"/run/steelyard/{SYSTEM}/system.json").exists())
    assert system.differences() == ([], 0)


@pytest.mark.soak
def test_a_process_that_is_not_brought_back_restarts_the_unit_within_the_watchdog(system: System) -> None:
    """A unit that is active must be a system that works, or one that systemd is restarting."""
    system.box.type(f"systemctl stop {UNIT}")
    file = system.box.path(f"/etc/steelyard/{SYSTEM}.toml")
    file.write_text(
        file.read_text() + "[watch]\nrestart_limit_ms = 1000\nslow_retry_ms = 1000\ndeath_limit = 1000000\n"
    )
    system.box.type(f"systemctl start {UNIT}")
    guard, pids, sound = system.show("MainPID"), system.pids(), file.read_text()
    file.write_text(sound + "[feed]\nno_such_key = 1\n")  # read by a feed that starts
    system.kill("KILL", pids["feed"])
    until(lambda: system.show("MainPID") not in (guard, "0"))
    file.write_text(sound)
    until(system.is_up)
    assert system.pids()["execution"] == pids["execution"]
    assert "Watchdog timeout" in system.box.type(f"journalctl --no-pager -u {UNIT}")


@pytest.mark.soak
def test_a_process_that_systemd_supervises_is_adopted_and_started_again(system: System) -> None:
    """The supervisor of the system and the service manager must not both start it."""
    system.box.type(f"systemctl stop {UNIT}")
    file = system.box.path(f"/etc/steelyard/{SYSTEM}.toml")
    mine = 'name = "feed"\nroles = ["feed"]\n'
    assert mine in file.read_text()
    file.write_text(file.read_text().replace(mine, f'{mine}started_by = "systemd"\n'))
    role = f"steelyard-role@{SYSTEM}-feed"
    system.box.type(f"systemctl start {role} {UNIT}")
    before = system.pids()["feed"]
    assert system.box.type(f"systemctl show --value -p MainPID {role}").strip() == str(before)
    system.kill("KILL", before)
    until(lambda: system.is_up() and system.pids()["feed"] != before)
    system.trades()
    system.box.type(f"systemctl stop {UNIT} {role}")
    assert system.differences() == ([], 0)


@pytest.mark.soak
def test_a_reboot_leaves_no_open_order(system: System) -> None:
    """The machine stops every unit: each stop is an `engine-ctl down`."""
    system.trades()
    system.box.type("systemctl isolate --no-block rescue.target")
    until(lambda: system.show("ActiveState") == "inactive")
    assert system.differences() == ([], 0)
