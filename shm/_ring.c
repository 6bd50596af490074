/* The Python face of ring.h: Mapping, RingWriter, RingReader, CellWriter, CellReader.
 *
 * A C extension and not Cython, because a publish costs 18 ns here and 27 there (ARCHITECTURE.md has the figures). Python
 * subclasses in ring.py and cell.py find the segment and hand over a mapping; nothing here opens a file.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <sched.h>

#include "codec.h"
#include "mapping.h"
#include "ring.h"

#define NAP_LEAST_NS 50000
#define NAP_MOST_NS 20000000
#define HELD_BYTES 1024 /* how much a reader that is behind copies at once */
#define SPIN_NS 100000
#define SIGNALS_NS 50000000 /* how long a signal may wait for its handler */
#define SPIN_LOOKS 64

static int counter_is_good;
static double ticks_per_ns = 1.0;
static uint64_t longest_sleep_ns = 100000000;

/* Both clocks at one moment: the closest of a few pairs, for a process may be preempted between the two. */
static void both_clocks(uint64_t *ns, uint64_t *ticks) {
    uint64_t closest = UINT64_MAX;
    for (int i = 0; i < 16 && closest > 200; i++) {
        uint64_t before = sy_monotonic_ns(), counter = sy_ticks(1), width = sy_monotonic_ns() - before;
        if (width < closest) closest = width, *ns = before + width / 2, *ticks = counter;
    }
}

/* The processor's counter if it runs at one rate in every state; then its rate, over a fraction of a millisecond. */
static void calibrate(void) {
#if defined(__x86_64__)
    unsigned int a, b, c, d;
    counter_is_good = __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8);
#elif defined(__aarch64__)
    counter_is_good = 1;
#endif
    if (!counter_is_good) return;
    uint64_t ns = 0, ticks = 0, ns_end = 0, ticks_end = 0;
    both_clocks(&ns, &ticks);
    while (sy_monotonic_ns() < ns + 200000) sy_pause();
    both_clocks(&ns_end, &ticks_end);
    ticks_per_ns = (double)(ticks_end - ticks) / (double)(ns_end - ns);
    if (ticks_per_ns < 1e-3) counter_is_good = 0, ticks_per_ns = 1.0;
}

static uint64_t in_ticks(uint64_t ns) {
    double ticks = (double)ns * ticks_per_ns;
    return ticks < 9e18 ? (uint64_t)ticks : (uint64_t)9e18; /* for ever; beyond is undefined */
}

static uint64_t header_u64(const sy_mapping *m, int offset) {
    uint64_t value;
    memcpy(&value, m->base + offset, 8);
    return value;
}

static uint64_t header_u32(const sy_mapping *m, int offset) {
    uint32_t value;
    memcpy(&value, m->base + offset, 4);
    return value;
}

/* Offsets as in header.py; what they hold was checked there before the mapping was made. */
enum { H_RECORD_SIZE = 24, H_CAPACITY = 32, H_RESERVE = 40, H_DATA = 48, H_FIRST = 112, H_COUNT = 120 };

/* ---- RingWriter ------------------------------------------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    sy_mapping *mapping;
    sy_codec codec;
    sy_writer w;
    sy_mapping *consumer;
    char *record; /* a record is packed here and copied at once: its line stays with this core until it is whole */
    int busy;     /* a value's __index__ must not publish in the middle of a publish */
} Writer;

static void writer_dealloc(Writer *self) {
    sy_codec_clear(&self->codec);
    Py_XDECREF(self->mapping);
    Py_XDECREF(self->consumer);
    PyMem_Free(self->record);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static int writer_init(Writer *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"mapping", "record", "wake", "lossless", NULL};
    PyObject *mapping, *record;
    int wake, lossless;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!Opp", names, &MappingType, &mapping, &record, &wake, &lossless)) return -1;
    if (self->mapping) {
        PyErr_SetString(PyExc_RuntimeError, "a writer is initialised once");
        return -1;
    }
    sy_mapping *m = (sy_mapping *)mapping;
    if (!sy_mapping_alive(m) || sy_codec_init(&self->codec, record, header_u32(m, H_RECORD_SIZE))) return -1;
    self->mapping = (sy_mapping *)Py_NewRef(mapping);
    if (!mapping_may_write(m)) return -1;
    sy_writer *w = &self->w;
    w->data = m->base + header_u64(m, H_DATA);
    w->cursor = (sy_word *)(m->base + SY_CURSOR_OFFSET);
    w->statistics = (sy_word *)(m->base + SY_STATISTICS_OFFSET);
    w->next = atomic_load_explicit(w->cursor, memory_order_acquire);
    w->capacity = header_u64(m, H_CAPACITY), w->reserve = header_u64(m, H_RESERVE);
    w->record_size = header_u32(m, H_RECORD_SIZE);
    w->idle_ticks = wake ? in_ticks(SY_IDLE_NS) : 0;
    w->counter_is_good = counter_is_good;
    w->lossless = lossless;
    w->consumed = w->next + w->reserve - w->capacity; /* full until a consumer tells where it is */
    if (wake) sy_futex_wake(w->cursor);               /* the one before may have died between its store and its wake */
    self->record = PyMem_Malloc(w->record_size);
    if (!self->record) PyErr_NoMemory();
    return self->record ? 0 : -1;
}

