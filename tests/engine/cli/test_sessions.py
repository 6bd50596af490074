"""The order session is part of health: `up` and `status` are green only when an order can leave."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from engine.cli import main
from engine.cli.system import _left_text
from engine.loopback.server.configuration import ENGINE_KEY, make_key
from tests.engine.floor import Floor, until
from tests.engine.ports import free_port

MakeFloor = Callable[..., Floor]


def wrong_key(directory: Path) -> Path:
    """A private key that the venue does not know."""
    file = directory / "wrong.pem"
    file.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)
    return file


@pytest.mark.timeout(300)
def test_up_and_status_report_a_wrong_key_in_the_venues_words(
    floor: MakeFloor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both reported "trading" while no order could be sent."""
    one = floor(**{'{ file = "{state}/demo.pem" } #': f'{{ file = "{wrong_key(tmp_path)}" }} #'})
    assert main(["up", str(one.file), "--timeout", "120"]) == 1
    output = capsys.readouterr().err
    assert "no order can be sent" in output
    assert "-1022 Signature for this request is not valid." in output
    assert "STAYS UP" in output
    assert one.type("status") == 1
    out = capsys.readouterr().out
    assert "NOT trading, the order session at binance" in out
    assert "-1022 Signature for this request is not valid." in out


@pytest.mark.timeout(300)
def test_up_reports_a_key_that_may_not_trade_before_any_order(
    floor: MakeFloor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was found at the first order, when the operator may have gone home."""
    name, own = "A" * 64, tmp_path / "looks.pem"
    make_key(str(own))
    key = f'[[venue.keys]]\nname = "{name}"\naccount = "engine"\npublic_file = "{own}.pub"\nmay_trade = false\n'
    one = floor(**{'{ file = "{state}/demo.pem" } #': f'{{ file = "{own}" }} #', ENGINE_KEY: name})
    (tmp_path / "venue.toml").write_text((tmp_path / "venue.toml").read_text() + key)
    assert main(["up", str(one.file), "--timeout", "120"]) == 1
    output = capsys.readouterr().err
    assert "no order can be sent: the order session at binance is connected, but the venue rejects the orders" in output
    assert (
        "-2015 Invalid API-key, IP, or permissions for action." in output
    )  # to the test order, or to a first real one
    assert not one.truth(), "no order was accepted to find it out"


@pytest.mark.timeout(300)
def test_up_and_status_report_a_closed_port(floor: MakeFloor, capsys: pytest.CaptureFixture[str]) -> None:
    """With an order_url at which no process listens the system never trades."""
    port = free_port()
    one = floor("", **{'order_url = "ws://127.0.0.1:': f'order_url = "ws://127.0.0.1:{port}/" # "'})
    assert main(["up", str(one.file), "--timeout", "12"]) == 1
    assert "no order can be sent" in capsys.readouterr().err
    assert one.type("status") == 1
    assert "NOT trading, the order session at binance" in capsys.readouterr().out


@pytest.mark.timeout(300)
def test_a_session_that_is_lost_is_not_green_and_comes_back(
    floor: MakeFloor, capsys: pytest.CaptureFixture[str]
) -> None:
    """The venue dies while execution runs: status reports it until the venue is back."""
    one = floor()
    one.up()
    until(lambda: one.type("status") == 0)
    os.kill(one.pid("venue"), signal.SIGSTOP)
    until(lambda: one.type("status") == 1 and "NOT trading, the order session" in capsys.readouterr().out)
    os.kill(one.pid("venue"), signal.SIGCONT)
    until(lambda: one.type("status") == 0)


WATCHING = {"state": "watching", "clean": False, "error": ""}


@pytest.mark.parametrize(
    ("phase", "canceller", "text"),
    [
        ("starting", WATCHING, "execution starts again and then asks the venue about the 3 orders"),
        ("waiting", WATCHING, "execution starts again and then asks the venue about the 3 orders"),
        ("stopped", WATCHING, "its canceller cancels them after dead_ms"),
        ("stopped", {**WATCHING, "state": "off"}, "no process cancels them: engine-ctl orders lists them"),
        ("stopped", {**WATCHING, "error": "no key"}, "no process cancels them (no key): engine-ctl orders lists them"),
        ("stopped", {**WATCHING, "state": "clean", "clean": True}, "the venue does not list any of them as open"),
        ("starting", {**WATCHING, "state": "cancelling"}, "its canceller cancels the 3 orders"),
    ],
)
def test_status_asks_for_the_operators_hands_only_where_no_process_cares(
    phase: str, canceller: dict[str, object], text: str
) -> None:
    """An operator who cancels by hand what a starting execution reconciles makes the doubt greater."""
    assert text in _left_text("execution", "3", canceller, phase)
