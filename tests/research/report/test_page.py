"""The report as its reader has it: opened in a headless browser, with nothing else to load."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from research.report import write
from research.report.page import SIZE_MOST
from research.report.thin import kept
from tests.research.performance.made import made

CHROMIUM = shutil.which("chromium")
QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
LOOK = """<script>addEventListener("load", () => {
  const dots = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const drawn = (canvas) => dots(canvas).some((one) => one);
  const all = [...document.querySelectorAll(".chart")];
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const canvases = [...document.querySelectorAll("canvas")].map(drawn);
  document.body.append(Object.assign(document.createElement("pre"), {id: "seen", textContent: JSON.stringify({
    charts: all.length, empty: all.filter((one) => !one.dataset.painted).length, wide,
    canvases: canvases.length, blank: canvases.filter((one) => !one).length,
    headings: [...document.querySelectorAll("h1, h2")].map((one) => one.textContent),
    first: document.querySelector("table td").textContent, added: document.querySelectorAll("#planted").length,
  })}));
});</script>"""


def look(path: Path, tmp_path: Path, width: int = 1440) -> tuple[dict, list[str]]:
    """What a browser made of the page, and every line of its console."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    looked = tmp_path / f"look{width}.html"
    looked.write_text(path.read_text().replace("</body>", LOOK + "</body>"))
    command = [CHROMIUM, "--headless", "--no-sandbox", *QUIET, f"--user-data-dir={tmp_path / 'browser'}",
               f"--window-size={width},1000", "--virtual-time-budget=5000", "--enable-logging=stderr", "--dump-dom",
               f"file://{looked}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    seen = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert seen, done.stdout[-2_000:] + done.stderr[-2_000:]
    return json.loads(html.unescape(seen[1])), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("width", [1440, 390])
def test_every_chart_is_painted_and_nothing_is_requested(tmp_path: Path, width: int) -> None:
    """On a desk and on a phone: no error, no blank canvas, no request, no sideways scrolling; assumptions first."""
    seen, console = look(write(tmp_path / "report.html", made(title="x</script><i id=planted>")), tmp_path, width)
    assert console == []
    assert (seen["empty"], seen["blank"], seen["added"], seen["wide"]) == (0, 0, 0, 0)
    assert seen["charts"] == 14
    assert seen["canvases"] == 6
    assert seen["first"] == "no_impact"
    assert seen["headings"][0] == "x</script><i id=planted>"
    assert {"Equity", "Correlation of profits", "Execution by instrument", "Assumptions"} < set(seen["headings"])


def test_a_request_would_be_seen(tmp_path: Path) -> None:
    """The canary: a page that loads a picture has a line on its console, because its policy refuses it."""
    path = write(tmp_path / "report.html", made())
    path.write_text(path.read_text().replace("</main>", '</main><img src="http://127.0.0.1:9/x.png">'))
    _, console = look(path, tmp_path)
    assert len(console) == 1
    assert "Content Security Policy" in console[0]


@pytest.mark.parametrize(
    ("steps", "fills", "names"),
    [(2, 0, ("BTCUSDT",)), (3, 1, ("BTCUSDT",)), (50, 2, ("A", "B", "C"))],
)
def test_a_run_that_did_almost_nothing_has_a_report(tmp_path: Path, steps: int, fills: int, names: tuple) -> None:
    """Without a trade, or with too few steps for a figure, the page says so."""
    seen, console = look(write(tmp_path / "report.html", made(steps, fills, names)), tmp_path)
    assert console == []
    assert seen["empty"] == 0


def test_the_file_stays_small_and_equal(tmp_path: Path) -> None:
    """A run of half a million steps, 50 000 fills and 60 instruments; the same bytes a second time."""
    one = made(500_000, 50_000, tuple(f"I{number}" for number in range(60)))
    first, second = (write(tmp_path / f"{name}.html", one, draws=20) for name in "ab")
    assert first.stat().st_size < SIZE_MOST / 2
    assert first.read_bytes() == second.read_bytes()


def test_the_page_names_no_other_place(tmp_path: Path) -> None:
    """No address in it but the namespace of SVG, which is a name and is not loaded."""
    text = write(tmp_path / "report.html", made()).read_text()
    found = set(re.findall(r"""(?:https?:)?//[\w.-]+\.\w+[\w./-]*""", text))
    assert found <= {"http://www.w3.org/2000/svg", "https://github.com/leeoniya/uPlot"}
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|EventSource|importScripts|sendBeacon)\b\s*\(", text)


def test_thinning_keeps_every_extreme() -> None:
    """One spike among a million points is a drawdown that must be seen."""
    row = np.zeros(1_000_000)
    row[123_457], row[765_432] = -5.0, 9.0
    other = np.arange(1_000_000.0)
    places = kept([row, other], 4_000)
    assert len(places) <= 4_000
    assert {0, 123_457, 765_432, 999_999} <= set(places.tolist())
    assert (np.diff(places) > 0).all()
    assert kept([row[:10]], 4_000).tolist() == list(range(10))