static int writer_ready(Writer *self) {
    if (!self->mapping || !sy_mapping_alive(self->mapping) || !mapping_may_write(self->mapping)) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "this lane is closed");
        return 0;
    }
    if (self->busy) PyErr_SetString(PyExc_RuntimeError, "publish inside a publish");
    return !self->busy;
}

static PyObject *writer_publish(Writer *self, PyObject *const *values, Py_ssize_t count) {
    if (!writer_ready(self)) return NULL;
    if (!sy_room(&self->w, 1)) Py_RETURN_FALSE;
    self->busy = 1;
    int failed = sy_pack(&self->codec, self->record, values, count);
    self->busy = 0;
    if (failed || !writer_ready(self)) return NULL; /* a value's __index__ may have closed the lane, or forked */
    sy_begin(&self->w);
    sy_copy(sy_slot(&self->w, 0), self->record, self->w.record_size);
    sy_publish(&self->w, 1);
    Py_RETURN_TRUE;
}

static PyObject *publish_memory(Writer *self, const char *from, uint64_t size) {
    uint64_t n = size / self->w.record_size;
    if (n * self->w.record_size != size || n > self->w.reserve || !n) {
        PyErr_Format(PyExc_ValueError, "%llu bytes are not 1 to %llu records of %llu bytes", (unsigned long long)size,
                     (unsigned long long)self->w.reserve, (unsigned long long)self->w.record_size);
        return NULL;
    }
    if (!sy_room(&self->w, n)) Py_RETURN_FALSE;
    sy_begin(&self->w);
    sy_copy(sy_slot(&self->w, 0), from, size);
    sy_publish(&self->w, n);
    Py_RETURN_TRUE;
}

static PyObject *writer_publish_bytes(Writer *self, PyObject *argument) {
    if (!writer_ready(self)) return NULL;
    if (PyBytes_CheckExact(argument)) return publish_memory(self, PyBytes_AS_STRING(argument), (uint64_t)PyBytes_GET_SIZE(argument));
    Py_buffer buffer;
    if (PyObject_GetBuffer(argument, &buffer, PyBUF_SIMPLE)) return NULL;
    PyObject *result = writer_ready(self) ? publish_memory(self, buffer.buf, (uint64_t)buffer.len) : NULL; /* as in publish */
    PyBuffer_Release(&buffer);
    return result;
}

/* Bind a cell in the consumer's segment whose record begins with the consumer's cursor. */
static PyObject *writer_follow(Writer *self, PyObject *args) {
    PyObject *object, *number;
    uint64_t index;
    if (!PyArg_ParseTuple(args, "O!O", &MappingType, &object, &number) || sy_u64(number, "index", &index)) return NULL;
    sy_mapping *m = (sy_mapping *)object;
    if (!sy_mapping_alive(m)) return NULL;
    uint64_t size = header_u32(m, H_RECORD_SIZE);
    if (index >= header_u32(m, H_COUNT) || size < 8 || size > 64) {
        PyErr_Format(PyExc_IndexError, "cell %llu of %llu, records of %llu bytes: a consumer's cell holds 8 to 64",
                     (unsigned long long)index,
                     (unsigned long long)header_u32(m, H_COUNT), (unsigned long long)size);
        return NULL;
    }
    Py_XSETREF(self->consumer, (sy_mapping *)Py_NewRef(object));
    self->w.consumer.base = m->base + header_u64(m, H_DATA) + index * sy_cell_size(size);
    self->w.consumer.stride = (size + 63) / 64 * 64;
    self->w.consumer.record_size = size;
    Py_RETURN_NONE;
}

