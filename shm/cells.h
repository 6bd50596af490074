/* shm._ring.Cells: writes and reads the latest values of a lane of cells. */
#ifndef STEELYARD_CELLS_H
#define STEELYARD_CELLS_H

#include "codec.h"
#include "mapping.h"

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
        PyErr_SetString(PyExc_RuntimeError, "cells cannot be initialised twice");
        return -1;
    }
    sy_mapping *m = (sy_mapping *)mapping;
    if (!sy_mapping_alive(m) || sy_codec_init(&self->codec, record, header_of(m)->record_size)) return -1;
    self->mapping = (sy_mapping *)Py_NewRef(mapping);
    self->first = m->base + header_of(m)->data_offset;
    self->count = header_of(m)->count;
    self->size = header_of(m)->record_size;
    self->stride = (self->size + 63) / 64 * 64;
    self->record = PyMem_Malloc(self->size);
    if (!self->record) PyErr_NoMemory();
    return self->record ? 0 : -1;
}

static int cells_find(Cells *self, PyObject *index, sy_cell *cell) {
    uint64_t i;
    if (sy_u64(index, "index", &i)) return 0; /* first, because the index's own __index__ may close the lane, or fork */
    if (!self->mapping || !sy_mapping_alive(self->mapping)) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "these cells are not attached to a lane");
        return 0;
    }
    if (i >= self->count) {
        PyErr_Format(PyExc_IndexError, "cell %llu of %llu", (unsigned long long)i, (unsigned long long)self->count);
        return 0;
    }
    *cell = (sy_cell){self->first + i * (SY_CELL_HEAD + SY_CELL_SLOTS * self->stride), self->stride, self->size};
    return 1;
}

/* The value is packed in private memory first: a value that does not fit leaves the cell as it was. */
static PyObject *cells_put(Cells *self, const sy_cell *cell, const char *from) {
    sy_copy(sy_cell_begin(cell), from, self->size);
    sy_cell_commit(cell);
    sy_word *writes = (sy_word *)(self->mapping->base + SY_CURSOR_OFFSET); /* counts writes, so that tools can show a rate */
    atomic_store_explicit(writes, atomic_load_explicit(writes, memory_order_relaxed) + 1, memory_order_relaxed);
    Py_RETURN_NONE;
}

/* Packing and unpacking may run code that calls these methods again, and they share one buffer. */
static int cells_free(Cells *self) {
    if (self->busy) PyErr_SetString(PyExc_RuntimeError, "read() or write() was called inside a read() or write() of the same cells");
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

static PyObject *cells_write_bytes(Cells *self, PyObject *const *values, Py_ssize_t count) {
    PyObject *result = NULL;
    Py_buffer buffer;
    sy_cell cell;
    if (count != 2) {
        PyErr_Format(PyExc_TypeError, "write_bytes(index, buffer) takes 2 arguments, got %zd", count);
        return NULL;
    }
    if (PyObject_GetBuffer(values[1], &buffer, PyBUF_SIMPLE)) return NULL;
    if (cells_find(self, values[0], &cell) && cells_may_write(self)) {
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

static PyObject *cells_sample(Cells *self, PyObject *index) {
    sy_cell cell;
    if (!cells_find(self, index, &cell) || !cells_free(self)) return NULL;
    uint64_t sequence = sy_cell_read(&cell, self->record);
    if (!sequence) Py_RETURN_NONE;
    return Py_BuildValue("Ky#", (unsigned long long)sequence, self->record, (Py_ssize_t)self->size);
}

static PyObject *cells_sequence(Cells *self, PyObject *index) {
    sy_cell cell;
    if (!cells_find(self, index, &cell)) return NULL;
    return PyLong_FromUnsignedLongLong(atomic_load_explicit((sy_word *)cell.base, memory_order_acquire));
}

static PyObject *cells_get_count(Cells *self, void *Py_UNUSED(closure)) { return PyLong_FromUnsignedLongLong(self->count); }

static PyObject *cells_get_writes(Cells *self, void *Py_UNUSED(closure)) {
    if (!self->mapping || !sy_mapping_alive(self->mapping)) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "these cells are not attached to a lane");
        return NULL;
    }
    sy_word *writes = (sy_word *)(self->mapping->base + SY_CURSOR_OFFSET);
    return PyLong_FromUnsignedLongLong(atomic_load_explicit(writes, memory_order_acquire));
}

static PyObject *cells_get_capsule(Cells *self, void *Py_UNUSED(closure)) {
    if (!self->mapping || !sy_mapping_alive(self->mapping)) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "these cells are not attached to a lane");
        return NULL;
    }
    return PyCapsule_New(self->first, "steelyard.cell", NULL);
}

static PyMethodDef cells_methods[] = {
    {"write", (PyCFunction)(void (*)(void))cells_write, METH_FASTCALL, "write(index, *fields): set the cell's value."},
    {"write_bytes", (PyCFunction)(void (*)(void))cells_write_bytes, METH_FASTCALL, "write_bytes(index, buffer): set the cell's value, one whole record."},
    {"read", (PyCFunction)(void (*)(void))cells_read, METH_FASTCALL, "read(index=0) -> row | None: the latest value, None before the first."},
    {"sample", (PyCFunction)cells_sample, METH_O, "sample(index) -> (sequence, bytes) | None: the latest value as its record's bytes, and which write it is."},
    {"sequence", (PyCFunction)cells_sequence, METH_O, "sequence(index) -> int: how often the cell was written."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef cells_attributes[] = {
    {"count", (getter)cells_get_count, NULL, "How many cells the segment holds.", NULL},
    {"writes", (getter)cells_get_writes, NULL, "How often any cell of the segment was written.", NULL},
    {"capsule", (getter)cells_get_capsule, NULL, "sy_word * of the first cell, for compiled code; keep these cells alive beside it.", NULL},
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

#endif
