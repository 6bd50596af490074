"""Every file that the documents name is there: a reader who is sent to a file that moved is lost."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
NAMED = re.compile(r"`((?:[\w*-]+/)*[\w*-]+\.(?:py|pyx|pxd|h|c))`")
ROOMS = ("shm", "engine", "bench", "research", "tests")
FILES = [path for room in ROOMS for path in (ROOT / room).rglob("*.*")]
LINKED = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
MADE_UP = {"my_package/watcher.py"}  # a reader's own file, in an example


def is_there(name: str) -> bool:
    """Whether a file has this path, from the root or from a room on."""
    return name in MADE_UP or any(path.match(name) for path in FILES)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_files_that_are_there(document: Path) -> None:
    """Moves of files are frequent, and nothing else reads a document."""
    gone = [name for name in NAMED.findall(document.read_text()) if not is_there(name)]
    assert not gone


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_links_to_pages_that_are_there(document: Path) -> None:
    """A page that was promised and never written looks like one that the reader cannot find."""
    assert not [link for link in LINKED.findall(document.read_text()) if not (document.parent / link).exists()]


def test_a_name_that_is_not_there_is_found() -> None:
    """A check that finds nothing would be silent for ever."""
    assert NAMED.findall("see `engine/no_such_file.py` and `ring.h`") == ["engine/no_such_file.py", "ring.h"]
    assert not is_there("engine/no_such_file.py")
    assert is_there("ring.h")
    assert LINKED.findall("[a](docs/b.md#c), [d](https://e.f), [g](#h)") == ["docs/b.md"]
