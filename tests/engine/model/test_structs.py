"""The C structs of records: each field as the record defines it, or compiled code reads another field's bytes."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.model import aggregates, frame_id, intent_id, records, words

if TYPE_CHECKING:
    from shm.record import Record

HERE = Path(words.__file__).parent
CODES = {
    "int64_t": "i8", "uint64_t": "u8", "double": "f8", "uint32_t": "u4", "uint16_t": "u2", "uint8_t": "u1",
    "int8_t": "i1", "char": "S",
}  # fmt: skip
PAIRS: "dict[str, Record]" = {
    "Tick": records.TICK, "Top": records.BOOK_TOP, "Piece": records.FRAME, "Bar": aggregates.BAR,
    "GlobalBook": aggregates.GLOBAL_BOOK, "Opportunity": aggregates.OPPORTUNITY,
    "Intent": records.INTENT, "Step": records.STEP, "Judged": records.VERDICT, "Placed": records.ORDER,
    "Journalled": records.JOURNAL,
    "Consumed": records.ACCEPTED,
}  # fmt: skip


def structs() -> dict[str, list[tuple[str, str, int]]]:
    """Every struct of the package: its fields' names, codes and counts."""
    text = "\n".join((HERE / name).read_text() for name in ("records.pxd", "aggregates.pxd"))
    sizes = {name: int(value) for name, value in re.findall(r"^    ([A-Z_]+) = (\d+)", text, re.MULTILINE)}
    found = {}
    for name, body in re.findall(r"^cdef struct (\w+):\n((?:    .*\n?)+)", text, re.MULTILINE):
        fields = re.findall(r"^    (\w+)(?:\[(\w+)\])? (\w+)", body, re.MULTILINE)
        found[name] = [
            (field, CODES[kind], int(sizes.get(count, count)) if count else 1) for kind, count, field in fields
        ]
    return found


def test_every_struct_has_a_record() -> None:
    """A struct that no test compares can differ from its record unseen."""
    assert set(structs()) == set(PAIRS)


@pytest.mark.parametrize("name", PAIRS)
def test_a_struct_has_the_fields_of_its_record_in_their_order(name: str) -> None:
    """Two fields of one size that changed places would pass a comparison of sizes, and a price be read as a size."""
    record = PAIRS[name]
    assert structs()[name] == [(one.name, one.code, one.count) for one in record.fields]
    fields = np.dtype(
        [(field, f"S{count}" if code == "S" else f"({count},){code}") for field, code, count in structs()[name]],
        align=True,
    )
    assert fields.fields is not None
    assert fields.itemsize == record.size
    assert [fields.fields[one.name][1] for one in record.fields] == [one.offset for one in record.fields]


def test_the_layout_of_an_intents_id_is_the_same_in_compiled_code() -> None:
    """A count of other bits gives a strategy's intent to another strategy."""
    [bits] = re.findall(r"COUNT_BITS = (\d+)", (HERE / "intent_id.pxd").read_text())
    assert int(bits) == intent_id.COUNT_BITS
    one = 7 << 40 | 12
    assert (intent_id.strategy_of(one), intent_id.count_of(one)) == (7, 12)


def test_the_layout_of_the_numbers_of_frames_is_the_same_in_compiled_code() -> None:
    """A recorder that splits a number at another bit sees a new life of the feed, or misses one."""
    found = dict(re.findall(r"(\w+) = (\d+)", (HERE / "frame_id.pxd").read_text()))
    assert found == {"FRAME_BITS": str(frame_id.FRAME_BITS), "CONNECTION_BITS": str(frame_id.CONNECTION_BITS)}
    assert frame_id.epoch_of_connection(7 << 20 | 12) == 7


def test_the_layout_of_a_number_has_one_source() -> None:
    """A copy of a layout keeps its old bits when the layout gets new ones."""
    own = {"COUNT_BITS", "FRAME_BITS", "CONNECTION_BITS", "CLIENT_ID", "PAYLOAD"}
    package = HERE.parent
    for path in sorted((*package.rglob("*.pyx"), *package.rglob("*.pxd"))):
        if path.parent != HERE:
            text = path.read_text()
            assert not own & set(re.findall(r"^    ([A-Z_]+) = \d+", text, re.MULTILINE)), path
            assert "_SHIFT = " not in text, path


def word_blocks() -> dict[str, dict[str, int]]:
    """Every block of `words.pxd`: the words that its first line names, with the prefix; and its names and values."""
    text = (HERE / "words.pxd").read_text()
    return {
        head: {name: int(value) for name, value in re.findall(r"^    (\w+) = (-?\d+)", body, re.MULTILINE)}
        for head, body in re.findall(r"^cdef enum:(.*)\n((?:    .*\n)+)", text, re.MULTILINE)
    }


def test_compiled_code_has_the_values_of_words() -> None:
    """A state that has another number in compiled code is published as another state."""
    blocks = word_blocks()
    assert blocks.pop("") == {"BUY": words.BUY, "SELL": words.SELL}
    assert len(blocks) > 10
    for head, values in blocks.items():
        name, prefix = head.removeprefix("  # ").split(": ")
        assert values == {f"{prefix}{word.name}": word.value for word in getattr(words, name)}, name


def test_no_other_compiled_module_defines_a_word() -> None:
    """A copy of a word keeps its old number when the word gets a new one."""
    own = {name for values in word_blocks().values() for name in values}
    package = HERE.parent
    for path in sorted((*package.rglob("*.pyx"), *package.rglob("*.pxd"))):
        if path != HERE / "words.pxd":
            assert not own & set(re.findall(r"^    ([A-Z_]+) = -?\d+", path.read_text(), re.MULTILINE)), path


def test_one_module_declares_the_128_bit_number() -> None:
    """Cython believes that the number has 64 bits, so a helper written again elsewhere can lose the upper half."""
    package = HERE.parent
    sources = [path for pattern in ("*.pyx", "*.pxd") for path in package.rglob(pattern)]
    assert [path for path in sources if "__int128" in path.read_text()] == [HERE / "wide.pxd"]
