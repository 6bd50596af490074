/* shm._ring.Reader: reads a ring at a cursor of its own. */
#ifndef STEELYARD_READER_H
#define STEELYARD_READER_H

#include "codec.h"
#include "mapping.h"
#include "wait.h"

#define HELD_BYTES 1024 /* how much a reader with a backlog copies at once */
#define SPIN_NS 100000
#define SPIN_LOOKS 64

typedef struct {
    PyObject_HEAD
    sy_mapping *mapping;
    sy_codec codec;
    sy_reader r;
    PyTypeObject *lapped; /* shm.ring.Lapped(first, after) */
    char *held;           /* private copies of the records from held_first on: the writer cannot change them */
    const char *record;   /* the copy that was fetched last */
    uint64_t held_first, held_count, held_most;
    uint64_t still_next, still_since; /* the cursor has not moved from still_next since then, in ticks; 0: not known */
    int wakes, busy;
} Reader;

static void reader_dealloc(Reader *self) {
    sy_codec_clear(&self->codec);
    Py_XDECREF(self->mapping);
    Py_XDECREF(self->lapped);
    PyMem_Free(self->held);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static int reader_init(Reader *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"mapping", "record", "lapped", "wake", NULL};
    PyObject *mapping, *record, *lapped;
    int wake;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OO!p", names, &MappingType, &mapping, &record, &PyType_Type, &lapped, &wake)) return -1;
    if (self->mapping) {
        PyErr_SetString(PyExc_RuntimeError, "a reader cannot be initialised twice");
        return -1;
    }
    sy_mapping *m = (sy_mapping *)mapping;
    if (!sy_mapping_alive(m) || sy_codec_init(&self->codec, record, header_of(m)->record_size)) return -1;
    self->lapped = (PyTypeObject *)Py_NewRef(lapped);
    self->mapping = (sy_mapping *)Py_NewRef(mapping);
    self->r = (sy_reader){m->base + header_of(m)->data_offset, (sy_word *)(m->base + SY_CURSOR_OFFSET), 0,
                          header_of(m)->capacity, header_of(m)->reserve, header_of(m)->record_size};
    self->r.next = atomic_load_explicit(self->r.cursor, memory_order_acquire);
    self->wakes = wake;
    self->held_most = self->r.record_size < HELD_BYTES ? HELD_BYTES / self->r.record_size : 1;
    self->held = PyMem_Malloc(self->held_most * self->r.record_size);
    if (!self->held) PyErr_NoMemory();
    return self->held ? 0 : -1;
}

static int reader_attached(Reader *self) {
    if (!self->mapping) PyErr_SetString(PyExc_ValueError, "this reader is not attached to a lane");
    return self->mapping != NULL;
}

static int reader_ready(Reader *self) {
    if (self->busy) PyErr_SetString(PyExc_RuntimeError, "read() was called inside a read() of the same reader");
    return !self->busy && reader_attached(self);
}

/* Unpacking allocates: a garbage collection may run code that calls read() again and overwrites the copies. */
static PyObject *reader_row(Reader *self) {
    self->busy = 1;
    PyObject *row = sy_unpack(&self->codec, self->record);
    self->busy = 0;
    return row;
}

static PyObject *lapped_value(Reader *self, uint64_t first, uint64_t after) {
    return PyObject_CallFunction((PyObject *)self->lapped, "KK", first, after);
}

/* Make self->record the next record. 1: done, 0: no new record, -1: return *value (Lapped, or NULL on an error).
 *
 * A reader with a backlog copies a few records under one check and returns them one by one: reading the cursor for each
 * would pull its cache line from the writer every time. A published record never changes, so a copy stays valid.
 */
static int reader_fetch(Reader *self, PyObject **value) {
    sy_reader *r = &self->r;
    uint64_t lost, first = r->next;
    if (first - self->held_first < self->held_count) {
        self->record = self->held + (first - self->held_first) * r->record_size;
        r->next++;
        return 1;
    }
    uint64_t waiting = sy_available(r, &lost);
    if (!lost && !waiting) return 0;
    if (!lost) {
        uint64_t n = waiting < self->held_most ? waiting : self->held_most;
        self->held_count = 0;
        sy_copy(self->held, sy_read_slot(r, first), n * r->record_size);
        if (!sy_overwritten(r, first, n)) {
            self->held_first = first, self->held_count = n;
            self->record = self->held;
            r->next++;
            return 1;
        }
        sy_available(r, &lost); /* the writer overtook the copy: report the lap */
    }
    *value = lapped_value(self, first, r->next);
    return -1;
}

