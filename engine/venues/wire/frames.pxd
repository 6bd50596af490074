from libc.stdint cimport uint8_t, uint32_t, uint64_t


cdef class FrameReader:
    cdef uint8_t *buffer
    cdef size_t capacity, start, end, needed
    cdef uint8_t *assembly
    cdef size_t assembly_capacity, assembly_length
    cdef int assembly_opcode
    cdef uint8_t *payload
    cdef size_t length
    cdef size_t limit
    cdef bint server, check_text
    cdef int views
    cdef readonly bint closed
    cdef readonly object error
    cdef readonly list controls

    cpdef list messages(self)
    cdef int make_room(self, size_t wanted) except -1
    cpdef int written(self, size_t count) except -1
    cdef int fail(self, int code, str reason) except -2
    cdef int advance(self) except -2
    cdef int locate(self, uint8_t *head, size_t available) except -2
    cdef int judge(self, uint8_t first, uint8_t second) except -2
    cdef int judge_order(self, int opcode, uint64_t length) except -2
    cdef int accept(self, int opcode, bint final) except -2
    cdef int accept_close(self) except -2
    cdef int assemble(self, int opcode) except -1


cdef class FrameWriter:
    cdef uint64_t seed
    cdef bint server

    cdef uint32_t next_key(self) noexcept nogil
    cpdef bytes encode(self, int opcode, bytes payload, bint final=*)
