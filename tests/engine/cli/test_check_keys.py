"""Keys that cannot sign for execution are named by their kind, and docs/binance-keys.md creates one that can."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from engine.cli import CommandError
from engine.cli.check import check
from engine.config import Config
from tests.engine.cli.test_check import market

Write = Callable[..., Config]
PAGE = Path(__file__).resolve().parents[3] / "docs" / "binance-keys.md"
PKCS8, PEM = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
PLAIN = serialization.NoEncryption()
GOOD = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
PUBLIC = GOOD.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
HMAC = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
WRONG = {
    "an HMAC secret": (HMAC.encode(), r"what looks like an HMAC secret \(64 letters and digits\)"),
    "an RSA key": (RSA.private_bytes(PEM, PKCS8, PLAIN), r"a private key of another kind \(RSA\)"),
    "an old RSA key": (RSA.private_bytes(PEM, TRADITIONAL, PLAIN), r"another kind \(RSA\)"),
    "an elliptic key": (ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, PKCS8, PLAIN), "another kind"),
    "an X25519 key": (x25519.X25519PrivateKey.generate().private_bytes(PEM, PKCS8, PLAIN), r"\(X25519\)"),
    "an encrypted key": (
        GOOD.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"x")), "an encrypted private key",
    ),
    "an encrypted old RSA key": (
        RSA.private_bytes(PEM, TRADITIONAL, serialization.BestAvailableEncryption(b"x")), "an encrypted private key",
    ),
    "a public key": (PUBLIC, "a public key, the half that is registered at Binance"),
    "a torn key": (GOOD.private_bytes(PEM, PKCS8, PLAIN)[:60], "a PEM of kind 'PRIVATE KEY' that is damaged"),
    "a key of ssh": (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "OPENSSH"),
    "a certificate": (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", r"kind \(CERTIFICATE\)"),
    "a key of one line": (
        GOOD.private_bytes(PEM, PKCS8, PLAIN).replace(b"\n", rb"\n"), "a backslash and an n instead of line ends",
    ),
    "any text": (b"my key", "no PEM text"),
    "an empty file": (b"", "nothing"),
}  # fmt: skip


def written(path: Path, text: bytes) -> str:
    """A private file with this in it."""
    path.write_bytes(text)
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize("name", WRONG)
def test_a_key_that_cannot_log_on_a_session_is_named_by_its_kind(write: Write, tmp_path: Path, name: str) -> None:
    """The venue would answer -1022 to every request, and no order would be sent."""
    text, expected = WRONG[name]
    with pytest.raises(CommandError, match=rf"venues.binance.private_key: .*key.pem: found .*{expected}") as caught:
        check(write(market(key=written(tmp_path / "key.pem", text))))
    assert "expected an Ed25519 private key in PEM form; see docs/binance-keys.md" in str(caught.value)
    secret = text.decode().replace(r"\n", "\n").split("\n")[len(text) > 64]
    assert len(secret) < 32 or secret not in str(caught.value), "a message is no place for a secret"


def test_a_key_that_is_no_text_is_named_with_the_command_that_makes_it_one(write: Write, tmp_path: Path) -> None:
    """A key in DER form is as good, once it is written the other way."""
    der = GOOD.private_bytes(serialization.Encoding.DER, PKCS8, PLAIN) + b"\xff"
    with pytest.raises(
        CommandError, match=r"private_key: .*key.der is not text .*openssl pkey -inform DER -in KEY -out"
    ):
        check(write(market(key=written(tmp_path / "key.der", der))))


def test_a_missing_file_and_a_directory_are_named(write: Write, tmp_path: Path) -> None:
    """A wrong path is the commonest mistake."""
    with pytest.raises(CommandError, match=r"private_key: .*No such file or directory: '.*/absent.pem'"):
        check(write(market(key=str(tmp_path / "absent.pem"))))
    tmp_path.chmod(0o700)
    with pytest.raises(CommandError, match=r"private_key: .*Is a directory"):
        check(write(market(key=str(tmp_path))))


@pytest.mark.parametrize(
    ("text", "expected"), [(PUBLIC.decode(), "found a public key"), ("two words", "found 2 words")]
)
def test_an_api_key_of_another_form_is_named(
    write: Write, monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    """The two are easily exchanged."""
    monkeypatch.setenv("SOME_OTHER_KEY", text)
    with pytest.raises(
        CommandError, match=f"venues.binance.api_key: the environment variable SOME_OTHER_KEY: {expected}"
    ):
        check(write(market().replace('env = "SOME_KEY"', 'env = "SOME_OTHER_KEY"')))


def test_the_commands_of_the_page_make_a_key_that_passes(write: Write, tmp_path: Path) -> None:
    """A key that was made as the page describes must be accepted."""
    commands = re.findall(r"^    (openssl .*|chmod .*)$", PAGE.read_text(), re.MULTILINE)
    assert len(commands) >= 3
    for command in commands:
        subprocess.run(shlex.split(command), cwd=tmp_path, check=True, capture_output=True)
    check(write(market(key=str(tmp_path / "binance.pem"))))
    public = (tmp_path / "binance-public.pem").read_bytes()
    assert isinstance(serialization.load_pem_public_key(public), ed25519.Ed25519PublicKey)
