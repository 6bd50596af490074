# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The class of all indicators: one definition that runs row by row and over whole arrays.

    rsi = Rsi(14)
    rsi.update(price)        # the new value; NaN until `ready`
    rsi.over(prices)         # one value for each row, as `update` would have returned them
    rsi.load(saved)          # saved = rsi.save(): the state as bytes, for a restart

An indicator's numbers are floats in the units of its inputs: raw lane integers or decimal prices. `ready` is true if
the value is a number. A row in which a number is missing (NaN, infinite, beyond 1e100) has the effect that the
definition names.

A compiled indicator allocates its memory in `prepare` and overrides `advance`. One in Python overrides `step`, and
keeps its state in the array that `remember` returns. Everything that changes is in one block, whose zero bytes are the
state before the first row: `reset`, `save` and `load` need no code of an indicator.
"""

from libc.math cimport NAN, fabs, nextafter
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

cimport numpy as cnp

from zlib import crc32

import numpy as np

from engine.indicators.definition import UNDEFINED, Missing

cnp.import_array()

cdef enum:
    RESTART, SKIP, ACCEPT

cdef double USABLE_MAX = 1e100
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that Python made
MISSING = {Missing.RESTART: RESTART, Missing.SKIP: SKIP, Missing.ACCEPT: ACCEPT}
LAYOUT = b"steelyard indicator 1"


cdef double time_of(object time_ns) except? -1:
    """A time as the greatest float that is not after it: no time moves over the begin of a session."""
    if isinstance(time_ns, float):
        return time_ns
    cdef int64_t exact = time_ns
    cdef double time = <double>exact
    return nextafter(time, 0) if <int64_t>time > exact else time


cdef class Indicator:
    """An indicator and its state."""

    definition = UNDEFINED

    def __init__(self, *values, output=None, **named):
        """Parameters by position or by name; `output` selects another value than the definition's first."""
        definition = definition_of(type(self))
        self.parameters = definition.settle(values, named)
        self.inputs, self.outputs = definition.columns(self.parameters), definition.names
        self.output = self.outputs[0] if output is None else output
        if self.output not in self.outputs:
            raise ValueError(f"{definition.name}: output is {output!r}; expected one of {', '.join(self.outputs)}")
        self.width, self.count, self.chosen = len(self.inputs), len(self.outputs), self.outputs.index(self.output)
        assert self.width <= ROW_MAX, self.inputs
        self.time_at = self.inputs.index("time_ns") if "time_ns" in self.inputs else -1
        self.missing = MISSING[definition.missing]
        self.key = (type(self), self.output, *self.parameters.values())
        self.prepare()

    def __dealloc__(self):
        free(self.block)

    def __repr__(self):
        numbers = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.output}({numbers}) = {self.value}"

    cpdef prepare(self):
        """Allocate the memory. A class with state of its own overrides this."""
        self.allocate(0, 0)

    def remember(self, int numbers):
        """Allocate `numbers` floats for an indicator in Python, zero before the first row, and return them."""
        cdef cnp.npy_intp length = numbers
        self.allocate(0, numbers)
        array = cnp.PyArray_SimpleNewFromData(1, &length, cnp.NPY_FLOAT64, self.memory)
        cnp.set_array_base(array, self)
        return array

    cdef void *allocate(self, size_t state, int64_t numbers) except NULL:
        """Zero bytes for the outputs, a state and an array of numbers; returns the state."""
        cdef size_t outs = self.count * sizeof(double)
        assert self.block == NULL and state % sizeof(double) == 0
        self.size = outs + state + <size_t>numbers * sizeof(double)
        self.block = <char *>calloc(1, self.size)
        if self.block == NULL:
            raise MemoryError(f"{self.outputs[0]}{self.parameters}: no memory for {self.size} bytes")
        self.out, self.memory = <double *>self.block, <double *>(self.block + outs + state)
        self.clear()
        return self.block + outs

    cdef void clear(self) noexcept nogil:
        """Return to the state before the first row."""
        memset(self.block, 0, self.size)
        self.blank()

    cdef void blank(self) noexcept nogil:
        """Every output is NaN."""
        cdef double *one = self.out
        while one < self.out + self.count:
            one[0] = NAN
            one += 1

    cdef int push(self, const double *row) except -1:
        """Read one row: `inputs` in their order."""
        cdef int i
        if self.missing != ACCEPT:
            for i in range(self.width):
                if not fabs(row[i]) <= USABLE_MAX:
                    return self.miss()
        return self.advance(row)

    cdef int miss(self) noexcept nogil:
        """Read a row in which a number is missing."""
        if self.missing == SKIP:
            self.blank()
        else:
            self.clear()
        return 0

    cdef int advance(self, const double *row) except -1:
        """Read one complete row. A compiled class overrides this."""
        cdef int i
        found = self.step(*[row[i] for i in range(self.width)])
        values = found if isinstance(found, tuple) else (found,)
        assert len(values) == len(self.outputs), f"{self.outputs}: step returned {found!r}"
        for i in range(len(values)):
            self.out[i] = values[i]
        return 0

    def step(self, *row):
        """The value after one more row, or a tuple with each output. A class in Python overrides this."""
        raise TypeError(f"{type(self).__name__} defines neither `step` nor a compiled `advance`")

    def update(self, *row):
        """Read one row, in the order of `inputs`, and return the new value."""
        cdef double[ROW_MAX] numbers
        cdef int i
        if len(row) != self.width:
            raise TypeError(f"{self.output}: {len(row)} numbers; expected {self.width}: {', '.join(self.inputs)}")
        for i in range(self.width):
            numbers[i] = time_of(row[i]) if i == self.time_at else row[i]
        self.push(numbers)
        return self.out[self.chosen]

    @property
    def value(self):
        """The selected output after the last row; NaN until it is known."""
        return self.out[self.chosen]

    @property
    def values(self):
        """Every output by name."""
        return {name: self.out[i] for i, name in enumerate(self.outputs)}

    @property
    def ready(self):
        """Whether the value is a number."""
        return self.out[self.chosen] == self.out[self.chosen]

    @property
    def first_row(self):
        """How many rows without a missing number the first value needs."""
        return type(self).definition.first_row(self.parameters)

    def reset(self):
        """Return to the state before the first row."""
        self.clear()

    def over(self, *columns):
        """The value after each row of these columns, in the order of `inputs`. The state of this object stays."""
        return self.outputs_over(columns)[self.chosen]

    def every(self, *columns):
        """Every output by name, each as `over` returns it."""
        return dict(zip(self.outputs, self.outputs_over(columns), strict=True))

    cdef outputs_over(self, tuple columns):
        """One row of the result for each output."""
        cdef Indicator fresh = type(self)(output=self.output, **self.parameters)
        arrays = self.arrays_of(columns)
        cdef int64_t rows = len(arrays[0])
        result = np.empty((len(self.outputs), rows))
        fresh.run(arrays, result, rows)
        return result

    cdef list arrays_of(self, tuple columns):
        """The columns as contiguous floats of one length."""
        if len(columns) != self.width:
            raise TypeError(f"{self.output}: {len(columns)} columns; expected {self.width}: {', '.join(self.inputs)}")
        arrays = [floats(column, name) for column, name in zip(columns, self.inputs, strict=True)]
        if len({len(one) for one in arrays}) != 1:
            found = ", ".join(f"{name} {len(one)}" for name, one in zip(self.inputs, arrays, strict=True))
            raise ValueError(f"{self.output}: columns of different length ({found}); expected one row of each")
        return arrays

    cdef int run(self, list arrays, result, int64_t rows) except -1:
        """Push every row, and store the outputs after each."""
        cdef double[ROW_MAX] row
        cdef double *column[ROW_MAX]
        cdef double *into = <double *>cnp.PyArray_DATA(result)
        cdef int64_t i
        cdef int c, outs = self.count
        for c in range(self.width):
            column[c] = <double *>cnp.PyArray_DATA(arrays[c])
        for i in range(rows):
            for c in range(self.width):
                row[c] = column[c][i]
            self.push(row)
            for c in range(outs):
                into[c * rows + i] = self.out[c]
        return 0

    def save(self):
        """The state as bytes."""
        state = self.block[:self.size]
        return b"\n".join((self.label(), crc32(state).to_bytes(4, "little") + state))

    def load(self, bytes saved):
        """Continue from the state that an indicator of the same definition and parameters saved."""
        label, separator, rest = saved.partition(b"\n")
        if not separator or label != self.label():
            raise ValueError(f"the saved state is of {label[:120]!r}; expected {self.label()!r}: warm up again")
        if len(rest) != <Py_ssize_t>self.size + 4 or int.from_bytes(rest[:4], "little") != crc32(rest[4:]):
            raise ValueError(f"the saved state of {self.label()!r} is damaged: {len(rest)} bytes; warm up again")
        memcpy(self.block, <const char *>rest + 4, self.size)

    cdef bytes label(self):
        """What a saved state belongs to."""
        return b" ".join((LAYOUT, repr((type(self).definition.name, self.parameters, self.size)).encode()))