static PyObject *writer_get_cursor(Writer *self, void *Py_UNUSED(closure)) { return PyLong_FromUnsignedLongLong(self->w.next); }

static PyObject *writer_get_capsule(Writer *self, void *Py_UNUSED(closure)) {
    if (!writer_ready(self)) return NULL;
    return PyCapsule_New(&self->w, "steelyard.writer", NULL);
}

static PyMethodDef writer_methods[] = {
    {"publish", (PyCFunction)(void (*)(void))writer_publish, METH_FASTCALL, "publish(*fields) -> bool: one record; False: full (lossless only)."},
    {"publish_bytes", (PyCFunction)writer_publish_bytes, METH_O, "publish_bytes(buffer) -> bool: 1 to reserve whole records at once."},
    {"_follow", (PyCFunction)writer_follow, METH_VARARGS, "_follow(mapping, index): the cell with the consumer's cursor."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef writer_attributes[] = {
    {"cursor", (getter)writer_get_cursor, NULL, "The next sequence.", NULL},
    {"capsule", (getter)writer_get_capsule, NULL, "sy_writer * for compiled code; keep this writer alive beside it.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyTypeObject WriterType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "shm._ring.Writer",
    .tp_doc = "Writes a ring.",
    .tp_basicsize = sizeof(Writer),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)writer_init,
    .tp_dealloc = (destructor)writer_dealloc,
    .tp_methods = writer_methods,
    .tp_getset = writer_attributes,
};

/* ---- RingReader ------------------------------------------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    sy_mapping *mapping;
    sy_codec codec;
    sy_reader r;
    PyTypeObject *lapped; /* shm.ring.Lapped(first, after) */
    char *held;           /* private copies of the records from held_first on: what is decoded can no longer change */
    const char *record;   /* the one of them that was fetched last */
    uint64_t held_first, held_count, held_most;
    uint64_t still_next, still_since; /* the lane has stood at still_next since then, in ticks; 0: not known */
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
        PyErr_SetString(PyExc_RuntimeError, "a reader is initialised once");
        return -1;
    }
    sy_mapping *m = (sy_mapping *)mapping;
    if (!sy_mapping_alive(m) || sy_codec_init(&self->codec, record, header_u32(m, H_RECORD_SIZE))) return -1;
    self->lapped = (PyTypeObject *)Py_NewRef(lapped);
    self->mapping = (sy_mapping *)Py_NewRef(mapping);
    self->r = (sy_reader){m->base + header_u64(m, H_DATA), (sy_word *)(m->base + SY_CURSOR_OFFSET), 0,
                          header_u64(m, H_CAPACITY), header_u64(m, H_RESERVE), header_u32(m, H_RECORD_SIZE)};
    self->r.next = atomic_load_explicit(self->r.cursor, memory_order_acquire);
    self->wakes = wake;
    self->held_most = self->r.record_size < HELD_BYTES ? HELD_BYTES / self->r.record_size : 1;
    self->held = PyMem_Malloc(self->held_most * self->r.record_size);
    if (!self->held) PyErr_NoMemory();
    return self->held ? 0 : -1;
}

static int reader_attached(Reader *self) {
    if (!self->mapping) PyErr_SetString(PyExc_ValueError, "this reader was never attached");
    return self->mapping != NULL;
}

static int reader_ready(Reader *self) {
    if (self->busy) PyErr_SetString(PyExc_RuntimeError, "read inside a read");
    return !self->busy && reader_attached(self);
}

/* Unpacking allocates, so a collection may run code that reads here again and overwrites what is held. */
static PyObject *reader_row(Reader *self) {
    self->busy = 1;
    PyObject *row = sy_unpack(&self->codec, self->record);
    self->busy = 0;
    return row;
}

static PyObject *lapped_value(Reader *self, uint64_t first, uint64_t after) {
    return PyObject_CallFunction((PyObject *)self->lapped, "KK", first, after);
}

/* Make self->record the next record. 1: it is there, 0: nothing waits, -1: *value says what else (Lapped, NULL on error).
 *
 * A reader that is behind copies a few records under one check, and takes the next from there: looking at the cursor for
 * each would pull its line from the writer as often. A published record never changes, so the copy cannot grow old.
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
        if (!sy_torn(r, first, n)) {
            self->held_first = first, self->held_count = n;
            self->record = self->held;
            r->next++;
            return 1;
        }
        sy_available(r, &lost); /* overtaken while copying: now it is a lap like any other */
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

