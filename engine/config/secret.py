"""Where a secret is stored. The configuration holds the place, never the secret, so it can be printed."""

import os
from pathlib import Path

import msgspec


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reference: `{ env = "NAME" }` or `{ file = "/path" }`, exactly one of them."""

    env: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        """Refuse a reference with neither or both."""
        if bool(self.env) == bool(self.file):
            msg = "expected exactly one of env and file for a secret"
            raise ValueError(msg)

    def reveal(self) -> str:
        """The secret itself, for a role that signs with it; an error names the place only."""
        if self.file:
            return _read_private(Path(self.file))
        value = os.environ.get(self.env, "")
        if not value:
            msg = f"the environment variable {self.env} is not set, expected a secret in it"
            raise ValueError(msg)
        return value


def revealed(text: str | Secret) -> str:
    """A text that may be a secret."""
    return text.reveal() if isinstance(text, Secret) else text


def _read_private(path: Path) -> str:
    """The file's text; refused when other users can read the file."""
    mode = path.stat().st_mode
    if mode & 0o007:
        msg = f"{path} can be read by every user (mode {mode & 0o777:04o}), expected a private file: chmod 600 {path}"
        raise ValueError(msg)
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        msg = (
            f"{path} is not text (byte {error.start} is not UTF-8), expected a secret as text; to convert a key from"
            " DER form: openssl pkey -inform DER -in KEY -out KEY.pem"
        )
        raise ValueError(msg) from None


def load_env_file(path: Path) -> None:
    """Set the variables of a private file's `NAME=value` lines; a variable that is already set keeps its value."""
    for line in _read_private(path).splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            os.environ.setdefault(name.strip(), value.strip().strip("'\""))
