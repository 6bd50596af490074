"""`engine-ctl alert test` and what `engine-ctl check` refuses in [alerts]."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.alerts.store import FILE, FileStore, Stored
from engine.cli import main as engine_ctl
from tests.engine.alerts.endpoints import Endpoint
from tests.engine.answers import data_of

HEAD = '[system]\nname = "{name}"\nmode = "replay"\n[roles]\nalpha = "tiny_role:build"\n[alerts]\n'


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An HTTP endpoint."""
    one = Endpoint()
    yield one
    one.close()


@pytest.fixture
def file(tmp_path: Path, system: str, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system's file with two webhooks and an outside heartbeat."""
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("HOOK", endpoint.url)
    text = HEAD.format(name=system) + f'heartbeat_url = "{endpoint.url}"\n'
    for name in ("phone", "team"):
        text += f'[[alerts.targets]]\nname = "{name}"\nkind = "webhook"\nurl = {{ env = "HOOK" }}\n'
    path = tmp_path / "system.toml"
    path.write_text(text)
    return path


def test_a_test_message_goes_through_each_target(
    file: Path, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator tests the targets before the night in which they are needed."""
    assert engine_ctl(["alert", "test", "--config", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" (")[0] for line in lines] == ["phone: sent", "team: sent", "heartbeat: sent"]
    assert sorted(tree["subject"] for tree in endpoint.trees("test")) == ["phone", "team"]
    assert "Nothing has happened." in endpoint.trees("test")[0]["text"]
    assert len(endpoint.requests) == 3


def test_a_target_that_fails_is_named_and_the_exit_code_is_1(
    file: Path, endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script checks the targets each week by the exit code."""
    endpoint.status, endpoint.body = 401, b"bad key"
    assert engine_ctl(["alert", "test", "--config", str(file), "--target", "team", "--json"]) == 1
    tree = data_of(capsys.readouterr().out)
    (found,) = tree["targets"]
    assert (found["target"], found["sent"]) == ("team", False)
    assert found["error"] == f"http://127.0.0.1:{endpoint.port} answered 401: bad key"


def test_the_heartbeat_is_tested_alone_by_its_name(file: Path, endpoint: Endpoint) -> None:
    """Its service shows whether the request arrived."""
    assert engine_ctl(["alert", "test", "--config", str(file), "--target", "heartbeat"]) == 0
    assert [tree for _, tree, _ in endpoint.requests] == [{}]


def test_the_file_of_the_last_run_is_used_while_the_system_is_down(
    file: Path, tmp_path: Path, system: str, endpoint: Endpoint
) -> None:
    """After `down` an operator need not search for the file."""
    state = tmp_path / "state" / system
    (state / "journal").mkdir(parents=True)
    FileStore(state / FILE).write(Stored(config=str(file)))
    assert engine_ctl(["alert", "test", "--system", system]) == 0
    assert len(endpoint.trees("test")) == 2


def test_without_a_known_file_the_command_says_what_to_do(
    file: Path, tmp_path: Path, system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A system that never ran with alerts has left no name."""
    (tmp_path / "state" / system / "journal").mkdir(parents=True)
    assert file.exists()
    assert engine_ctl(["alert", "test", "--system", system]) == 3
    assert "name the file with --config FILE" in capsys.readouterr().err


def test_an_unknown_target_is_refused_with_the_known_ones(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name must not test nothing."""
    assert engine_ctl(["alert", "test", "--config", str(file), "--target", "fone"]) == 3
    assert "no target 'fone', expected one of phone, team, heartbeat" in capsys.readouterr().err


def test_check_accepts_a_right_table(file: Path) -> None:
    """What check accepts, the role accepts."""
    assert engine_ctl(["check", str(file)]) == 0


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (
            'kind = "webhook"',
            'kind = "webhok"',
            "alerts: targets[0].kind = 'webhok': unknown kind; did you mean webhook",
        ),
        ('name = "team"', 'name = "phone"', "alerts: targets.name = 'phone': expected a unique name, found it 2 times"),
        ('env = "HOOK"', 'env = "NONE_OF_IT"', "alerts: target phone: the environment variable NONE_OF_IT is not set"),
        ('heartbeat_url = "http', 'heartbeat_url = "gopher', "alerts: heartbeat_url: the URL begins with gopher://"),
        ("heartbeat_url", "heartbeat_ulr", "alerts.heartbeat_ulr"),
    ],
)
def test_check_refuses_a_wrong_table(
    file: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, error: str
) -> None:
    """The line names the key, the value and what was expected."""
    file.write_text(file.read_text().replace(old, new))
    assert engine_ctl(["check", str(file)]) == 2
    printed = capsys.readouterr().err
    assert error in printed