cdef definition_of(kind):
    """The definition of a class, or an error that names what is wrong with the class."""
    if kind.definition is UNDEFINED:
        raise TypeError(f"{kind.__name__} has no definition; expected the class attribute `definition`")
    compiled = next(one for one in kind.__mro__ if not one.__flags__ & HEAP_TYPE)
    if compiled is not Indicator and kind.step is not Indicator.step:
        raise TypeError(f"{kind.__name__} overrides `step` of the compiled {compiled.__name__}, which calls none; "
                        "expected a subclass of Indicator")
    return kind.definition


cdef floats(column, str name):
    """A column as contiguous floats."""
    array = np.asarray(column)
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise TypeError(f"{name} is an array of {array.dtype} with shape {array.shape}; expected one column of numbers")
    if name == "time_ns" and array.dtype.kind != "f":
        return times_of(np.ascontiguousarray(array, np.int64))
    return np.ascontiguousarray(array, np.float64)


cdef times_of(exact):
    """Each time as `time_of` returns it."""
    result = exact.astype(np.float64)
    cdef const int64_t[::1] times = exact
    cdef double[::1] floats = result
    cdef int64_t i
    for i in range(times.shape[0]):
        if <int64_t>floats[i] > times[i]:
            floats[i] = nextafter(floats[i], 0)
    return result
