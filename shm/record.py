"""A record described once: the numpy dtype, the C codec and the schema's hash are made from this description.

    TICK = Record("tick", 64, {"receive_ns": "i8", ..., "side": "i1"})

Fields have their natural alignment, in the order written, and no hidden padding. A description with padding, with a
size that its fields do not fill, or with a type that the codec does not know is refused. A field may be an
array (`"bid_price": "10i8"`) or fixed bytes (`"client_id": "S16"`). Padding at the end is a field whose name begins
with `spare`: a row may be made without it, and it is then zero.
"""

import json
import zlib
from collections import namedtuple
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from typing_extensions import TypeVar

    Row = TypeVar("Row", bound=tuple[Any, ...], default=Any)
else:
    from typing import TypeVar

    Row = TypeVar("Row")

CODES = {"i8": 8, "u8": 8, "f8": 8, "i4": 4, "u4": 4, "f4": 4, "i2": 2, "u2": 2, "i1": 1, "u1": 1}


class Field(NamedTuple):
    """One field: a scalar, an array of `count` scalars, or `count` raw bytes (code "S")."""

    name: str
    code: str
    count: int  # type: ignore[assignment] # it replaces a tuple's own `count`
    offset: int

    @property
    def size(self) -> int:
        """Bytes of the field."""
        return self.count * CODES.get(self.code, 1)


def parse_field(name: str, text: str, offset: int) -> Field:
    """Read a field's type text at an offset, or refuse it by name."""
    if text.startswith("S") and text[1:].isdigit() and int(text[1:]):
        return Field(name, "S", int(text[1:]), offset)
    count, code = text[:-2] or "1", text[-2:]
    if code not in CODES or not count.isdigit() or not int(count):
        msg = f"field {name!r}: unknown type {text!r}, expected one of {', '.join(CODES)}, a count before it, or S<n>"
        raise ValueError(msg)
    if offset % CODES[code]:
        msg = f"field {name!r}: {text} at offset {offset} leaves a hole, move it or name the padding"
        raise ValueError(msg)
    return Field(name, code, int(count), offset)


class Record(Generic[Row]):
    """A fixed-size record: its name, its size and its fields. `row` is the named tuple that a reader gives."""

    __slots__ = ("_schema_hash", "fields", "name", "row", "size", "types")

    def __init__(self, name: str, size: int, types: dict[str, str]) -> None:
        """Lay the fields out and refuse a description that does not fill its size."""
        fields: list[Field] = []
        for field, text in types.items():
            fields.append(parse_field(field, text, fields[-1].offset + fields[-1].size if fields else 0))
        end = fields[-1].offset + fields[-1].size if fields else 0
        if end != size or size % 8 or not size:
            msg = f"record {name!r}: fields fill {end} bytes, size was {size} (a multiple of 8 is needed)"
            raise ValueError(msg)
        self.name, self.size, self.types, self.fields = name, size, dict(types), tuple(fields)
        self._schema_hash: int | None = None
        self.row: type[Row] = namedtuple(name, types, defaults=self._padding())  # type: ignore[misc, assignment] # noqa: PYI024 - the fields are data

    def _padding(self) -> list[object]:
        """The values of the spare fields at the end."""
        named = [f.name.startswith("spare") for f in self.fields]
        first = len(named) - next((index for index, one in enumerate(reversed(named)) if not one), len(named))
        return [b"" if f.code == "S" else (0,) * f.count if self.is_array(f) else 0 for f in self.fields[first:]]

    @property
    def descr(self) -> list[list[object]]:
        """The description as numpy's `descr`, JSON-ready: what a segment carries in its header."""
        return [
            [f.name, f"|S{f.count}"] if f.code == "S"
            else [f.name, _order(f.code), [f.count]] if self.is_array(f)
            else [f.name, _order(f.code)]
            for f in self.fields
        ]  # fmt: skip

    def layout(self) -> tuple[int, type, tuple[tuple[str, int, int, bool], ...]]:
        """What the compiled codec needs: the size, the row type, and each field's code, count, offset, array mark."""
        return self.size, self.row, tuple((f.code, f.count, f.offset, self.is_array(f)) for f in self.fields)

    def is_array(self, f: Field) -> bool:
        """Whether a field is several numbers."""
        return f.code != "S" and self.types[f.name][0].isdigit()

    @classmethod
    def from_descr(cls, name: str, size: int, descr: list[list[object]]) -> "Record":
        """The record that a segment describes in its header, for readers that do not know it by name."""
        return cls(name, size, {str(row[0]): _type_text(row) for row in descr})

    @property
    def dtype(self) -> "np.dtype[np.void]":
        """The numpy structured dtype."""
        import numpy as np  # noqa: PLC0415 - 60 ms that a process without arrays does not pay

        return np.dtype([(f.name, *_numpy_type(f, is_array=self.is_array(f))) for f in self.fields])

    @property
    def schema(self) -> bytes:
        """The canonical text that two sides must agree on."""
        return json.dumps([self.name, self.descr], separators=(",", ":")).encode()

    @property
    def schema_hash(self) -> int:
        """A 64-bit name for the description; computed once."""
        if self._schema_hash is None:
            schema = self.schema
            self._schema_hash = zlib.crc32(schema) << 32 | zlib.crc32(schema[::-1])
        return self._schema_hash


def _numpy_type(f: Field, *, is_array: bool) -> tuple[str] | tuple[str, tuple[int]]:
    if f.code == "S":
        return (f"|S{f.count}",)
    return (_order(f.code), (f.count,)) if is_array else (_order(f.code),)


def _type_text(row: list[object]) -> str:
    code = str(row[1])[1:]
    return f"{row[2][0]}{code}" if len(row) > 2 else code  # type: ignore[index] # noqa: PLR2004 - name, type, shape


def _order(code: str) -> str:
    return ("|" if code.endswith("1") else "<") + code
