"""No secret is shown: not in a lane, a log, a file, a process's command line, an HTTP answer, or a command's output."""

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import websocket

import shm
from engine.dashboard import ADDRESS as PAGE
from engine.loopback.server.configuration import ENGINE_KEY
from engine.metrics import ADDRESS as METRICS
from shm.segment import path_of
from tests.engine.cli.test_under_load import LINES, LONG, command_of
from tests.engine.floor import Floor, until
from tests.tidy.test_control_document import LEAVES

Capture = pytest.CaptureFixture[str]
PLANTED = {
    "T_TELEGRAM": "8123456789:AAPlantedTelegramTokenPlantedTelegram",
    "T_HOOK": "http://127.0.0.1:9/services/PlantedWebhookPath/PlantedWebhookToken",
    "T_MAIL": "PlantedMailPassword-4711",
    "T_METRICS": "PlantedMetricsToken-0815",
    "T_PAGE": "PlantedDashboardToken-2342",
}
TABLES = """
[metrics]
port = 0
token = { env = "T_METRICS" }
[dashboard]
port = 0
token = { env = "T_PAGE" }
[recorder]
[alerts]
repeat_ms = 200
[[alerts.targets]]
name = "phone"
kind = "telegram"
least = "info"
token = { env = "T_TELEGRAM" }
chat = 1
[[alerts.targets]]
name = "team"
kind = "webhook"
least = "info"
url = { env = "T_HOOK" }
[[alerts.targets]]
name = "mail"
kind = "mail"
least = "info"
host = "127.0.0.1"
port = 9
security = "none"
user = "engine@example.org"
password = { env = "T_MAIL" }
from = "engine@example.org"
to = ["desk@example.org"]
"""
API_KEY = "api key"  # of the embedded venue: in the file that sets it, in the copy of it, and in what the venue prints
HOLDS_API_KEY = ("demo.toml", "configuration.toml", "venue.out")
CHANGES = "it changes the system, and the next commands would find another one"
NEEDS = "it needs data that this system does not have"
EXCLUDED = {
    **dict.fromkeys(
        (
            "halt",
            "resume",
            "flatten",
            "cancel",
            "cancel-all",
            "restart",
            "kill",
            "reload",
            "set",
            "strategy",
            "up",
            "down",
        ),
        CHANGES,
    ),
    **dict.fromkeys(("trace", "data import", "data backfill", "report", "parity", "capture check"), NEEDS),
    "alert test": "its targets are the dead ones of this test; what the role logs of them is searched",
    "capture record": "it records the venue's public frames, from a connection without a key",
    "init": "it writes a new system, which has none of these secrets",
    "profile": "it samples for seconds; its output has names of functions",
}


def commands() -> list[str]:
    """The lines of every command of the parser that is not excluded."""
    lines: dict[str, list[str]] = {}
    for line in LINES + LONG:
        lines.setdefault(command_of(line), []).append(line)
    return [line for name in LEAVES if name not in EXCLUDED for line in lines[name]]


def test_every_excluded_command_exists() -> None:
    """A command that was renamed would be left out of the search for a reason that is no longer its own."""
    assert set(EXCLUDED) <= set(LEAVES)
    assert {"status", "preflight", "view", "top", "config show"} <= {command_of(line) for line in commands()}


def secrets(house: Floor) -> dict[str, bytes]:
    """Everything that must not be shown, by name: planted ones, the demo's key, the lines of its private key."""
    lines = (house.paths.state / "demo.pem").read_text().splitlines()
    key = {f"private key, line {number}": line for number, line in enumerate(lines) if "-----" not in line}
    return {name: one.encode() for name, one in {**PLANTED, API_KEY: ENGINE_KEY, **key}.items()}


def places(house: Floor, root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the run but the private key, every segment, every command line of a process."""
    for path in root.rglob("*"):
        if path.is_file() and path.suffix != ".pem":
            yield str(path), path.read_bytes()
    for name in shm.names(house.system):
        yield name, Path(path_of(name)).read_bytes()
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield str(process), process.read_bytes()
        except OSError:  # ended meanwhile
            continue


def answers(house: Floor) -> Iterator[tuple[str, bytes]]:
    """What the HTTP servers answer, with and without their tokens, and the page's first message."""
    metrics, page = ((house.paths.run / name).read_text() for name in (METRICS, PAGE))
    for path in ("/metrics", "/healthz", "/readyz"):
        for headers in ({}, {"Authorization": f"Bearer {PLANTED['T_METRICS']}"}):
            yield path, fetch(metrics + path, headers)
    for path in ("/", "/main.js", f"/?token={PLANTED['T_PAGE']}"):
        yield path, fetch(page + path, {})
    cookie = fetch_cookie(f"{page}/?token={PLANTED['T_PAGE']}")
    stream = websocket.create_connection(f"{page.replace('http', 'ws')}/stream", origin=page, cookie=cookie, timeout=30)
    for number in range(3):
        yield f"message {number}", bytes(stream.recv())
        stream.send("shown")
    stream.close()


def fetch_cookie(url: str) -> str:
    """The cookie that an answer sets; it is no secret of the file, but lets its holder in."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
        cookie = str(answer.headers["Set-Cookie"])
    assert PLANTED["T_PAGE"] not in cookie
    return cookie.partition(";")[0]


def fetch(url: str, headers: dict[str, str]) -> bytes:
    """The body of an answer, also of a refusal."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return bytes(error.read())


@pytest.mark.timeout(240)
def test_no_secret_is_shown_anywhere(
    floor: Callable[..., Floor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    """Messages that cannot be delivered, a death with its evidence, and every command that reads."""
    for name, one in PLANTED.items():
        monkeypatch.setenv(name, one)
    house = floor(TABLES)
    house.up()
    assert house.trades()
    os.kill(house.pid("maker"), signal.SIGABRT)
    assert until(lambda: (house.paths.run / METRICS).exists() and (house.paths.run / PAGE).exists())
    assert until(lambda: "again" in house.log("alerts") or "deliver" in house.log("alerts"))
    assert house.trades()
    hidden = secrets(house)
    assert len(hidden) > len(PLANTED) + 1
    capfd.readouterr()
    for line in commands():
        words = [word.format(file=house.file, system=house.system, new=tmp_path / "new") for word in line.split()]
        house.type(*words)
    said = capfd.readouterr()
    shown = [*places(house, tmp_path), *answers(house), ("output", said.out.encode()), ("errors", said.err.encode())]
    found = {(name, place) for place, text in shown for name, secret in hidden.items() if secret in text}
    allowed = {(name, place) for name, place in found if name == API_KEY and Path(place).name in HOLDS_API_KEY}
    assert found - allowed == set()
    canary = tmp_path / "canary"
    canary.write_bytes(hidden["T_MAIL"])  # the search finds what is there
    assert any(hidden["T_MAIL"] in text for _, text in places(house, tmp_path))
