"""A venue is spelled in its own folder: adding one must not need a search for the others' names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENUES = ROOT / "engine" / "venues"
FOLDERS = sorted(path.parent.name for path in VENUES.glob("*/kind.py"))
NAMES = re.compile("binance|coinbase|kraken", re.IGNORECASE)
EXCHANGE_IN_A_BOX = {"loopback", "chaos", "demo", "configs"}  # they run one venue's wire on purpose
ALLOWED = {
    "engine/venues/catalogue.py": "the list of venues, a line for each",
    "engine/feed/capture/command.py": "examples in the help text that a user can type",
    "engine/cli/parser/reading.py": "examples in the help text, and the names of formats that a user can type",
    "engine/cli/importing.py": "the names of formats that a user can type",
    "engine/imports/formats/binance.py": "the format of an archive, which is a file and no venue's wire",
}


def sources() -> list[Path]:
    """Every source of the engine outside the venues' folders and the exchange in a box."""
    found = [path for end in ("py", "pyx", "pxd", "pyi", "h") for path in (ROOT / "engine").rglob(f"*.{end}")]
    own = {VENUES / name for name in FOLDERS}
    return [
        path
        for path in found
        if path.relative_to(ROOT).parts[1] not in EXCHANGE_IN_A_BOX and not own & set(path.parents)
    ]


def test_each_venues_folder_describes_itself() -> None:
    """A folder without a description is not in the catalogue's reach."""
    shared = {"wire", "trading", "market", "pace"}
    folders = {path.name for path in VENUES.iterdir() if (path / "__init__.py").exists()} - shared
    assert folders == set(FOLDERS)


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_venue_is_spelled_outside_its_folder(path: Path) -> None:
    """What is known of a venue elsewhere is what the next venue's author will not find."""
    found = [line.strip() for line in path.read_text().splitlines() if NAMES.search(line)]
    assert not found or str(path.relative_to(ROOT)) in ALLOWED, found


def test_the_list_of_exceptions_is_not_longer_than_needed() -> None:
    """An exception that nothing needs would let a name back in."""
    spelled = {str(path.relative_to(ROOT)) for path in sources() if NAMES.search(path.read_text())}
    assert spelled == set(ALLOWED)
