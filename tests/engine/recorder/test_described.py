"""The description of a system beside its recording: what a replay of its strategies needs, and no secret."""

import shutil
from pathlib import Path

from engine.config import load
from engine.recorder.described import Described, describe, described, description_at, descriptions

ROOT = Path(__file__).resolve().parents[3]


def configured(place: Path, old: str = "", new: str = "") -> str:
    """The demo's file in a place of its own, with one text changed."""
    (place / "demo.toml").write_text((ROOT / "configs/demo.toml").read_text().replace(old, new))
    shutil.copy(ROOT / "configs/venue.toml", place)
    return str(place / "demo.toml")


def at(directory: Path, now_ns: int) -> Described:
    """The description at a time."""
    found = description_at(directory, now_ns)
    assert found is not None
    return found


def test_a_description_has_the_strategies_and_no_secret(tmp_path: Path) -> None:
    """A recording is copied to other machines: a key in it would be there too."""
    describe(tmp_path, load(configured(tmp_path)), 100)
    found = at(tmp_path, 100)
    assert [(one.name, one.id, one.instruments) for one in found.strategies] == [("maker", 1, (1,)), ("taker", 2, (2,))]
    assert found.strategies[0].parameters["size"] == "0.001"
    assert (found.feeds, found.executions, found.path) == (("feed",), ("execution",), str(tmp_path / "demo.toml"))
    [text] = [path.read_text() for path in (tmp_path / "sessions").iterdir()]
    assert "Steelyard" not in text
    assert "pem" not in text


def test_venues_whose_orders_go_to_a_paper_venue_are_apart(tmp_path: Path) -> None:
    """A market that never had our orders is simulated as it is; that of the demo holds them."""
    paper = (ROOT / "configs/paper.toml").read_text()
    for text in (paper, paper.replace("order_request_url", "# ") + "[canceller]\nenabled = false\n"):
        (tmp_path / "paper.toml").write_text(text)
        assert described(load(str(tmp_path / "paper.toml"))).apart == ("binance",)
    assert described(load(configured(tmp_path))).apart == ()


def test_a_changed_system_has_a_description_of_its_own(tmp_path: Path) -> None:
    """Yesterday's decisions were made with yesterday's parameters."""
    for now_ns in (100, 200):
        describe(tmp_path, load(configured(tmp_path)), now_ns)
    describe(tmp_path, load(configured(tmp_path, '"0.001"', '"0.002"')), 300)
    sizes = [at(tmp_path, now_ns).strategies[0].parameters["size"] for now_ns in (50, 250, 300, 900)]
    assert sizes == ["0.001", "0.001", "0.002", "0.002"]
    assert len(descriptions(tmp_path)) == 2
    assert description_at(tmp_path / "other", 100) is None
