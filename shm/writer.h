/* shm._ring.Writer: publishes records of a ring. */
#ifndef STEELYARD_WRITER_H
#define STEELYARD_WRITER_H

#include "codec.h"
#include "mapping.h"
#include "wait.h"

typedef struct {
    PyObject_HEAD
    sy_mapping *mapping;
    sy_codec codec;
    sy_writer w;
    sy_mapping *consumer;
    char *record; /* a record is packed here, then copied in one go: its slot's lines move to this core once */
    int busy;     /* set while a value's __index__ may run: it must not publish inside this publish */
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
        PyErr_SetString(PyExc_RuntimeError, "a writer cannot be initialised twice");
        return -1;
    }
    sy_mapping *m = (sy_mapping *)mapping;
    if (!sy_mapping_alive(m) || sy_codec_init(&self->codec, record, header_of(m)->record_size)) return -1;
    self->mapping = (sy_mapping *)Py_NewRef(mapping);
    if (!mapping_may_write(m)) return -1;
    sy_writer *w = &self->w;
    w->data = m->base + header_of(m)->data_offset;
    w->cursor = (sy_word *)(m->base + SY_CURSOR_OFFSET);
    w->statistics = (sy_word *)(m->base + SY_STATISTICS_OFFSET);
    w->next = atomic_load_explicit(w->cursor, memory_order_acquire);
    w->capacity = header_of(m)->capacity, w->reserve = header_of(m)->reserve;
    w->record_size = header_of(m)->record_size;
    w->idle_ticks = wake ? in_ticks(SY_IDLE_NS) : 0;
    w->counter_is_good = counter_is_good;
    w->lossless = lossless;
    w->consumed = w->next + w->reserve - w->capacity; /* full until the consumer's cursor is known */
    if (wake) sy_futex_wake(w->cursor);               /* the last writer may have died between its store and its wake */
    self->record = PyMem_Malloc(w->record_size);
    if (!self->record) PyErr_NoMemory();
    return self->record ? 0 : -1;
}

static int writer_ready(Writer *self) {
    if (!self->mapping || !sy_mapping_alive(self->mapping) || !mapping_may_write(self->mapping)) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "this lane is closed");
        return 0;
    }
    if (self->busy) PyErr_SetString(PyExc_RuntimeError, "publish() was called inside a publish() of the same writer");
    return !self->busy;
}

static PyObject *writer_publish(Writer *self, PyObject *const *values, Py_ssize_t count) {
    if (!writer_ready(self)) return NULL;
    if (!sy_has_room(&self->w, 1)) Py_RETURN_FALSE;
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
        PyErr_Format(PyExc_ValueError, "expected 1 to %llu records of %llu bytes, got %llu bytes", (unsigned long long)self->w.reserve,
                     (unsigned long long)self->w.record_size, (unsigned long long)size);
        return NULL;
    }
    if (!sy_has_room(&self->w, n)) Py_RETURN_FALSE;
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
    uint64_t size = header_of(m)->record_size;
    if (index >= header_of(m)->count || size < 8 || size > 64) {
        PyErr_Format(PyExc_IndexError, "cell %llu of %llu with records of %llu bytes: a consumer's cell must exist and hold 8 to 64 bytes",
                     (unsigned long long)index,
                     (unsigned long long)header_of(m)->count, (unsigned long long)size);
        return NULL;
    }
    Py_XSETREF(self->consumer, (sy_mapping *)Py_NewRef(object));
    self->w.consumer.base = m->base + header_of(m)->data_offset + index * sy_cell_size(size);
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
    {"publish", (PyCFunction)(void (*)(void))writer_publish, METH_FASTCALL, "publish(*fields) -> bool: publish one record; False: the lane is full (lossless only)."},
    {"publish_bytes", (PyCFunction)writer_publish_bytes, METH_O, "publish_bytes(buffer) -> bool: publish 1 to reserve whole records at once."},
    {"_follow", (PyCFunction)writer_follow, METH_VARARGS, "_follow(mapping, index): read the consumer's cursor from this cell."},
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

#endif
