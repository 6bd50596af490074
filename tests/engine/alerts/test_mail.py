"""E-mail against a real SMTP server of the test: plain text, STARTTLS and TLS, with right and wrong certificates."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509

from bench.wire_server import LOOPBACK, write_certificate
from engine.alerts.message import State
from engine.alerts.outbox import Failed, Sent
from engine.alerts.targets import Target, targets_of
from engine.cli import main as engine_ctl
from engine.config import load
from tests.engine.alerts.house import House
from tests.engine.alerts.made import message
from tests.engine.alerts.mail_server import MailServer
from tests.engine.ports import free_port

PASSWORD = "a-password-of-nothing"  # noqa: S105 - of no account
LOGIN = 'user = "engine"\npassword = { env = "SMTP_PASSWORD" }\n'
ELSEWHERE = x509.DNSName("other.example")
Serve = Callable[[str, Path], MailServer]
encrypted = pytest.mark.parametrize("security", ["starttls", "tls"])


def certificate(place: Path, host: x509.GeneralName = LOOPBACK, age_days: int = 1) -> Path:
    """A new folder with a certificate that signs itself."""
    place.mkdir()
    return write_certificate(place, host, age_days)[0]


def context_of(certificate: Path) -> ssl.SSLContext:
    """What a server with this certificate serves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start SMTP servers with a certificate; the client's password is in the environment."""
    monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
    servers: list[MailServer] = []

    def start(security: str, certificate: Path) -> MailServer:
        servers.append(MailServer(security, context_of(certificate)))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def write(place: Path, port: int, security: str = "none", more: str = "") -> Path:
    """A system's file with an e-mail to two people."""
    file = place / "mail.toml"
    file.write_text(
        '[system]\nname = "made"\nmode = "replay"\n[roles]\nalpha = "tiny_role:build"\n[alerts]\n[[alerts.targets]]\n'
        f'name = "hook"\nkind = "mail"\nhost = "127.0.0.1"\nport = {port}\nsecurity = "{security}"\n'
        f'from = "engine@box.example"\nto = ["a@box.example", "b@box.example"]\n{more}'
    )
    return file


def mail(place: Path, port: int, security: str = "none", more: str = "") -> Target:
    """The target of such a file."""
    return targets_of(load(write(place, port, security, more)))["hook"]


def error_of(target: Target) -> str:
    """Send a message, which must fail; the error."""
    outcome = target.send(message())
    assert isinstance(outcome, Failed), outcome
    return outcome.error


def test_an_e_mail_reaches_every_recipient_with_the_id_of_the_message(tmp_path: Path, post: MailServer) -> None:
    """A reader recognises a repeated message by its Message-ID."""
    target = mail(tmp_path, post.port)
    target.check()
    assert target.send(message()) == Sent()
    assert post.arrived.wait(10)
    (found,) = post.mails
    assert found["Subject"] == "[made paper] CRITICAL halted: system"
    assert found["To"] == "a@box.example, b@box.example"
    assert found["Message-ID"] == "<made-1@box.steelyard>"


def test_an_e_mail_that_the_server_refuses_is_a_failure(tmp_path: Path, post: MailServer) -> None:
    """A message to a box that does not exist must stay in the queue."""
    post.refusal = "550 no such user"
    assert "refused" in error_of(mail(tmp_path, post.port))


def test_a_server_that_does_not_listen_is_a_failure(tmp_path: Path) -> None:
    """Without an exception that ends the thread."""
    assert "ConnectionRefusedError" in error_of(mail(tmp_path, free_port()))


def test_plain_text_mail_never_leaves_the_machine(tmp_path: Path) -> None:
    """A password in plain text on the network is a lost password."""
    file = write(tmp_path, 25)
    file.write_text(file.read_text().replace("127.0.0.1", "smtp.example"))
    with pytest.raises(ValueError, match="readable on the way"):
        targets_of(load(file))["hook"].check()


