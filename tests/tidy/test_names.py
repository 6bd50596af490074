"""A method's name states its effect: names that begin with a vague verb are refused."""

import re

import pytest

from tests.tidy.test_tidy import PRODUCT, ROOT

VERBS = (
    "take", "tell", "told", "hear", "heard", "heed", "say", "said", "says", "speak", "obey", "wish", "want", "stand",
    "go", "give", "show", "look", "learn", "believe", "doubt", "mistrust", "leave", "bear", "bury",
)  # fmt: skip
PLAIN = {"look_up", "_look_up", "look_ahead"}  # standard words that begin with one of the verbs
NAME = re.compile(rf"^\s*(?:async\s+)?(?:cp?def|def)\b[^(=\n]*?\b(_*(?:{'|'.join(VERBS)})(?:_\w+)?)\(", re.MULTILINE)


def vague_names(text: str) -> set[str]:
    """The functions and methods of a source text whose name begins with a vague verb."""
    return set(NAME.findall(text)) - PLAIN


FOUND = {
    str(path.relative_to(ROOT)): names
    for path in PRODUCT
    if path.suffix in {".py", ".pyx"} and (names := vague_names(path.read_text()))
}


def test_a_name_says_its_effect() -> None:
    """`take` was defined 25 times with 8 meanings: a reader had to open each definition."""
    assert not FOUND, f"rename them, use the verbs of docs/glossary.md: {FOUND}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("    def take(self) -> int:\n", {"take"}),
        ("    def _tell_gate(self) -> None:\n", {"_tell_gate"}),
        ("    cpdef bint hear(self, bytes frame):\n", {"hear"}),
        ("    cdef inline int64_t want_gone(self) noexcept nogil:\n", {"want_gone"}),
        ("    async def show(self) -> None:\n", {"show"}),
        (
            "    def takes(self) -> bool:\n    def look_up(self) -> None:\n    def read(self, take: int) -> None:\n",
            set(),
        ),
    ],
)
def test_the_search_finds_vague_names_and_no_others(text: str, found: set[str]) -> None:
    """The canary: a search that finds nothing would pass every file."""
    assert vague_names(text) == found
