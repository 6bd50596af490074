"""The compiled face of the session with the model venue."""

from libc.stdint cimport int32_t, int64_t

from research.simulate.trading.session cimport Letter, Session

cdef class ModelSession:
    cdef Session session
    cdef object listener
    cdef dict instruments  # by id
    cdef dict places  # of the venue's markets, by instrument
    cdef dict numbers  # of the orders that may still fill, by client id
    cdef list client_ids  # by the order's number
    cdef dict replacing  # by a new order's number: the client id of the order that ends
    cdef dict working  # execution's algorithms, by intent
    cdef list answers  # to questions, for the next step
    cdef list reported  # by instrument's place: the numbers of the fills that were reported
    cdef Letter letter
    cdef bint has_letter
    cdef readonly object clock, budget, clearance, fill_order
    cdef readonly bint up

    cdef void deliver(self, Letter letter) noexcept
    cdef int hand_over(self, int64_t now_ns) except -1
    cdef int answer_placement(self, object client_id, object news, list fills, int64_t now_ns) except -1
    cdef object known_news(self, int32_t number, int64_t venue_ns)
    cdef object fill_news(self, int32_t fill)
    cdef int32_t new_order(self, int instrument, int side, int time_in_force, int64_t price, int64_t size,
                           bytes client_id, int64_t now_ns) except -2
    cdef bint is_of_stop(self, bytes client_id) except -1
    cdef bint ask(self, object request, object answer) except -1
