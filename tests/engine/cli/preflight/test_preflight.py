"""Every check of preflight, once with what makes it ok and once with what makes it warn or fail.

The machine is a directory of files with given readings; the venue is the embedded one, asked without a socket.
"""

import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.cli import main as engine_ctl
from engine.cli.preflight import command, registry
from engine.cli.preflight.clock import OFFSET_NS_MOST
from engine.cli.preflight.cores import PAUSE_NS_MOST
from engine.cli.preflight.machine import ClockState, Machine, clock_state, cores_in, longest_pause_ns
from engine.cli.preflight.network import RealNetwork
from engine.cli.preflight.registry import CHECKS, Finding, Grade, Subject
from engine.config import Config, load
from engine.config.tables import Dashboard, Metrics
from engine.loopback.binance.keys import Key
from engine.venues.port import Response
from tests.engine.answers import data_of
from tests.engine.floor import CONFIGS
from tests.engine.loopback.binance.wire import ED_KEY, PRIVATE_PEM, PUBLIC_PEM, START_NS, Wire
from tests.engine.ports import free_port

NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
LIVE = {"system": {"mode": "live"}, "live": {"armed": True}}


class WireNetwork:
    """The embedded venue's REST answers; each takes `half_ns` there and as long back."""

    def __init__(self, wire: Wire, half_ns: int = 1_000_000) -> None:
        """Ask this venue."""
        self.wire, self.half_ns = wire, half_ns

    def get(self, url: str, target: str, headers: dict[str, str]) -> tuple[Response, int, int]:
        """The venue's answer."""
        del url
        status, fields, body = self.wire.venue.rest("GET", target, headers, b"", self.wire.now_ns)
        return Response(1, status, fields, body), 0, 2 * self.half_ns


class NoNetwork:
    """A network without a way out."""

    def get(self, url: str, target: str, headers: dict[str, str]) -> tuple[Response, int, int]:
        """No answer."""
        del url, target, headers
        return Response(1, 0, {}, b"", "not sent: no route"), 0, 0


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The demo, with the wire's key in private files."""
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    pem = tmp_path / "key.pem"
    pem.write_bytes(PRIVATE_PEM)
    pem.chmod(0o600)
    text = (CONFIGS / "demo.toml").read_text().replace('file = "{state}/demo.pem"', f'file = "{pem}"')
    text = text.replace("SteelyardLoopbackEngineKey".ljust(64, "0"), ED_KEY)
    file = tmp_path / "demo.toml"
    file.write_text(text)
    return load(file)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that lacks nothing: its files below a directory, and its readings."""
    root = tmp_path / "root"
    files = {
        "sys/devices/system/cpu/online": "0-7", "sys/devices/system/cpu/isolated": "2-3",
        "sys/devices/system/cpu/nohz_full": "2-3", "sys/kernel/realtime": "1",
        "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
        **{f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor": "performance" for core in range(8)},
    }  # fmt: skip
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "dev" / "shm").mkdir(parents=True)
    (root / "run" / "systemd" / "system").mkdir(parents=True)
    return Machine(
        root, lambda _: NO_LIMIT, lambda: ClockState(synchronised=True, error_us=500), lambda _: 20_000,
        lambda: START_NS, uid=997, release="6.1",
    )  # fmt: skip


@pytest.fixture
def subject(config: Config, machine: Machine) -> Subject:
    """The demo on a machine that lacks nothing, with its venue."""
    return Subject(config, machine, WireNetwork(Wire()))


def changed(config: Config, **tables: object) -> Config:
    """The configuration with other tables; a table is given by the keys that change."""
    made = {
        name: msgspec.structs.replace(getattr(config, name), **keys)
        if isinstance(keys, dict) and name != "risk"
        else keys
        for name, keys in tables.items()
    }
    return msgspec.structs.replace(config, **made)


def with_config(subject: Subject, **tables: object) -> Subject:
    """The subject with other tables."""
    return replace(subject, config=changed(subject.config, **tables))


def pinned(subject: Subject, *cores: int) -> Subject:
    """The subject with its execution on these cores."""
    moved = tuple(
        msgspec.structs.replace(one, cores=cores) if one.name == "execution" else one
        for one in subject.config.processes
    )
    return with_config(subject, processes=moved)


def found(name: str, subject: Subject) -> list[Finding]:
    """The findings of one check; each that is not ok has a remedy."""
    findings = list(CHECKS[name](subject))
    assert findings
    assert all(bool(one.remedy) == (one.grade is not Grade.OK) for one in findings)
    return findings


def grade(name: str, subject: Subject) -> Grade:
    """The worst grade of one check."""
    return max((one.grade for one in found(name, subject)), key=list(Grade).index)


def test_the_clock_must_be_synchronised(subject: Subject) -> None:
    """A clock that runs away puts requests outside of the receive window, and bars at the wrong time."""
    assert grade("clock", subject) is Grade.OK
    coarse = replace(subject.machine, clock=lambda: ClockState(synchronised=True, error_us=80_000))
    assert grade("clock", replace(subject, machine=coarse)) is Grade.WARN
    free = replace(subject, machine=replace(subject.machine, clock=lambda: ClockState(synchronised=False, error_us=0)))
    assert grade("clock", free) is Grade.WARN
    assert grade("clock", with_config(free, **LIVE)) is Grade.FAIL


@pytest.mark.parametrize(("shift_ns", "expected"), [(0, Grade.OK), (1, Grade.FAIL), (-1, Grade.FAIL)])
def test_the_clock_of_a_venue_must_be_near(subject: Subject, shift_ns: int, expected: Grade) -> None:
    """Half of the round trip is in doubt, so it is no reason to fail."""
    wall_ns = START_NS + shift_ns * (OFFSET_NS_MOST + 4_000_000)
    there = replace(subject, machine=replace(subject.machine, wall_ns=lambda: wall_ns))
    assert grade("venue", there) is expected


def test_a_venue_must_answer(subject: Subject) -> None:
    """A venue of this machine may be a process of the system that has not started yet."""
    assert grade("venue", replace(subject, network=NoNetwork())) is Grade.WARN
    far = tuple(msgspec.structs.replace(one, request_url="https://venue.example") for one in subject.config.venues)
    assert grade("venue", with_config(replace(subject, network=NoNetwork()), venues=far)) is Grade.FAIL
    assert grade("venue", with_config(subject, venues=far)) is Grade.OK


def test_an_answer_of_a_venue_that_is_no_time_fails_the_check(subject: Subject) -> None:
    """A proxy's page of welcome is no venue."""

    class Page(NoNetwork):
        def get(self, url: str, target: str, headers: dict[str, str]) -> tuple[Response, int, int]:
            del url, target, headers
            return Response(1, 200, {}, b"<html>"), 0, 0

    lines = dict(registry.run(replace(subject, network=Page())))
    assert lines["venue"].grade is Grade.FAIL
    assert "cannot be evaluated" in lines["venue"].text