static PyObject *reader_read(Reader *self, PyObject *Py_UNUSED(ignored)) {
    PyObject *value = NULL;
    if (!reader_ready(self)) return NULL;
    int found = reader_fetch(self, &value);
    if (found > 0) return reader_row(self);
    return found ? value : Py_NewRef(Py_None);
}

static PyObject *reader_read_bytes(Reader *self, PyObject *Py_UNUSED(ignored)) {
    PyObject *value = NULL;
    if (!reader_ready(self)) return NULL;
    int found = reader_fetch(self, &value);
    if (found > 0) return PyBytes_FromStringAndSize(self->record, (Py_ssize_t)self->r.record_size);
    return found ? value : Py_NewRef(Py_None);
}

/* Read the cursor until a record is there or the time is over. Between two readings of the clock there is no pause: it
 * would delay every record, and the cursor's line stays in this core's cache until the writer stores to it. */
static int reader_spin(Reader *self, PyObject *const *values, Py_ssize_t count, PyObject **value) {
    uint64_t spin_ns = SPIN_NS, began = 0, looked = 0, signals = in_ticks(SIGNALS_NS);
    if (count > 1) {
        PyErr_SetString(PyExc_TypeError, "spin(limit_ns=100000)");
        return -1;
    }
    if ((count && sy_u64(values[0], "limit_ns", &spin_ns)) || !reader_ready(self)) return -1;
    uint64_t limit = in_ticks(spin_ns);
    for (;;) {
        for (int i = 0; i < SPIN_LOOKS; i++) {
            if (atomic_load_explicit(self->r.cursor, memory_order_acquire) != self->r.next) return reader_fetch(self, value);
            sy_prefetch_next(&self->r);
        }
        uint64_t now = sy_ticks(counter_is_good);
        if (!began) began = looked = now;
        else if (now - began >= limit) return 0;
        else if (now - looked >= signals) {
            if (PyErr_CheckSignals()) return -1;
            looked = now;
        }
    }
}

static PyObject *reader_spin_read(Reader *self, PyObject *const *values, Py_ssize_t count) {
    PyObject *value = NULL;
    int found = reader_spin(self, values, count, &value);
    if (found > 0) return reader_row(self);
    return found ? value : Py_NewRef(Py_None);
}

static PyObject *reader_spin_read_bytes(Reader *self, PyObject *const *values, Py_ssize_t count) {
    PyObject *value = NULL;
    int found = reader_spin(self, values, count, &value);
    if (found > 0) return PyBytes_FromStringAndSize(self->record, (Py_ssize_t)self->r.record_size);
    return found ? value : Py_NewRef(Py_None);
}

/* (first, count, lost): the next records, at most `limit`; the cursor moves past them. Their slots are contiguous. */
static PyObject *reader_claim(Reader *self, PyObject *argument) {
    uint64_t limit;
    if (sy_u64(argument, "limit", &limit) || !reader_ready(self)) return NULL;
    uint64_t lost, n = sy_available(&self->r, &lost);
    if (n > limit) n = limit;
    uint64_t first = self->r.next;
    self->r.next += n;
    return Py_BuildValue("KKK", first, n, lost);
}

static PyObject *reader_overwritten(Reader *self, PyObject *args) {
    unsigned long long first, count;
    if (!PyArg_ParseTuple(args, "KK", &first, &count) || !reader_attached(self)) return NULL;
    return PyLong_FromUnsignedLongLong(sy_overwritten(&self->r, first, count));
}

static PyObject *reader_decode(Reader *self, PyObject *argument) {
    if (!reader_attached(self)) return NULL;
    if (!PyBytes_Check(argument) || (uint64_t)PyBytes_GET_SIZE(argument) != self->codec.size) {
        PyErr_Format(PyExc_ValueError, "expected %llu bytes of one record", (unsigned long long)self->codec.size);
        return NULL;
    }
    return sy_unpack(&self->codec, PyBytes_AS_STRING(argument));
}

/* Since when the lane has brought nothing new; kept over many short waits, or each one would begin with yields again. */
static uint64_t still_since(Reader *self) {
    if (self->still_next != self->r.next || !self->still_since) {
        self->still_next = self->r.next;
        self->still_since = sy_ticks(counter_is_good);
    }
    return self->still_since;
}