/* Look until something came or the time is over. Between two readings of the clock it only looks: a pause here would add
 * its length to every record's way, and the line is this core's own until the writer takes it. */
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
            sy_expect(&self->r);
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

/* (first, count, lost): the next records, at most `limit`; the cursor moves behind them. The slots lie in a row. */
static PyObject *reader_claim(Reader *self, PyObject *argument) {
    uint64_t limit;
    if (sy_u64(argument, "limit", &limit) || !reader_ready(self)) return NULL;
    uint64_t lost, n = sy_available(&self->r, &lost);
    if (n > limit) n = limit;
    uint64_t first = self->r.next;
    self->r.next += n;
    return Py_BuildValue("KKK", first, n, lost);
}

static PyObject *reader_torn(Reader *self, PyObject *args) {
    unsigned long long first, count;
    if (!PyArg_ParseTuple(args, "KK", &first, &count) || !reader_attached(self)) return NULL;
    return PyLong_FromUnsignedLongLong(sy_torn(&self->r, first, count));
}

static PyObject *reader_decode(Reader *self, PyObject *argument) {
    if (!reader_attached(self)) return NULL;
    if (!PyBytes_Check(argument) || (uint64_t)PyBytes_GET_SIZE(argument) != self->codec.size) {
        PyErr_Format(PyExc_ValueError, "expected %llu bytes of one record", (unsigned long long)self->codec.size);
        return NULL;
    }
    return sy_unpack(&self->codec, PyBytes_AS_STRING(argument));
}

typedef struct {
    sy_word *cursor;
    uint64_t next, timeout, spin, still_since; /* the latter three in ticks */
    int wakes;
} Wait;

/* Until something waits (1), the time is over (0), or signals are to be looked for (-1): spin, then yield, then sleep. */
static int wait_for(Wait *wait, uint64_t started) {
    uint64_t entered = sy_ticks(counter_is_good), slice = in_ticks(SIGNALS_NS), still = in_ticks(2 * SY_IDLE_NS);
    for (;;) {
        if (atomic_load_explicit(wait->cursor, memory_order_acquire) != wait->next) return 1;
        uint64_t now = sy_ticks(counter_is_good);
        if (now - started >= wait->timeout) return 0;
        if (now - entered >= slice) return -1; /* a signal that came while we were not asleep interrupted nothing */
        uint64_t left_ns = (uint64_t)((double)(wait->timeout - (now - started)) / ticks_per_ns);
        if (now - started < wait->spin) sy_pause();
        else if (now - wait->still_since < still) sched_yield();
        else if (wait->wakes) { /* not for ever: a clock that lies costs no more than that */
            if (sy_futex_wait(wait->cursor, wait->next, left_ns < longest_sleep_ns ? left_ns : longest_sleep_ns) && errno == EINTR) return -1;
        } else { /* nobody will wake us: look the less often, the longer nothing came */
            uint64_t idle_ns = (uint64_t)((double)(now - wait->still_since) / ticks_per_ns) / 8;
            uint64_t nap_ns = idle_ns < NAP_LEAST_NS ? NAP_LEAST_NS : idle_ns < NAP_MOST_NS ? idle_ns : NAP_MOST_NS;
            struct timespec nap = {0, (long)(left_ns < nap_ns ? left_ns : nap_ns)};
            if (nanosleep(&nap, NULL) && errno == EINTR) return -1;
        }
    }
}

