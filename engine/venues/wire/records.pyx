"""The loop over TLS records: a venue sends each message as a record of its own, so it turns once a message.

Python's `ssl` costs as much for a record as opening it does. So records are opened by OpenSSL's own `SSL_read`, on the
connection that Python's `ssl` made, verified and still owns:

    context.wrap_bio ──SSL_new──▶ `note` gets the new connection ──▶ Records keeps it beside its owner

OpenSSL calls such callbacks (`CRYPTO_get_ex_new_index`) for every connection that it makes, so Python's own structures
need not be read. The functions are those of the library that `_ssl` has loaded, found by name: nothing is linked, no
header is needed, and there is one OpenSSL in the process. If they cannot be found (a Python with OpenSSL built into it)
the loop calls Python's `read`; the rest is the same.
"""

import _ssl
import os
import ssl

from engine.venues.wire.frames cimport FrameReader

cdef extern from "dlfcn.h" nogil:
    void *dlopen(const char *name, int flags)
    void *dlsym(void *library, const char *name)
    int RTLD_LAZY
    int RTLD_NOLOAD

cdef extern from *:
    """
    static __thread void *sy_made;
    static __thread unsigned long sy_made_count;

    static void sy_note(void *made, void *value, void *values, int index, long number, void *argument)
    {
        sy_made = made;
        sy_made_count++;
    }
    """
    void *sy_made
    unsigned long sy_made_count
    void sy_note() noexcept nogil

cdef enum:
    CONNECTIONS = 0  # CRYPTO_EX_INDEX_SSL
    WANT_READ = 2  # SSL_ERROR_WANT_READ
    ZERO_RETURN = 6  # SSL_ERROR_ZERO_RETURN
    RECORD_LIMIT = 16384  # what one record can hold
    MESSAGE_ROOM = 256

cdef int (*get_new_index)(int kind, long number, void *argument, void *made, void *copied, void *freed) noexcept nogil
cdef int (*ssl_read)(void *connection, void *target, int room) noexcept nogil
cdef int (*ssl_get_error)(void *connection, int outcome) noexcept nogil
cdef void (*clear_errors)() noexcept nogil
cdef unsigned long (*last_error)() noexcept nogil
cdef void (*describe)(unsigned long error, char *target, size_t room) noexcept nogil


cdef bint find(void *library, const char *name, void **place) noexcept nogil:
    """Find one function of a library or of the libraries that it needs."""
    place[0] = dlsym(library, name)
    return place[0] != NULL


cdef bint find_library():
    """Find the functions that Python's `ssl` uses, and register the callback for every connection from here on."""
    cdef bytes path = os.fsencode(getattr(_ssl, "__file__", ""))
    cdef void *library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD) if path else NULL
    return (
        ssl.OPENSSL_VERSION.startswith("OpenSSL ")
        and ssl.OPENSSL_VERSION_INFO >= (1, 1, 1)
        and library != NULL
        and find(library, "CRYPTO_get_ex_new_index", <void **>&get_new_index)
        and find(library, "SSL_read", <void **>&ssl_read)
        and find(library, "SSL_get_error", <void **>&ssl_get_error)
        and find(library, "ERR_clear_error", <void **>&clear_errors)
        and find(library, "ERR_peek_last_error", <void **>&last_error)
        and find(library, "ERR_error_string_n", <void **>&describe)
        and get_new_index(CONNECTIONS, 0, NULL, <void *>&sy_note, NULL, NULL) >= 0
    )


DIRECT = bool(find_library())


cdef class Records:
    """The records of one TLS connection; `engine` is its Python side, for all work outside the loop."""

    cdef readonly object engine
    cdef readonly bint direct
    cdef object incoming
    cdef object read
    cdef void *connection

    def __init__(self, object context, object incoming, object outgoing, str host, bint direct=DIRECT):
        """Make the connection's TLS engine over two memory BIOs, as the client of `host`."""
        cdef unsigned long before = sy_made_count
        self.incoming = incoming  # SSL_read reads from it: it must live as long as the engine
        self.engine = context.wrap_bio(incoming, outgoing, server_hostname=host)
        # The public read only forwards to this one, at the price of a frame for each message.
        self.read = getattr(self.engine, "_sslobj", self.engine).read
        self.direct = direct and sy_made_count == before + 1
        self.connection = sy_made if self.direct else NULL

    def decrypt(self, FrameReader reader):
        """Open every record there is into the reader's free end; the end and faults are `ssl`'s exceptions."""
        if self.direct:
            self.decrypt_directly(reader)
        else:
            self.decrypt_by_python(reader)

    cdef int decrypt_directly(self, FrameReader reader) except -1:
        """Let OpenSSL write into the reader until it needs more bytes."""
        cdef int count, error
        clear_errors()
        while True:
            reader.make_room(RECORD_LIMIT)
            count = ssl_read(self.connection, reader.buffer + reader.end, RECORD_LIMIT)
            if count <= 0:
                break
            reader.end += count
        error = ssl_get_error(self.connection, count)
        if error == ZERO_RETURN:
            raise goodbye()
        if error != WANT_READ:
            raise ssl.SSLError(error, explain(error))
        return 0

    cdef int decrypt_by_python(self, FrameReader reader) except -1:
        """The same through Python's `read`."""
        cdef size_t count
        while self.incoming.pending:
            count = self.read(RECORD_LIMIT, reader)
            if count == 0:
                raise goodbye()
            reader.written(count)
        return 0


cdef object goodbye():
    """The other side has announced that it sends no more."""
    return ssl.SSLZeroReturnError(ZERO_RETURN, "closed by the peer")


cdef str explain(int error):
    """OpenSSL's own words for what went wrong last on this thread."""
    cdef char text[MESSAGE_ROOM]
    cdef unsigned long number = last_error()
    if number == 0:
        return f"error {error} without a reason"
    describe(number, text, MESSAGE_ROOM)
    clear_errors()
    return (<bytes>text).decode("ascii", "replace")
