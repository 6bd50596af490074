"""The compiled face of what is due next in the runs that share one pass over the data."""

from cython cimport final
from libc.stdint cimport int64_t


@final
cdef class Agenda:
    cdef int64_t *due  # when each portfolio has something to do next
    cdef int count
    cdef int64_t soonest_ns  # the earliest of them
    cdef readonly int seat  # the strategy of its portfolio that is called
    cdef int64_t refusals  # clients that have refusals to read before their next event

    cdef void set_due(self, int place, int64_t at_ns) noexcept
    cdef int first(self) noexcept


cdef inline void bring_forward(Agenda agenda, int place, int64_t at_ns) noexcept:
    """A portfolio has something to do at this time."""
    if at_ns < agenda.due[place]:
        agenda.due[place] = at_ns
        agenda.soonest_ns = min(agenda.soonest_ns, at_ns)
