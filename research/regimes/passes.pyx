# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The two passes of Baum and Welch over the likelihoods of all rows, scaled row by row."""

from libc.math cimport exp, log

import numpy as np


def forward_backward(double[:, ::1] logs, double[::1] start, double[:, ::1] transitions):
    """The log likelihood, the probability of each state in each row, and how often one follows another.

    `logs` has the log likelihood of each row in each state. These probabilities see all rows, also later ones: they are
    for the fit alone.
    """
    cdef Py_ssize_t rows = logs.shape[0], t
    cdef int states = logs.shape[1], i, j
    cdef double total, greatest, likelihood = 0
    forward_of, backward_of = np.empty((rows, states)), np.empty((rows, states))
    likely_of, follows_of, part_of = np.empty((rows, states)), np.zeros((states, states)), np.empty((states, states))
    cdef double[:, ::1] forward = forward_of, backward = backward_of, likely = likely_of
    cdef double[:, ::1] follows = follows_of, part = part_of
    for t in range(rows):
        greatest = logs[t, 0]
        for i in range(1, states):
            greatest = max(greatest, logs[t, i])
        total = 0
        for i in range(states):
            likely[t, i] = exp(logs[t, i] - greatest)
            forward[t, i] = start[i] if t == 0 else 0
            if t:
                for j in range(states):
                    forward[t, i] += forward[t - 1, j] * transitions[j, i]
            forward[t, i] *= likely[t, i]
            total += forward[t, i]
        for i in range(states):
            forward[t, i] /= total
        likelihood += greatest + log(total)
    for i in range(states):
        backward[rows - 1, i] = 1
    for t in range(rows - 2, -1, -1):
        total = 0
        for i in range(states):
            backward[t, i] = 0
            for j in range(states):
                part[i, j] = transitions[i, j] * likely[t + 1, j] * backward[t + 1, j]
                backward[t, i] += part[i, j]
                part[i, j] *= forward[t, i]
                total += part[i, j]
        for i in range(states):
            for j in range(states):
                follows[i, j] += part[i, j] / total
        total = 0
        for i in range(states):
            total += backward[t, i]
        for i in range(states):
            backward[t, i] /= total
    both = forward_of * backward_of
    return likelihood, both / both.sum(axis=1, keepdims=True), follows_of
