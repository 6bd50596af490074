"""The one door to lanes: the product opens no segment except through it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPENING = re.compile(r"(?<!class )\b(?:shm\.)?(?:Ring|Cell)(?:Writer|Reader)\(|\bshm\.(?:create|attach)\(")
DOOR = {"engine/lanes/open.py", "engine/lanes/create.py"}
ELSEWHERE = {
    "engine/cli/output.py": "engine-ctl shows any segment that is there, also those set aside and those of no system",
    "engine/demo/floor.py": "the demo of shared memory has lanes of its own, in no system",
}


def openings() -> dict[str, list[str]]:
    """The lines of the product that open or make a segment, by file."""
    files = [path for room in ("engine", "research") for path in (ROOT / room).rglob("*.py*") if path.suffix != ".pyc"]
    found = {str(path.relative_to(ROOT)): OPENING.findall(path.read_text(encoding="utf-8")) for path in files}
    return {file: lines for file, lines in found.items() if lines}


def test_the_product_opens_lanes_only_through_the_door() -> None:
    """The map is true only as long as no role has another way to a lane."""
    assert openings().keys() == DOOR | ELSEWHERE.keys()


def test_the_search_for_openings_sees_each_way_to_open_one() -> None:
    """A search that finds nothing would keep nothing out."""
    ways = ("shm.RingWriter(name)", "CellReader(name)", "shm.create(name)", "shm.attach(name)")
    assert all(OPENING.search(way) for way in ways)
    assert not OPENING.search("class CellReader(Protocol)")