def test_pinned_cores_must_exist_and_be_isolated(subject: Subject) -> None:
    """Another process on the core of execution is a pause of milliseconds."""
    assert grade("cores", subject) is Grade.OK
    assert grade("cores", pinned(subject, 2, 3)) is Grade.OK
    assert [one.grade for one in found("cores", pinned(subject, 3, 4))] == [Grade.WARN, Grade.WARN]
    assert grade("cores", pinned(subject, 8)) is Grade.FAIL


def test_a_governor_that_saves_power_is_found(subject: Subject) -> None:
    """A core at its lowest frequency answers late."""
    assert grade("governor", subject) is Grade.OK
    path = subject.machine.path("/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor")
    path.write_text("powersave")
    assert grade("governor", subject) is Grade.WARN
    assert grade("governor", pinned(subject, 2)) is Grade.OK


def test_a_core_that_pauses_is_found(subject: Subject) -> None:
    """The kernel is named, and judged by what it does."""
    assert "PREEMPT_RT; longest pause on core 2 in" in found("kernel", pinned(subject, 2))[0].text
    slow = replace(subject.machine, pause_ns=lambda _: PAUSE_NS_MOST + 1)
    assert grade("kernel", replace(subject, machine=slow)) is Grade.WARN


def test_the_segments_must_fit(subject: Subject, machine: Machine) -> None:
    """A full /dev/shm is an error in the middle of a start."""
    assert grade("shared memory", subject) is Grade.OK

    class Full(Machine):
        def free(self, path: str) -> int:
            del path
            return 1 << 20

    full = Full(machine.root, machine.limit, machine.clock, machine.pause_ns, machine.wall_ns, machine.uid)
    assert grade("shared memory", replace(subject, machine=full)) is Grade.FAIL


def test_huge_pages_for_everybody_are_found(subject: Subject) -> None:
    """The kernel then merges pages of a process that runs."""
    assert grade("huge pages", subject) is Grade.OK
    subject.machine.path("/sys/kernel/mm/transparent_hugepage/enabled").write_text("[always] madvise never")
    assert grade("huge pages", subject) is Grade.WARN