@encrypted
def test_an_encrypted_server_gets_the_password_and_the_mail_inside_tls(
    tmp_path: Path, serve: Serve, security: str
) -> None:
    """Before TLS the client sends no more than the commands that begin TLS."""
    trusted = certificate(tmp_path / "post")
    server = serve(security, trusted)
    target = mail(tmp_path, server.port, security, f'ca_file = "{trusted}"\n{LOGIN}')
    target.check()
    assert target.send(message()) == Sent()
    assert server.plain == (["EHLO", "STAR"] if security == "starttls" else [])
    assert server.logins == [("engine", PASSWORD)]
    assert [one["Subject"] for one in server.mails] == ["[made paper] CRITICAL halted: system"]


@encrypted
@pytest.mark.parametrize(
    ("host", "age_days", "reason"),
    [
        (LOOPBACK, 10, "certificate has expired"),
        (ELSEWHERE, 1, "IP address mismatch"),
    ],
)
def test_a_trusted_certificate_that_is_expired_or_of_another_host_is_refused(
    tmp_path: Path, serve: Serve, security: str, host: x509.GeneralName, age_days: int, reason: str
) -> None:
    """The password must not reach a server that is not the one that was configured."""
    wrong = certificate(tmp_path / "wrong", host, age_days)
    server = serve(security, wrong)
    error = error_of(mail(tmp_path, server.port, security, f'ca_file = "{wrong}"\n{LOGIN}'))
    assert error.startswith(f"127.0.0.1:{server.port}: its certificate was refused: ")
    assert reason in error
    assert (server.logins, server.secret, server.mails) == ([], [], [])


@encrypted
def test_a_message_waits_while_the_certificate_is_refused_and_is_sent_once_when_it_is_right(
    tmp_path: Path, serve: Serve, security: str
) -> None:
    """A server whose certificate was renewed by another authority costs time, and no message."""
    trusted, strange = certificate(tmp_path / "trusted"), certificate(tmp_path / "strange")
    server, house = serve(security, strange), House(tmp_path)
    house.role = house.live(mail(tmp_path, server.port, security, f'ca_file = "{trusted}"\n'))
    house.halt()
    house.run(5)
    queue = house.role.outbox.queues["hook"]
    assert [(one.cause, one.state) for one in queue.waiting] == [("halted", State.BEGIN)]
    assert "certificate was refused: self-signed certificate; expected one for 127.0.0.1" in queue.error
    assert server.mails == []
    server.context = context_of(trusted)
    house.run(10)
    assert queue.waiting == []
    assert [one["Subject"] for one in server.mails] == ["[made paper] CRITICAL halted: system"]


def test_a_server_that_offers_no_starttls_gets_nothing(tmp_path: Path, post: MailServer) -> None:
    """Somebody on the way can remove the offer: going on in plain text would give him the password."""
    assert "STARTTLS" in error_of(mail(tmp_path, post.port, "starttls"))
    assert post.plain == ["EHLO", "QUIT"]


@encrypted
def test_an_operators_test_names_the_refused_certificate(
    tmp_path: Path, serve: Serve, security: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found by `engine-ctl alert test` in the afternoon, not by a missing message in the night."""
    server = serve(security, certificate(tmp_path / "strange"))
    assert engine_ctl(["alert", "test", "--config", str(write(tmp_path, server.port, security))]) == 1
    printed = capsys.readouterr().out
    assert f"hook: FAILED: 127.0.0.1:{server.port}: its certificate was refused: self-signed certificate" in printed
    assert "this machine, or ca_file" in printed


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_cannot_be_read_is_refused_before_the_start(tmp_path: Path, content: str | None) -> None:
    """The error names the file: with several targets its place is not obvious."""
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match=r"ca_file = '.*authority.pem'.*expected a PEM file"):
        mail(tmp_path, 465, "tls", f'ca_file = "{file}"\n').check()