/* Since when the lane has stood where this reader is: over many short waits too, or each would begin with the yields again. */
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
    do { /* anew each time: a signal's handler may have read here */
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
        PyErr_Format(PyExc_ValueError, "cursor %llu lies beyond the lane's %llu", (unsigned long long)next, (unsigned long long)cursor);
        return -1;
    }
    uint64_t oldest = header_u64(self->mapping, H_FIRST);
    if (next - oldest > cursor - oldest) { /* slots in front of the first record were never written */
        PyErr_Format(PyExc_ValueError, "cursor %llu lies before the lane's first record %llu", (unsigned long long)next, (unsigned long long)oldest);
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

/* Compiled code may take the next records straight from the slots: what is held aside is found by its sequence, or not at all. */
static PyObject *reader_get_capsule(Reader *self, void *Py_UNUSED(closure)) {
    if (!reader_attached(self)) return NULL;
    return PyCapsule_New(&self->r, "steelyard.reader", NULL);
}

static PyMethodDef reader_methods[] = {
    {"read", (PyCFunction)reader_read, METH_NOARGS, "read() -> row | Lapped | None: the next record."},
    {"read_bytes", (PyCFunction)reader_read_bytes, METH_NOARGS, "read_bytes() -> bytes | Lapped | None: the next record as it lies in memory."},
    {"spin", (PyCFunction)(void (*)(void))reader_spin_read, METH_FASTCALL,
     "spin(limit_ns=100000) -> row | Lapped | None: look without a pause until a record is there, or for so long."},
    {"spin_bytes", (PyCFunction)(void (*)(void))reader_spin_read_bytes, METH_FASTCALL,
     "spin_bytes(limit_ns=100000) -> bytes | Lapped | None: the same, as it lies in memory."},
    {"decode", (PyCFunction)reader_decode, METH_O, "decode(bytes) -> row: one record's bytes as a row."},
    {"wait", (PyCFunction)(void (*)(void))reader_wait, METH_VARARGS | METH_KEYWORDS,
     "wait(timeout_ns, spin_ns=0) -> bool: spin, then yield, then sleep until a record waits."},
    {"_claim", (PyCFunction)reader_claim, METH_O, "_claim(limit) -> (first, count, lost)."},
    {"_torn", (PyCFunction)reader_torn, METH_VARARGS, "_torn(first, count) -> leading records that may be torn."},
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

/* ---- cells ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    sy_mapping *mapping;
    sy_codec codec;
    char *first, *record;
    uint64_t count, stride, size;
    int busy;
} Cells;

static void cells_dealloc(Cells *self) {
    sy_codec_clear(&self->codec);
    Py_XDECREF(self->mapping);
    PyMem_Free(self->record);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static int cells_init(Cells *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"mapping", "record", NULL};
    PyObject *mapping, *record;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O", names, &MappingType, &mapping, &record)) return -1;
    if (self->mapping) {
        PyErr_SetString(PyExc_RuntimeError, "cells are initialised once");
        return -1;
    }
    sy_mapping *m = (sy_mapping *)mapping;
    if (!sy_mapping_alive(m) || sy_codec_init(&self->codec, record, header_u32(m, H_RECORD_SIZE))) return -1;
    self->mapping = (sy_mapping *)Py_NewRef(mapping);
    self->first = m->base + header_u64(m, H_DATA);
    self->count = header_u32(m, H_COUNT);
    self->size = header_u32(m, H_RECORD_SIZE);
    self->stride = (self->size + 63) / 64 * 64;
    self->record = PyMem_Malloc(self->size);
    if (!self->record) PyErr_NoMemory();
    return self->record ? 0 : -1;
}

static int cells_find(Cells *self, PyObject *index, sy_cell *cell) {
    uint64_t i;
    if (sy_u64(index, "index", &i)) return 0; /* first: an __index__ of its own may close the lane, or fork */
    if (!self->mapping || !sy_mapping_alive(self->mapping)) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "these cells were never attached");
        return 0;
    }
    if (i >= self->count) {
        PyErr_Format(PyExc_IndexError, "cell %llu of %llu", (unsigned long long)i, (unsigned long long)self->count);
        return 0;
    }
    *cell = (sy_cell){self->first + i * (SY_CELL_HEAD + SY_CELL_SLOTS * self->stride), self->stride, self->size};
    return 1;
}

/* The value is packed aside first: a value that does not fit leaves the cell as it was, and the slot is filled at once. */
static PyObject *cells_put(Cells *self, const sy_cell *cell, const char *from) {
    sy_copy(sy_cell_begin(cell), from, self->size);
    sy_cell_commit(cell);
    sy_word *writes = (sy_word *)(self->mapping->base + SY_CURSOR_OFFSET); /* counted, so that tools can tell a rate */
    atomic_store_explicit(writes, atomic_load_explicit(writes, memory_order_relaxed) + 1, memory_order_relaxed);
    Py_RETURN_NONE;
}

/* Packing and unpacking may run code that comes back here, and there is one buffer for both. */
static int cells_free(Cells *self) {
    if (self->busy) PyErr_SetString(PyExc_RuntimeError, "a cell is read or written inside a read or a write");
    return !self->busy;
}

static int cells_may_write(Cells *self) { return mapping_may_write(self->mapping) && cells_free(self); }