@pytest.mark.parametrize(("name", "keys"), [("memlock", {"lock_memory": True}), ("rtprio", {"schedule": "fifo:10"})])
def test_limits_that_are_too_low_for_the_file_are_found(subject: Subject, name: str, keys: dict[str, Any]) -> None:
    """The process would not start; on a machine where none asks for it, the limit does not matter."""
    none = replace(subject, machine=replace(subject.machine, limit=lambda _: (0, 0)))
    assert grade(name, none) is Grade.OK
    first, *others = subject.config.processes
    asking = (msgspec.structs.replace(first, **keys), *others)
    assert grade(name, with_config(subject, processes=asking)) is Grade.OK
    assert grade(name, with_config(none, processes=asking)) is Grade.WARN


@pytest.mark.parametrize(
    ("uid", "conf", "expected"),
    [
        (997, "", Grade.OK),
        (54321, "", Grade.WARN),
        (54321, "RemoveIPC=no", Grade.OK),
        (54321, "#RemoveIPC=no", Grade.WARN),
    ],
)
def test_a_user_whose_segments_logind_removes_is_found(subject: Subject, uid: int, conf: str, expected: Grade) -> None:
    """Every ring goes when the operator's last shell is closed."""
    subject.machine.path("/etc/systemd").mkdir(parents=True)
    subject.machine.path("/etc/systemd/logind.conf").write_text(f"[Login]\n{conf}\n")
    assert grade("logind", replace(subject, machine=replace(subject.machine, uid=uid))) is expected


@pytest.mark.parametrize(
    ("mode", "expected"), [(0o600, Grade.OK), (0o640, Grade.OK), (0o604, Grade.FAIL), (0o660, Grade.FAIL)]
)
def test_a_key_that_others_can_read_fails(subject: Subject, tmp_path: Path, mode: int, expected: Grade) -> None:
    """It must count as stolen."""
    (tmp_path / "key.pem").chmod(mode)
    assert grade("key files", subject) is expected


RIGHTS = (
    ({"is_bound": True}, Grade.OK, "known addresses only"),
    ({}, Grade.WARN, "every address"),
    ({"may_trade": False, "is_bound": True}, Grade.FAIL, "may not trade"),
    ({"may_withdraw": True, "is_bound": True}, Grade.FAIL, "CAN WITHDRAW"),
)  # fmt: skip


@pytest.mark.parametrize(("rights", "expected", "text"), RIGHTS)
def test_a_key_that_can_withdraw_fails(subject: Subject, rights: dict[str, bool], expected: Grade, text: str) -> None:
    """The venue itself lists what the key may do."""
    key = replace(Key.ed25519(ED_KEY, "engine", PUBLIC_PEM), **rights)  # type: ignore[arg-type] # each is a bool
    asked = replace(subject, network=WireNetwork(Wire(keys=(key,))))
    [finding] = found("key rights", asked)
    assert finding.grade is expected
    assert text in finding.text


def test_rights_that_cannot_be_read_fail_where_orders_leave(subject: Subject) -> None:
    """Not to know whether a key can withdraw is no answer for real money."""
    unknown = replace(subject, network=WireNetwork(Wire(keys=())))
    assert grade("key rights", unknown) is Grade.WARN
    assert grade("key rights", with_config(unknown, **LIVE)) is Grade.FAIL


def test_the_canceller_needs_a_key_of_its_own(subject: Subject) -> None:
    """A key that is barred for execution's requests is barred for the canceller's too."""
    off = with_config(subject, canceller={"enabled": False})
    assert grade("canceller", off) is Grade.WARN
    assert grade("canceller", with_config(off, **LIVE)) is Grade.FAIL
    on = with_config(subject, canceller={"enabled": True})
    assert grade("canceller", on) is Grade.WARN
    [venue] = on.config.venues
    second = msgspec.structs.replace(venue, cancel_api_key=venue.api_key, cancel_private_key=venue.private_key)
    assert grade("canceller", with_config(on, venues=(second,))) is Grade.OK


def test_a_file_that_no_role_starts_from_fails(subject: Subject) -> None:
    """What `engine-ctl check` finds."""
    assert grade("file", subject) is Grade.OK
    assert grade("file", with_config(subject, risk={"max_positon_usd": 1})) is Grade.FAIL


def test_limits_must_be_chosen_and_fit_each_other(subject: Subject) -> None:
    """A default limit is a number that no person decided."""
    table = {"max_position_usd": 500, "max_order_size_usd": 100, "max_order_rate_per_min": 60}
    assert grade("limits", with_config(subject, risk=table)) is Grade.OK
    assert grade("limits", with_config(subject, risk={})) is Grade.WARN
    assert grade("limits", with_config(subject, risk={}, **LIVE)) is Grade.FAIL
    assert grade("limits", with_config(subject, risk={**table, "max_order_size_usd": 1000})) is Grade.WARN


