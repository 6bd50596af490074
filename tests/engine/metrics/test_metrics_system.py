"""The metrics of a whole trading system: a real Prometheus scrapes it, and health finds what fails."""

import json
import os
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.lanes import LOOKERS, open_lanes
from engine.metrics import ADDRESS
from engine.model.words import FillFlag
from engine.monitor.meters import read_meters
from tests.engine.floor import Floor, until
from tests.engine.ports import free_port

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "metrics.md"
MONITORING = Path(__file__).resolve().parents[3] / "configs" / "monitoring"
BOARDS = sorted((MONITORING / "grafana" / "dashboards").glob("*.json"))
TABLE = "\n[metrics]\nport = 0\nevery_ms = 100\n"
# What a healthy demo does not have: the query must name a metric that is exported, and may find nothing.
MAY_BE_EMPTY = {'steelyard_verdicts_total{instance=~"$instance",reason!="approved"}'}
needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")), reason="needs Debian's package prometheus"
)


def fetch(url: str) -> tuple[int, str]:
    """Request an address."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - our own address
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def url_of(house: Floor) -> str:
    """Where the role serves."""
    place: Path = house.paths.run / ADDRESS
    return str(until(lambda: place.exists() and place.read_text()))


def failing(house: Floor, path: str) -> dict[str, str]:
    """The checks that fail, with what was found."""
    status, body = fetch(url_of(house) + path)
    found = {one["name"]: one["found"] for one in json.loads(body)["checks"] if not one["healthy"]}
    assert (status == 200) == (not found)
    return found


def value(house: Floor, name: str) -> float:
    """The sum of a metric's samples."""
    text = fetch(url_of(house) + "/metrics")[1]
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if re.match(rf"{name}[{{ ]", line))


@needs_prometheus
def test_every_rule_is_valid_and_every_alert_is_tested() -> None:
    """Promtool runs the rules on planted series: each alert fires there, and none on a healthy system."""
    rules, tests = MONITORING / "rules.yml", MONITORING / "rules_test.yml"
    for words in (
        ["check", "rules", rules],
        ["check", "config", MONITORING / "prometheus.yml"],
        ["test", "rules", tests],
    ):
        done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, check=False)  # noqa: S607
        assert done.returncode == 0, done.stdout + done.stderr
    alerts = re.findall(r"- alert: (\w+)", rules.read_text())
    healthy, _, planted = tests.read_text().partition("  - name: SteelyardUnreachable fires")
    assert set(re.findall(r"alertname: (\w+)", healthy)) == set(alerts)
    assert set(re.findall(r"alertname: (\w+)", planted)) == set(alerts)


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Start a real Prometheus that scrapes this address with the shipped rules; its own address."""
    started: list[subprocess.Popen[bytes]] = []

    def start(target: str) -> str:
        config = (MONITORING / "prometheus.yml").read_text().replace("127.0.0.1:9464", target.removeprefix("http://"))
        (tmp_path / "prometheus.yml").write_text(config)
        shutil.copy(MONITORING / "rules.yml", tmp_path)
        port = free_port()
        with (tmp_path / "prometheus.log").open("wb") as log:
            words = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/tsdb"]
            words.append(f"--web.listen-address=127.0.0.1:{port}")
            started.append(subprocess.Popen(words, stdout=log, stderr=log))
        return f"http://127.0.0.1:{port}"

    yield start
    for one in started:
        one.kill()
        one.wait(30)


def ask(base: str, query: str) -> list[Any]:
    """A query's result; empty while Prometheus does not answer yet."""
    try:
        status, body = fetch(f"{base}/api/v1/query?query={urllib.parse.quote(query)}")
    except OSError:
        return []
    tree = json.loads(body) if status == 200 else {}
    if status == 400:
        raise AssertionError(f"{query}: {body}")
    return list(tree.get("data", {}).get("result", ()))


def queries() -> list[str]:
    """Every query of every panel."""
    boards = [json.loads(path.read_text()) for path in BOARDS]
    return [target["expr"] for board in boards for panel in board["panels"] for target in panel["targets"]]


def test_no_panel_is_without_a_query() -> None:
    """An empty panel is a promise that nobody keeps."""
    assert len(BOARDS) == 3
    assert all(panel["targets"] for path in BOARDS for panel in json.loads(path.read_text())["panels"])
    assert len(queries()) > 40


