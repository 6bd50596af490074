"""`engine-ctl init DIRECTORY`: writes a complete system that runs as it is, from the templates in `engine/starter`."""

import argparse
import re
import socket
import zlib
from pathlib import Path

import msgspec

import engine
from engine.cli import WRONG_USE, CommandError
from engine.cli.output import print_json, print_line
from engine.config.tables import Name

ENGINE = Path(engine.__file__).parent
STARTER, VENUE = ENGINE / "starter", ENGINE / "configs" / "venue.toml"
FILES = {
    "system.toml": "@NAME@.toml",
    "follow.py": "follow.py",
    "test_follow.py": "test_follow.py",
    "env.example": ".env.example",
    "service.conf": "@NAME@.service.conf",
    "README.md": "README.md",
}  # of each template, the name of the file
PRIVATE = 0o600  # a copy of .env.example keeps this mode, and the secrets go into the copy
PORTS = range(20_000, 30_000)  # below the ports that the kernel gives to outgoing connections


def init(options: argparse.Namespace) -> int:
    """Write the files; nothing is started."""
    directory = Path(options.directory)
    name = options.name or directory.resolve().name
    _refuse_name(name)
    _refuse_filled(directory)
    made = [path.name for path in write_system(directory, name, port_for(name))]
    file = directory / f"{name}.toml"
    if options.json:
        print_json(
            options,
            {"system": name, "directory": str(directory.resolve()), "config": str(file.resolve()), "files": made},
        )
    else:
        print_line(f"{directory}: wrote {', '.join(made)}; start the system with: engine-ctl up {file}")
    return 0


def write_system(directory: Path, name: str, port: int) -> list[Path]:
    """Write each file with its marks replaced; the files."""
    marks = {"@NAME@": name, "@PORT@": str(port), "@DIRECTORY@": str(directory.resolve())}
    texts = {_filled(target, marks): (STARTER / source).read_text() for source, target in FILES.items()}
    texts["venue.toml"] = VENUE.read_text()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for target, text in texts.items():
            _write(directory / target, _filled(text, marks))
    except OSError as error:
        raise CommandError(f"{directory}: cannot be written: {error}") from error
    return [directory / target for target in texts]


def _write(path: Path, text: str) -> None:
    """Write a file; one for secrets is private before it has a byte."""
    path.touch(mode=PRIVATE if path.name.startswith(".env") else 0o666)
    path.write_text(text)


def _filled(text: str, marks: dict[str, str]) -> str:
    return re.sub("@(?:NAME|PORT|DIRECTORY)@", lambda found: marks[found[0]], text)


def _refuse_name(name: str) -> None:
    """Refuse a name that no system may have."""
    try:
        msgspec.convert(name, Name)
    except msgspec.ValidationError as error:
        text = f"the name {name!r} is not allowed for a system, expected a-z, 0-9 and _, 31 at most: set --name"
        raise CommandError(text, WRONG_USE) from error


def _refuse_filled(directory: Path) -> None:
    """Refuse a directory with files in it: a file of the user must not be replaced."""
    if directory.exists() and not directory.is_dir():
        raise CommandError(f"{directory} is a file, expected a new or an empty directory", WRONG_USE)
    found = sorted(path.name for path in directory.iterdir()) if directory.exists() else []
    if found:
        named = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if found[3:] else "")
        raise CommandError(f"{directory} is not empty ({named}), expected a new or an empty directory", WRONG_USE)


def port_for(name: str) -> int:
    """A port for the embedded venue: drawn from the name, so that two systems have two ports; in use: a later one."""
    first = zlib.crc32(name.encode()) % len(PORTS)
    for place in range(len(PORTS)):
        port = PORTS[(first + place) % len(PORTS)]
        if _is_free(port):
            return port
    raise CommandError(f"no port from {PORTS.start} to {PORTS.stop - 1} is free for the embedded venue")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
