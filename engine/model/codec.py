"""A record's bytes from Python values and back, where there is no lane in shared memory to do it."""

from collections.abc import Callable, Iterable, Iterator
from struct import Struct
from typing import Any, Generic

from shm.record import Field, Record, Row

LETTERS = {"i8": "q", "u8": "Q", "f8": "d", "i4": "i", "u4": "I", "f4": "f", "i2": "h", "u2": "H", "i1": "b", "u1": "B"}


class Codec(Generic[Row]):
    """Packs and unpacks one record type. `Record` leaves no holes, so the packed form is the slot's form."""

    __slots__ = ("_head", "_last_array", "_make", "_nested", "_struct", "pack", "record")

    def __init__(self, record: Record[Row]) -> None:
        """Derive the format from the record's fields."""
        parts = (f"{f.count}s" if f.code == "S" else f"{f.count}{LETTERS[f.code]}" for f in record.fields)
        self._struct = Struct("<" + "".join(parts))
        assert self._struct.size == record.size, record.name
        self.pack = self._struct.pack
        self.record = record
        arrays = [f.code != "S" and record.types[f.name][0].isdigit() for f in record.fields]
        self._nested = any(arrays[:-1])  # more than a last array has to be laid flat
        self._last_array, self._head = arrays[-1], len(arrays) - 1
        self._make: Callable[[Iterable[Any]], Row] = record.row._make  # type: ignore[attr-defined] # of a named tuple

    def prepare(self, *names: str, **counts: int) -> Callable[..., bytes]:
        """A function that packs these fields, in the record's order, and leaves the others 0; for the hot path.

        `counts`: of an array field only so many of its numbers, which the function gets one by one.
        """
        assert [f.name for f in self.record.fields if f.name in names] == list(names), (self.record.name, names)
        fields = ((f, counts.get(f.name, f.count) if f.name in names else 0) for f in self.record.fields)
        return Struct("<" + "".join(self._part(f, count) for f, count in fields)).pack

    @staticmethod
    def _part(f: Field, count: int) -> str:
        """The format of the first numbers of a field, and zeros in place of the others."""
        if f.code == "S":
            return f"{f.count}s" if count else f"{f.count}x"
        return f"{count}{LETTERS[f.code]}" * bool(count) + f"{f.size - count * f.size // f.count}x"

    def pack_row(self, row: Row) -> bytes:
        """The bytes of a row as a lane hands it over: its array fields are sequences."""
        if self._nested or isinstance(row[-1], (int, float, bytes)):
            return self.pack(*_flat(row))
        return self.pack(*row[:-1], *row[-1])

    def unpack(self, data: bytes) -> Row:
        """The row in these bytes; array fields come as tuples."""
        values, index, row = self._struct.unpack_from(data), 0, []
        if not self._nested:  # at most the last field is an array
            head = self._head
            return self._make((*values[:head], values[head:]) if self._last_array else values)
        for field in self.record.fields:
            many = field.code != "S" and self.record.types[field.name][0].isdigit()
            width = field.count if many else 1
            row.append(values[index : index + width] if many else values[index])
            index += width
        return self.record.row(*row)

    def unpack_each(self, data: bytes) -> Iterator[Row]:
        """The rows in these whole records, for a record without arrays."""
        assert not self._nested, self.record.name
        assert not self._last_array, self.record.name
        return map(self._make, self._struct.iter_unpack(data))


def _flat(row: Any) -> Iterator[Any]:
    for value in row:
        if isinstance(value, (int, float, bytes)):
            yield value
        else:
            yield from value
