"""Each kind of target against a real server of the test: what arrives, what fails and how, and what no error shows."""

import subprocess
import sys
import threading
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from engine.alerts import senders_of
from engine.alerts.outbox import Failed, Outcome, Sent
from engine.alerts.targets import KINDS, Target, targets_of
from engine.config import load
from tests.engine.alerts.endpoints import Endpoint
from tests.engine.alerts.made import message
from tests.engine.alerts.mail_server import MailServer
from tests.engine.ports import free_port

TOKEN = "7110:AAFsecret-token_of_a_bot"  # noqa: S105 - of no bot
HEAD = '[system]\nname = "made"\n[alerts]\n'


def made(place: Path, table: str, name: str = "hook") -> Target:
    """The target of a table."""
    (place / "made.toml").write_text(f'{HEAD}[[alerts.targets]]\nname = "{name}"\n{table}')
    return targets_of(load(place / "made.toml"))[name]


def webhook(place: Path, url: str) -> Target:
    """A webhook."""
    return made(place, f'kind = "webhook"\nurl = "{url}"\n')


def telegram(place: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A bot whose API is the endpoint."""
    monkeypatch.setenv("BOT", TOKEN)
    api = f"http://127.0.0.1:{endpoint.port}"
    return made(place, f'kind = "telegram"\ntoken = {{ env = "BOT" }}\nchat = 42\napi_url = "{api}"\n')


def failure(outcome: Outcome) -> Failed:
    """An outcome that is a failure."""
    assert isinstance(outcome, Failed), outcome
    return outcome


def test_a_webhook_gets_the_message_as_json(tmp_path: Path, endpoint: Endpoint) -> None:
    """Programs read the fields, people and Slack the text."""
    assert webhook(tmp_path, endpoint.url).send(message(count=3, own=3)) == Sent()
    (tree,) = endpoint.trees()
    assert (tree["id"], tree["cause"], tree["state"], tree["count"]) == ("made-1", "halted", "begin", 3)
    assert tree["text"].startswith(
        "[made paper] CRITICAL halted: system\nThe system is halted.\n3 times since 2023-11-14"
    )
    assert tree["text"].endswith("To do: resume")


def test_a_bot_sends_plain_text_to_its_chat(
    tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A symbol like A_B must not be read as markup."""
    target = telegram(tmp_path, endpoint, monkeypatch)
    target.check()
    assert target.send(message()) == Sent()
    path, tree, _ = endpoint.requests[0]
    assert path == f"/bot{TOKEN}/sendMessage"
    assert tree["chat_id"] == 42
    assert "The system is halted." in tree["text"]
    assert "parse_mode" not in tree


def test_apprise_sends_by_its_own_services(tmp_path: Path, endpoint: Endpoint) -> None:
    """The extra is imported only here: the other tests run without it."""
    pytest.importorskip("apprise", reason="the extra alerts is not installed")
    target = made(tmp_path, f'kind = "apprise"\nurl = "json://127.0.0.1:{endpoint.port}/hook"\n')
    target.check()
    assert target.send(message()) == Sent()
    assert endpoint.requests[0][1]["title"] == "[made paper] CRITICAL halted: system"
    endpoint.status = 500
    assert "apprise -vv" in failure(target.send(message())).error


def test_no_other_target_imports_apprise() -> None:
    """An extra that is imported always is no extra."""
    code = "import sys, engine.alerts, engine.cli.alerts; sys.exit('apprise' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 503])
def test_any_other_answer_than_success_is_a_failure(tmp_path: Path, endpoint: Endpoint, status: int) -> None:
    """A message that was answered like this has not reached a person."""
    endpoint.status, endpoint.body = status, b"try later"
    error = failure(webhook(tmp_path, endpoint.url).send(message())).error
    assert error == f"http://127.0.0.1:{endpoint.port} answered {status}: try later"


def test_the_pause_that_an_endpoint_asks_for_is_read(
    tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In seconds, as a date, and as Telegram writes it."""
    endpoint.status, endpoint.headers = 429, {"Retry-After": "17"}
    assert failure(webhook(tmp_path, endpoint.url).send(message())).retry_after_s == 17.0
    until_s = int(time.time()) + 3600
    endpoint.headers = {"Retry-After": formatdate(until_s, usegmt=True)}
    pause_s = failure(webhook(tmp_path, endpoint.url).send(message())).retry_after_s
    assert until_s - time.time() <= pause_s <= 3600
    endpoint.headers = {"Retry-After": "soon"}
    assert failure(webhook(tmp_path, endpoint.url).send(message())).retry_after_s == 0.0
    endpoint.headers, endpoint.body = {}, b'{"ok": false, "error_code": 429, "parameters": {"retry_after": 35}}'
    assert failure(telegram(tmp_path, endpoint, monkeypatch).send(message())).retry_after_s == 35.0


def test_an_endpoint_that_does_not_listen_is_a_failure(tmp_path: Path) -> None:
    """Without an exception that ends the thread."""
    port = free_port()
    assert "ConnectionRefusedError" in failure(webhook(tmp_path, f"http://127.0.0.1:{port}/x").send(message())).error


def test_an_answer_that_is_no_http_is_a_failure(tmp_path: Path, post: MailServer) -> None:
    """The port of another service is a common slip."""
    error = failure(webhook(tmp_path, f"http://127.0.0.1:{post.port}/secret-path").send(message())).error
    assert error.endswith("the answer is no HTTP")
    assert "secret-path" not in error


def test_a_call_that_hangs_ends_when_it_is_aborted(tmp_path: Path, endpoint: Endpoint) -> None:
    """A thread cannot be killed: closing its connection is what ends it."""
    endpoint.delay_s = 60.0
    target, done = webhook(tmp_path, endpoint.url), []
    thread = threading.Thread(target=lambda: done.append(target.send(message())), daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while thread.is_alive() and time.monotonic() < deadline:
        target.abort()
        thread.join(0.02)
    assert [type(one) for one in done] == [Failed]


@pytest.mark.parametrize("answer", [b"", b"bad token " + TOKEN.encode()])
def test_no_error_holds_a_token(
    tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """Errors are logged and shown on screens."""
    target = telegram(tmp_path, endpoint, monkeypatch)
    endpoint.status, endpoint.body = 401, answer
    texts = [failure(target.send(message())).error]
    endpoint.close()
    texts.append(failure(target.send(message())).error)
    assert not [text for text in texts if TOKEN in text or "AAF" in text]


def test_a_secret_is_read_at_each_attempt(tmp_path: Path, endpoint: Endpoint) -> None:
    """A token can be changed without a restart, and one that is missing keeps no role from starting."""
    secret = tmp_path / "hook"
    target = made(tmp_path, f'kind = "webhook"\nurl = {{ file = "{secret}" }}\n')
    assert "No such file" in failure(target.send(message())).error
    secret.touch(0o600)
    secret.write_text(endpoint.url)
    assert target.send(message()) == Sent()
    secret.chmod(0o644)
    assert "can be read by every user" in failure(target.send(message())).error


@pytest.mark.parametrize(
    ("table", "error"),
    [
        (
            'kind = "webhok"\nurl = "x"',
            "targets[0].kind = 'webhok': unknown kind; did you mean webhook? expected one of",
        ),
        ('kind = "webhook"\nulr = "x"', "targets[0].ulr: unknown key; did you mean url? expected one of"),
        ('kind = "webhook"', "targets[0]: object missing required field `url`"),
        ('kind = "telegram"\ntoken = "text"\nchat = 1', "targets[0].token: expected `object`, got `str`"),
        (
            'kind = "mail"\nhost = "h"\nfrom = "a@b"\nto = ["a@b,c@d"]',
            "targets[0].to[0]: expected `str` matching regex",
        ),
        ('kind = "webhook"\nurl = "x"\nleast = "loud"', "targets[0].least: invalid enum value 'loud'"),
        ('url = "x"', "targets[0].kind: missing, expected one of webhook, telegram, mail, apprise"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(tmp_path: Path, table: str, error: str) -> None:
    """A target that is misspelt is noticed before the night in which it is needed."""
    with pytest.raises(ValueError, match=r"targets") as refused:
        made(tmp_path, f"{table}\n")
    assert str(refused.value).startswith(error)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("ftp://x.example/y", "begins with ftp://, expected https://"),
        ("hooks.example/y", "begins with no scheme"),
        ("http://hooks.example/open-sesame", "http:// to hooks.example is readable on the way"),
        ("https://hooks.example:port/y", "port of the URL to hooks.example is no number"),
    ],
)
def test_a_url_that_cannot_work_is_refused_without_its_path(tmp_path: Path, url: str, error: str) -> None:
    """The path of a webhook is its secret."""
    target = webhook(tmp_path, url)
    with pytest.raises(ValueError, match=r"URL|readable") as refused:
        target.check()
    assert error in str(refused.value)
    assert "open-sesame" not in str(refused.value)
    assert error in failure(target.send(message())).error


def test_the_outside_heartbeat_is_a_request_without_a_message(tmp_path: Path, endpoint: Endpoint) -> None:
    """What the service outside gets holds nothing of the system."""
    (tmp_path / "made.toml").write_text(f'{HEAD}heartbeat_url = "{endpoint.url}"\n')
    config = load(tmp_path / "made.toml")
    (sender,) = senders_of(config, targets_of(config)).values()
    assert sender.send(message()) == Sent()
    assert endpoint.requests[0][:2] == ("/hooks/open-sesame", {})


def test_every_kind_is_described_in_the_document() -> None:
    """A kind that is not described is not used."""
    text = (Path(__file__).resolve().parents[3] / "docs" / "alerts.md").read_text()
    assert [kind for kind in KINDS if f'kind = "{kind}"' not in text] == []