static PyObject *reader_wait(Reader *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"timeout_ns", "spin_ns", NULL};
    PyObject *timeout, *spin = NULL;
    uint64_t timeout_ns, spin_ns = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O", names, &timeout, &spin)) return NULL;
    if (sy_u64(timeout, "timeout_ns", &timeout_ns) || (spin && sy_u64(spin, "spin_ns", &spin_ns)) || !reader_attached(self)) return NULL;
    uint64_t started = sy_ticks(counter_is_good);
    int found;
    do { /* set up each time: a signal's handler may have read from this reader */
        if (atomic_load_explicit(self->r.cursor, memory_order_acquire) != self->r.next) Py_RETURN_TRUE;
        Wait wait = {self->r.cursor, self->r.next, in_ticks(timeout_ns), in_ticks(spin_ns), still_since(self), self->wakes};
        Py_BEGIN_ALLOW_THREADS;
        found = wait_for(&wait, started);
        Py_END_ALLOW_THREADS;
        if (found < 0 && PyErr_CheckSignals()) return NULL;
    } while (found < 0);
    return PyBool_FromLong(found);
}

static PyObject *reader_get_cursor(Reader *self, void *Py_UNUSED(closure)) { return PyLong_FromUnsignedLongLong(self->r.next); }

static int reader_set_cursor(Reader *self, PyObject *value, void *Py_UNUSED(closure)) {
    uint64_t next;
    if (!value) {
        PyErr_SetString(PyExc_AttributeError, "a cursor cannot be deleted");
        return -1;
    }
    if (sy_u64(value, "cursor", &next) || !reader_ready(self)) return -1;
    uint64_t cursor = atomic_load_explicit(self->r.cursor, memory_order_acquire);
    if ((int64_t)(cursor - next) < 0) {
        PyErr_Format(PyExc_ValueError, "cursor %llu is beyond the lane's cursor %llu", (unsigned long long)next, (unsigned long long)cursor);
        return -1;
    }
    uint64_t oldest = header_of(self->mapping)->first;
    if (next - oldest > cursor - oldest) { /* slots before the first record were never written */
        PyErr_Format(PyExc_ValueError, "cursor %llu is before the lane's first record %llu", (unsigned long long)next, (unsigned long long)oldest);
        return -1;
    }
    self->r.next = next;
    self->held_count = 0;
    return 0;
}

static PyObject *reader_get_end(Reader *self, void *Py_UNUSED(closure)) {
    if (!reader_attached(self)) return NULL;
    return PyLong_FromUnsignedLongLong(atomic_load_explicit(self->r.cursor, memory_order_acquire));
}

/* Compiled code may read the next records straight from the slots: a private copy is found by its sequence, or not used. */
static PyObject *reader_get_capsule(Reader *self, void *Py_UNUSED(closure)) {
    if (!reader_attached(self)) return NULL;
    return PyCapsule_New(&self->r, "steelyard.reader", NULL);
}

static PyMethodDef reader_methods[] = {
    {"read", (PyCFunction)reader_read, METH_NOARGS, "read() -> row | Lapped | None: the next record."},
    {"read_bytes", (PyCFunction)reader_read_bytes, METH_NOARGS, "read_bytes() -> bytes | Lapped | None: the next record's bytes."},
    {"spin", (PyCFunction)(void (*)(void))reader_spin_read, METH_FASTCALL,
     "spin(limit_ns=100000) -> row | Lapped | None: the next record, waiting for it at most so long without a pause."},
    {"spin_bytes", (PyCFunction)(void (*)(void))reader_spin_read_bytes, METH_FASTCALL,
     "spin_bytes(limit_ns=100000) -> bytes | Lapped | None: the same, as bytes."},
    {"decode", (PyCFunction)reader_decode, METH_O, "decode(bytes) -> row: one record's bytes as a row."},
    {"wait", (PyCFunction)(void (*)(void))reader_wait, METH_VARARGS | METH_KEYWORDS,
     "wait(timeout_ns, spin_ns=0) -> bool: spin, then yield, then sleep until there is a record."},
    {"_claim", (PyCFunction)reader_claim, METH_O, "_claim(limit) -> (first, count, lost)."},
    {"_overwritten", (PyCFunction)reader_overwritten, METH_VARARGS, "_overwritten(first, count) -> how many leading records the writer may have overwritten."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef reader_attributes[] = {
    {"cursor", (getter)reader_get_cursor, (setter)reader_set_cursor, "The next sequence this reader will read.", NULL},
    {"end", (getter)reader_get_end, NULL, "The lane's cursor: the sequence the writer will write next.", NULL},
    {"capsule", (getter)reader_get_capsule, NULL, "sy_reader * for compiled code; keep this reader alive beside it.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyTypeObject ReaderType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "shm._ring.Reader",
    .tp_doc = "Reads a ring.",
    .tp_basicsize = sizeof(Reader),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)reader_init,
    .tp_dealloc = (destructor)reader_dealloc,
    .tp_methods = reader_methods,
    .tp_getset = reader_attributes,
};

#endif