def test_alerts_must_reach_somebody(subject: Subject, config: Config) -> None:
    """The loss of the whole machine is noticed from outside only."""
    assert grade("alerts", subject) is Grade.WARN
    assert grade("alerts", with_config(subject, **LIVE)) is Grade.FAIL
    text = Path(config.path).read_text() + '[alerts]\n[[alerts.targets]]\nname = "hook"\nkind = "webhook"\n'
    Path(config.path).write_text(text + 'url = "http://127.0.0.1:1/"\n')
    made = load(config.path).alerts
    assert made is not None
    assert grade("alerts", with_config(subject, alerts=made)) is Grade.WARN
    beating = msgspec.structs.replace(made, heartbeat_url="http://127.0.0.1:1/")
    assert grade("alerts", with_config(subject, alerts=beating)) is Grade.OK


def test_what_nobody_can_see_is_warned_of(subject: Subject) -> None:
    """The checklist before trading asks for metrics and a page; a table of each is what makes them."""
    bare = with_config(subject, metrics=None, dashboard=None)
    assert [one.grade for one in CHECKS["monitoring"](bare)] == [Grade.WARN, Grade.WARN]
    whole = with_config(subject, metrics=Metrics(port=0), dashboard=Dashboard(port=9_000))
    found = list(CHECKS["monitoring"](whole))
    assert [one.grade for one in found] == [Grade.OK, Grade.OK]
    assert "127.0.0.1:(any free port)" in found[0].text
    assert "127.0.0.1:9000" in found[1].text


def test_a_strategy_beside_execution_is_warned_of_in_live_mode(subject: Subject) -> None:
    """A hook in an endless loop would keep execution from cancelling."""
    assert grade("placement", subject) is Grade.OK
    together = tuple(
        msgspec.structs.replace(one, roles=("execution", "maker")) if one.name == "execution" else one
        for one in subject.config.processes
        if one.name != "maker"
    )
    assert grade("placement", with_config(subject, processes=together)) is Grade.OK
    live = with_config(subject, processes=together, system={"mode": "live"})
    assert grade("placement", live) is Grade.WARN


def test_a_check_is_one_function(subject: Subject) -> None:
    """Later parts enter with one function each."""
    from tests.engine.cli.preflight import added_check  # noqa: F401 - its import registers the check

    try:
        assert grade("moon", subject) is Grade.WARN
        subject.machine.path("/sys/moon").mkdir(parents=True)
        subject.machine.path("/sys/moon/phase").write_text("new")
        assert dict(registry.run(subject))["moon"] == Finding(Grade.OK, "new")
    finally:
        del CHECKS["moon"]


@pytest.fixture
def silent(config: Config) -> Callable[..., int]:
    """Preflight of the demo with a port that no process listens on."""
    text = Path(config.path).read_text().replace("9710", str(free_port()))

    def run(*words: str) -> int:
        return engine_ctl(["preflight", config.path, *words])

    Path(config.path).write_text(text)
    return run


def test_the_command_prints_a_line_for_each_finding_and_exits_1_on_a_failure(
    silent: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real machine, the real network: what it finds depends on them, its form does not."""
    silent("--json")
    tree = data_of(capsys.readouterr().out)
    assert {one["check"] for one in tree["checks"]} == set(CHECKS)
    assert tree["ok"] + tree["warn"] + tree["fail"] == len(tree["checks"])
    (tmp_path / "key.pem").chmod(0o644)
    assert silent() == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("fail  key files: ") and " → chmod 600" in line for line in lines)
    assert lines[-1].endswith(" fail")


def test_the_readings_of_this_machine_are_read() -> None:
    """The other tests give readings; these are the real ones."""
    assert clock_state().error_us >= 0
    assert 0 < longest_pause_ns(None, 1_000_000) < 60_000_000_000
    assert cores_in(Machine().text("/sys/devices/system/cpu/online"))
    assert cores_in("2-4,8") == {2, 3, 4, 8}
    answer, began_ns, ended_ns = RealNetwork().get(f"http://127.0.0.1:{free_port()}", "/", {})
    assert answer.status == 0
    assert began_ns <= ended_ns


def test_every_file_of_checks_is_imported_by_the_command() -> None:
    """A file that is not imported registers nothing."""
    folder = Path(command.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if "@check(" in path.read_text()} - {"__init__", "registry"}
    assert files == {module.__name__.rpartition(".")[2] for module in command.FILES}
