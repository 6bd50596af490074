# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The probability of each hidden state after each row, from the rows so far: the forward filter of a Markov model.

    found = HiddenFilter(model)
    found.update((0.012, 1.4))     the number of the most probable state
    found.probabilities            of every state
    found.over(rows)               the probabilities after each row, as `update` would have given them, bit for bit

    predicted[k] = Σ probability[j] · transitions[j][k]         before the first row: start[k]
    probability[k] = predicted[k] · normal(row; mean[k], covariance[k]) / Σ

No row of the future is in it, so a label is never corrected afterwards. A row with a missing number (NaN or infinite)
changes the probabilities by the transitions alone.
"""

from libc.math cimport exp, isfinite, log
from libc.string cimport memcpy

import numpy as np

from engine.learning.regimes.model import FEATURES_MOST, STATES_MOST, checked

cdef enum:
    STATES = 16
    FEATURES = 16

assert (STATES_MOST, FEATURES_MOST) == (STATES, FEATURES)
cdef double LOG_TWO_PI = 1.8378770664093453


cdef class HiddenFilter:
    """The state of one market."""

    cdef readonly object model
    cdef readonly double log_likelihood  # of the rows so far, without those that had a missing number
    cdef readonly long rows
    cdef int states, features
    cdef double[STATES] start, now, constant
    cdef double[STATES][STATES] transitions
    cdef double[STATES][FEATURES] means
    cdef double[STATES][FEATURES][FEATURES] whiten  # the inverse of the Cholesky factor of each covariance

    def __init__(self, model):
        """Begin before the first row."""
        self.model = checked(model)
        self.states, self.features = len(model.states), len(model.features)
        for k in range(self.states):
            self.start[k] = model.start[k]
            factor = np.linalg.cholesky(np.array(model.covariances[k]))
            inverse = np.linalg.inv(factor)
            self.constant[k] = -0.5 * self.features * LOG_TWO_PI - float(np.log(factor.diagonal()).sum())
            for i in range(self.features):
                self.means[k][i] = model.means[k][i]
                for j in range(i + 1):
                    self.whiten[k][i][j] = inverse[i, j]
            for j in range(self.states):
                self.transitions[k][j] = model.transitions[k][j]
        self.reset()

    def reset(self):
        """Forget every row."""
        self.rows, self.log_likelihood = 0, 0.0
        memcpy(self.now, self.start, sizeof(self.now))

    def update(self, row):
        """Read one row; the number of the most probable state."""
        cdef double[FEATURES] numbers
        if len(row) != self.features:
            raise ValueError(f"row: expected {self.features} numbers, was {len(row)}")
        for i in range(self.features):
            numbers[i] = row[i]
        self.push(numbers)
        return self.state

    def over(self, rows):
        """The probabilities after each row of a table, beginning anew."""
        cdef double[:, ::1] table = np.ascontiguousarray(rows, np.float64)
        if table.shape[1] != self.features:
            raise ValueError(f"rows: expected {self.features} columns, was {table.shape[1]}")
        found = np.empty((table.shape[0], self.states))
        cdef double[:, ::1] result = found
        cdef Py_ssize_t place
        cdef int k
        self.reset()
        for place in range(table.shape[0]):
            self.push(&table[place, 0])
            for k in range(self.states):
                result[place, k] = self.now[k]
        return found

    @property
    def probabilities(self):
        """The probability of each state."""
        return [self.now[k] for k in range(self.states)]

    @property
    def state(self):
        """The number of the most probable state; of equal ones the first."""
        cdef int k, best = 0
        for k in range(1, self.states):
            if self.now[k] > self.now[best]:
                best = k
        return best

    @property
    def name(self):
        """The name of the most probable state."""
        return self.model.states[self.state]

    def save(self):
        """What a later life needs to go on: the count of rows, their likelihood, and the probabilities."""
        return [float(self.rows), self.log_likelihood, *self.probabilities]

    def load(self, saved):
        """Go on from what `save` returned."""
        if len(saved) != self.states + 2:
            raise ValueError(f"state of {len(saved) - 2} hidden states, expected {self.states}")
        self.rows, self.log_likelihood = <long>saved[0], saved[1]
        for k in range(self.states):
            self.now[k] = saved[k + 2]

    cdef int push(self, const double *row) except -1:
        """Read one row."""
        cdef double[STATES] predicted, likely
        cdef double greatest = 0, total = 0, z, square
        cdef int i, j, k, any_state = 0, whole = 1
        for k in range(self.states):
            if self.rows == 0:
                predicted[k] = self.start[k]
                continue
            predicted[k] = 0
            for j in range(self.states):
                predicted[k] += self.now[j] * self.transitions[j][k]
        self.rows += 1
        for i in range(self.features):
            whole &= isfinite(row[i]) != 0
        if whole:
            for k in range(self.states):
                square = 0
                for i in range(self.features):
                    z = 0
                    for j in range(i + 1):
                        z += self.whiten[k][i][j] * (row[j] - self.means[k][j])
                    square += z * z
                likely[k] = self.constant[k] - 0.5 * square
                if predicted[k] > 0 and (not any_state or likely[k] > greatest):
                    greatest, any_state = likely[k], 1
            whole = isfinite(greatest) != 0
        if whole:  # a row so far out that its likelihood is no number changes nothing either
            for k in range(self.states):
                predicted[k] *= exp(likely[k] - greatest)
            for k in range(self.states):
                total += predicted[k]
            self.log_likelihood += greatest + log(total)
        else:
            for k in range(self.states):
                total += predicted[k]
        for k in range(self.states):
            self.now[k] = predicted[k] / total
        return 0
