"""Where a secret is found. The configuration holds the place, never the secret, so printing it gives nothing away."""

import os
from pathlib import Path

import msgspec


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reference: `{ env = "NAME" }` or `{ file = "/path" }`, exactly one of them."""

    env: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        """Refuse none and both."""
        if bool(self.env) == bool(self.file):
            msg = "a secret is named by exactly one of env and file"
            raise ValueError(msg)

    def reveal(self) -> str:
        """The secret itself, for the one who signs with it; an absent one is named by its place only."""
        if self.file:
            return _read_private(Path(self.file))
        value = os.environ.get(self.env, "")
        if not value:
            msg = f"the environment variable {self.env} is not set, a secret was expected in it"
            raise ValueError(msg)
        return value


def _read_private(path: Path) -> str:
    """The file's text, if no stranger can read it too."""
    mode = path.stat().st_mode
    if mode & 0o007:
        msg = f"{path} is open to everybody (mode {mode & 0o777:04o}), a secret's file must not be: chmod 600"
        raise ValueError(msg)
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        msg = (
            f"{path} is no text (byte {error.start} is no UTF-8), expected a secret as text; a key in DER form becomes"
            " text with: openssl pkey -inform DER -in KEY -out KEY.pem"
        )
        raise ValueError(msg) from None


def load_env_file(path: Path) -> None:
    """Take `NAME=value` lines of a private file into the environment; what is set already stays."""
    for line in _read_private(path).splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            os.environ.setdefault(name.strip(), value.strip().strip("'\""))
