# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""From a row of features to a model's output: scaling, trees, output, calibration. Nothing is allocated in a call.

    scaled = (x - center) / scale                    in float64; then float32 for a model of XGBoost
    margin = the trees
    margin | probability = 1 / (1 + e^-margin)       in the type of the model, as its library computes it
    calibrated = 1 / (1 + e^(a · output + b))  |  the line through the points of an isotonic fit  |  unchanged
"""

from libc.math cimport exp
from libc.stdlib cimport calloc, free

import numpy as np

from engine.inference.card import Calibrate, Output, Scale
from engine.inference.walker cimport Walker

cdef extern from "<math.h>" nogil:
    float expf(float)

cdef enum:
    PLAIN, PLATT, ISOTONIC


cdef class Predictor:
    """One model that is ready to predict."""

    cdef readonly int features
    cdef Walker walker
    cdef bint scales, is_probability
    cdef int calibration, points
    cdef double slope, shift
    cdef double *centers
    cdef double *widths
    cdef double *xs
    cdef double *ys
    cdef double *given
    cdef double *doubles
    cdef float *floats

    def __init__(self, card, trees):
        """Lay out the model; the card is checked already."""
        self.walker, self.features = Walker(trees), trees.features
        self.scales, self.is_probability = card.scaling.kind != Scale.NONE, card.output == Output.PROBABILITY
        self.centers = copied(card.scaling.centers or [0.0] * self.features)
        self.widths = copied(card.scaling.widths or [1.0] * self.features)
        self.given, self.doubles = copied([0.0] * self.features), copied([0.0] * self.features)
        self.floats = <float *>calloc(self.features, sizeof(float))
        kinds = {Calibrate.NONE: PLAIN, Calibrate.PLATT: PLATT, Calibrate.ISOTONIC: ISOTONIC}
        self.calibration = kinds[card.calibration.kind]
        self.slope, self.shift = card.calibration.slope, card.calibration.shift
        self.points = len(card.calibration.xs)
        self.xs, self.ys = copied(card.calibration.xs), copied(card.calibration.ys)

    def __dealloc__(self):
        free(self.centers)
        free(self.widths)
        free(self.given)
        free(self.doubles)
        free(self.floats)
        free(self.xs)
        free(self.ys)

    def predict(self, row):
        """The output of one row."""
        cdef int place
        if len(row) != self.features:
            raise ValueError(f"row: expected {self.features} numbers, was {len(row)}")
        for place in range(self.features):
            self.given[place] = row[place]
        return self.output_of(self.given)

    def over(self, rows):
        """The output of each row of a table."""
        cdef const double[:, ::1] table = np.ascontiguousarray(rows, np.float64)
        if table.shape[1] != self.features:
            raise ValueError(f"rows: expected {self.features} columns, was {table.shape[1]}")
        found = np.empty(table.shape[0])
        cdef double[::1] result = found
        cdef Py_ssize_t place
        for place in range(table.shape[0]):
            result[place] = self.output_of(&table[place, 0])
        return found

    cdef double output_of(self, const double *row) noexcept nogil:
        """Scale, walk, and turn the margin into the output."""
        cdef int place
        cdef double margin
        for place in range(self.features):
            self.doubles[place] = (row[place] - self.centers[place]) / self.widths[place] if self.scales else row[place]
        if self.walker.is_double:
            margin = self.walker.walk(self.doubles)
            if self.is_probability:
                margin = 1.0 / (1.0 + exp(-margin))
        else:
            for place in range(self.features):
                self.floats[place] = <float>self.doubles[place]
            margin = self.walker.walk(self.floats)
            if self.is_probability:
                margin = <float>1.0 / (<float>1.0 + expf(-<float>margin))
        return self.calibrated(margin)

    cdef double calibrated(self, double output) noexcept nogil:
        """The output after calibration."""
        cdef int low = 0, high = self.points - 1, middle
        if self.calibration == PLAIN:
            return output
        if self.calibration == PLATT:
            return 1.0 / (1.0 + exp(self.slope * output + self.shift))
        if output <= self.xs[0]:
            return self.ys[0]
        if output >= self.xs[high]:
            return self.ys[high]
        while high - low > 1:
            middle = (low + high) // 2
            if self.xs[middle] <= output:
                low = middle
            else:
                high = middle
        return self.ys[low] + (self.ys[high] - self.ys[low]) * (output - self.xs[low]) / (self.xs[high] - self.xs[low])


cdef double *copied(numbers) except NULL:
    """Numbers in memory of their own; at least one place."""
    cdef double *found = <double *>calloc(max(len(numbers), 1), sizeof(double))
    if found == NULL:
        raise MemoryError("numbers of a model")
    for place, number in enumerate(numbers):
        found[<int>place] = number
    return found
