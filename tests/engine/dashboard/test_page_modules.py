"""Single modules of the page, in the browser that runs them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.dashboard.browser import Page, browser
from tests.engine.dashboard.static import files


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser on an empty document of the page's origin."""
    with files() as address, browser(tmp_path_factory.mktemp("chromium")) as opened:
        opened.size(800, 600)
        opened.open(f"{address}/style/base.css")
        opened.until("location.pathname == '/style/base.css' && document.readyState == 'complete'", "it is open")
        yield opened


def run(page: Page, module: str, body: str) -> Any:
    """What a function body returns that has the names of one module."""
    return page.ask(
        f"import('/{module}').then((module) => {{ with_module = module; {body} }})".replace(
            "with_module", "globalThis.m"
        )
    )


@pytest.mark.parametrize(("points", "width", "seed"), [(1, 300, 1), (5_000, 300, 2), (250_000, 700, 3)])
def test_a_thinned_series_keeps_every_extreme_and_few_points(page: Page, points: int, width: int, seed: int) -> None:
    """A price that was touched for one tick is on the chart, however many points it shows; the rest costs no frame."""
    seen = run(page, "core/series.js", f"""
      let state = {seed}; const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
      const series = new m.Series(); const all = [];
      let equal = true, most = 0;
      for (let i = 0; i < {points}; i += 1) {{
        const at = 1e9 + i * 0.01, low = random() * 100, high = low + random();
        series.append(at, low, high); all.push([at, low, high]);
        if (i % 997 !== 0 && i !== {points} - 1) continue;
        const from = Math.max(at - 600, series.at[0]), got = series.thinned(from, at, {width});
        const inside = all.slice(-series.length).filter((one) => one[0] >= got.at[0]);
        if (i === {points} - 1) {{
          equal &&= Math.min(...got.low) === inside.reduce((least, one) => Math.min(least, one[1]), Infinity);
          equal &&= Math.max(...got.high) === inside.reduce((largest, one) => Math.max(largest, one[2]), -Infinity);
        }}
        most = Math.max(most, got.at.filter((one) => one >= from).length);
        equal &&= got.at.every((one, index) => index === 0 || one > got.at[index - 1]);
        equal &&= got.at[0] <= from && got.at.at(-1) <= at;
      }}
      return {{ equal, most, length: series.length }};""")  # fmt: skip
    assert seen["equal"]
    assert seen["most"] <= width + 1
    assert seen["length"] <= 1 << 17


def test_a_point_from_a_clock_that_was_set_back_is_refused(page: Page) -> None:
    """The search by time needs times in order."""
    assert run(
        page,
        "core/series.js",
        "const s = new m.Series(); s.append(2, 1, 1); s.append(1, 9, 9); s.append(3, 1, 1); return [s.length, s.last];",
    ) == [2, 3]


def test_a_frame_that_waited_in_the_network_is_as_old_as_it_is(page: Page) -> None:
    """The past must not be shown as now because it has only just arrived."""
    ages = run(page, "core/news.js", """
      let clock = 1000; const news = new m.News(() => clock); const ages = [news.age("books")];
      news.hear(500_000, [["books", 20]]); ages.push(news.age("books"));
      clock = 1100; ages.push(news.age("books"));
      clock = 6100; news.hear(500_100, [["books", 30]]); ages.push(news.age("books"), news.age("system"));
      clock = 6200; news.hear(505_200, [["books", 10]]); ages.push(news.age("books"), news.age("alerts"));
      return ages;""")  # fmt: skip
    assert ages == [None, 20, 120, 5030, 5000, 10, None]


@pytest.mark.parametrize(("value", "decimals", "text"), [
    (6000042, 2, "60000.42"), (-100, 5, "\u22120.00100"), (0, 0, "0"), (None, 2, "\u2013"), (7, 0, "7"),
    (9007199254740991, 8, "90071992.54740991"),
])  # fmt: skip
def test_fixed_point_is_shown_with_its_decimals(page: Page, value: int | None, decimals: int, text: str) -> None:
    """As the venue writes it; what is not known is a dash and not a zero."""
    assert run(page, "core/format.js", f"return m.units({json.dumps(value)}, {decimals});") == text


def test_a_long_table_holds_only_the_rows_that_are_seen(page: Page) -> None:
    """10 000 orders in the document would cost more than a frame; each of them is reached by scrolling."""
    seen = page.ask("""import('/core/dom.js').then(async (m) => {
      const box = document.body.appendChild(document.createElement("div"));
      box.style.cssText = "height:300px;display:flex;flex-direction:column;overflow:hidden";
      const table = new m.LongTable([{ name: "n", value: (row) => String(row) }], { label: "numbers" });
      table.node.style.cssText = "overflow:auto;flex:1";
      box.append(table.node);
      const rows = Array.from({ length: 10000 }, (_, at) => at);
      const settle = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      table.draw(rows); await settle(); table.draw(rows);
      const texts = () => [...table.inner.body.children].map((one) => one.textContent);
      const first = texts();
      table.node.scrollTop = 1e9; await settle(); await settle();
      const last = texts();
      const count = table.inner.table.getAttribute("aria-rowcount");
      return { first: first[0], last: last.at(-1), held: Math.max(first.length, last.length), count };
    })""")  # fmt: skip
    assert (seen["first"], seen["last"], seen["count"]) == ("0", "9999", "10000")
    assert seen["held"] < 40