@needs_prometheus
@pytest.mark.timeout(240)
def test_every_query_of_every_panel_finds_what_a_running_system_exports(
    floor: Callable[..., Floor], prometheus: Callable[[str], str]
) -> None:
    """A panel whose metric was renamed is empty for ever, and is found in the night in which it is needed."""
    house = floor(TABLE)
    house.up()
    base = prometheus(url_of(house))
    assert house.trades()
    assert until(lambda: ask(base, "sum(steelyard_fills_total) > 0"))
    names = set(re.findall(r"^# TYPE (\w+)", fetch(url_of(house) + "/metrics")[1], re.MULTILINE))
    documented = re.findall(r"^\| `(\w+)`", DOCUMENT.read_text(), re.MULTILINE)
    assert names == set(documented)
    for query in queries():
        filled = query.replace("$instance", ".*")
        if any(part in query for part in MAY_BE_EMPTY):
            assert set(re.findall(r"steelyard_\w+", query)) <= names
        else:
            assert until(lambda text=filled: ask(base, text)), filled
    assert until(lambda: ask(base, "steelyard:hop_seconds:p99"))
    assert not ask(base, 'ALERTS{alertstate="firing",severity="critical"}')


@pytest.mark.timeout(240)
def test_counters_are_what_the_lanes_hold_and_health_follows_the_system(floor: Callable[..., Floor]) -> None:
    """One system, each part broken in turn: what is dead, frozen, halted or gone is named."""
    house = floor(TABLE)
    house.up()
    assert house.trades()
    assert until(lambda: failing(house, "/readyz") == {})
    _counts_agree(house)

    assert house.type("halt") == 0
    assert until(lambda: {"halt", "gate of execution"} <= failing(house, "/readyz").keys())
    assert failing(house, "/healthz") == {}
    assert house.type("resume") == 0
    assert until(lambda: failing(house, "/readyz") == {})

    os.kill(house.pid("venue"), signal.SIGSTOP)  # the venue is silent: books and orders are in doubt
    assert until(lambda: "book binance BTCUSDT" in failing(house, "/readyz"))
    os.kill(house.pid("venue"), signal.SIGCONT)
    assert until(lambda: failing(house, "/readyz") == {})

    starts = value(house, "steelyard_role_starts_total")
    os.kill(house.pid("feed"), signal.SIGKILL)
    assert until(lambda: value(house, "steelyard_role_starts_total") > starts)
    assert until(lambda: failing(house, "/readyz") == {})

    os.kill(int(house.status()["pid"]), signal.SIGSTOP)  # its guard starts another one
    assert until(lambda: "role supervisor" in failing(house, "/healthz"))
    assert until(lambda: failing(house, "/healthz") == {})


def _counts_agree(house: Floor) -> None:
    """Halt, so that nothing is on its way, and compare the meters with the lanes and with the venue's own log."""
    assert house.type("halt") == 0
    lanes = open_lanes(house.system, LOOKERS)
    orders, verdicts, fills = (lanes.ring_reader(name) for name in ("orders", "verdicts", "fills"))
    assert until(lambda: not house.open_orders())
    for ring in (orders, verdicts, fills):
        ring.cursor = ring.oldest
    held = {row.client_id: row for row in orders.rows()}
    approved = sum(row.reason == 0 for row in verdicts.rows())
    found = read_meters(house.system)["execution"]
    assert found.count("orders") == sum(bool(row.sent_ns) for row in held.values())
    assert found.count("fills") == sum(not row.flags & FillFlag.OPENING for row in fills.rows())
    assert found.labelled("verdicts")["approved"] == approved
    assert found.histogram("acknowledge").count == found.count("acknowledged") == found.count("orders")
    assert found.count("orders") - found.count("rejects") == house.accepted()
    assert house.type("resume") == 0


@pytest.mark.timeout(240)
def test_the_death_of_the_exporter_is_no_concern_of_trading(floor: Callable[..., Floor]) -> None:
    """It only looks on: killed again and again it is parked, and orders go on."""
    house = floor(TABLE)
    house.up()
    before = house.pid("metrics")
    os.kill(before, signal.SIGKILL)
    assert until(lambda: house.pid("metrics") not in (0, before))
    assert until(lambda: fetch_ok(house))
    assert house.trades()
    assert house.differences() == []


def fetch_ok(house: Floor) -> bool:
    """Whether the role answers; its port is another one in each life."""
    try:
        return fetch(url_of(house) + "/metrics")[0] == 200
    except OSError:
        return False