static PyObject *cells_write(Cells *self, PyObject *const *values, Py_ssize_t count) {
    sy_cell cell;
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "write(index, *fields)");
        return NULL;
    }
    if (!cells_find(self, values[0], &cell) || !cells_may_write(self)) return NULL;
    self->busy = 1;
    int failed = sy_pack(&self->codec, self->record, values + 1, count - 1);
    self->busy = 0;
    if (failed || !sy_mapping_alive(self->mapping)) return NULL; /* a value's __index__ may have closed the lane, or forked */
    return cells_put(self, &cell, self->record);
}

static PyObject *cells_write_bytes(Cells *self, PyObject *args) {
    PyObject *index, *result = NULL;
    Py_buffer buffer;
    sy_cell cell;
    if (!PyArg_ParseTuple(args, "Oy*", &index, &buffer)) return NULL;
    if (cells_find(self, index, &cell) && cells_may_write(self)) {
        if ((uint64_t)buffer.len == self->size) result = cells_put(self, &cell, buffer.buf);
        else PyErr_Format(PyExc_ValueError, "a cell holds %llu bytes, got %zd", (unsigned long long)self->size, buffer.len);
    }
    PyBuffer_Release(&buffer);
    return result;
}

static PyObject *cells_read(Cells *self, PyObject *const *values, Py_ssize_t count) {
    sy_cell cell;
    PyObject *zero = PyLong_FromLong(0);
    int found = count <= 1 && cells_find(self, count ? values[0] : zero, &cell);
    Py_DECREF(zero);
    if (!found) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "read(index=0)");
        return NULL;
    }
    if (!cells_free(self)) return NULL;
    if (!sy_cell_read(&cell, self->record)) Py_RETURN_NONE;
    self->busy = 1;
    PyObject *row = sy_unpack(&self->codec, self->record);
    self->busy = 0;
    return row;
}

static PyObject *cells_sequence(Cells *self, PyObject *index) {
    sy_cell cell;
    if (!cells_find(self, index, &cell)) return NULL;
    return PyLong_FromUnsignedLongLong(atomic_load_explicit((sy_word *)cell.base, memory_order_acquire));
}

static PyObject *cells_get_count(Cells *self, void *Py_UNUSED(closure)) { return PyLong_FromUnsignedLongLong(self->count); }

static PyMethodDef cells_methods[] = {
    {"write", (PyCFunction)(void (*)(void))cells_write, METH_FASTCALL, "write(index, *fields): the cell's value from here on."},
    {"write_bytes", (PyCFunction)cells_write_bytes, METH_VARARGS, "write_bytes(index, buffer): one whole record."},
    {"read", (PyCFunction)(void (*)(void))cells_read, METH_FASTCALL, "read(index=0) -> row | None: the latest value, None before the first."},
    {"sequence", (PyCFunction)cells_sequence, METH_O, "sequence(index) -> int: how often the cell was written."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef cells_attributes[] = {
    {"count", (getter)cells_get_count, NULL, "How many cells the segment holds.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyTypeObject CellsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "shm._ring.Cells",
    .tp_doc = "Latest values.",
    .tp_basicsize = sizeof(Cells),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)cells_init,
    .tp_dealloc = (destructor)cells_dealloc,
    .tp_methods = cells_methods,
    .tp_getset = cells_attributes,
};

/* ---- module ----------------------------------------------------------------------------------------------------------- */

static PyObject *longest_sleep(PyObject *Py_UNUSED(self), PyObject *argument) {
    uint64_t before = longest_sleep_ns;
    if (sy_u64(argument, "longest sleep", &longest_sleep_ns)) return NULL;
    return PyLong_FromUnsignedLongLong(before);
}

static PyMethodDef functions[] = {
    {"_longest_sleep", longest_sleep, METH_O, "_longest_sleep(ns) -> int: how long a wait sleeps unlooked-for; what it was. For proofs."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "shm._ring", "The ring's protocol for Python.", -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__ring(void) {
    static int forks_seen;
    PyObject *m = PyModule_Create(&module);
    if (!m) return NULL;
    calibrate();
    if (!forks_seen && pthread_atfork(NULL, NULL, sy_after_fork)) return PyErr_SetFromErrno(PyExc_OSError);
    forks_seen = 1;
    if (PyModule_AddType(m, &MappingType) || PyModule_AddType(m, &WriterType) || PyModule_AddType(m, &ReaderType) ||
        PyModule_AddType(m, &CellsType) || PyModule_AddIntMacro(m, SY_IDLE_NS) || PyModule_AddIntMacro(m, SY_CELL_HEAD) ||
        PyModule_AddIntMacro(m, SY_CELL_SLOTS)) {
        Py_DECREF(m);
        return NULL;
    }
    return m;
}
