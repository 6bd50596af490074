/* shm._ring: ring.h for Python, as Mapping, Writer, Reader and Cells.
 *
 *   layout.h  where everything lies in a segment      ring.h    the protocol, without Python
 *   mapping.h a segment in memory                     codec.h   a record's fields between Python and bytes
 *   writer.h, reader.h, cells.h the three types       wait.h    how a reader waits
 *
 * A C extension and not Cython, because a publish costs 18 ns here and 27 there (ARCHITECTURE.md has the figures). The
 * Python classes in ring.py and cell.py find the segment and pass a mapping; nothing here opens a file.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "cells.h"
#include "reader.h"
#include "writer.h"

static PyObject *longest_sleep(PyObject *Py_UNUSED(self), PyObject *argument) {
    uint64_t before = longest_sleep_ns;
    if (sy_u64(argument, "longest sleep", &longest_sleep_ns)) return NULL;
    return PyLong_FromUnsignedLongLong(before);
}

#define HEADER(field) {#field, SY_OFFSET(header.field)}
#define WORD(field) {#field, SY_OFFSET(field)}
static const struct {
    const char *field;
    size_t offset;
} offsets[] = {
    HEADER(magic), HEADER(byte_order), HEADER(abi_major), HEADER(abi_minor), HEADER(header_size), HEADER(flags),
    HEADER(record_size), HEADER(alignment), HEADER(capacity), HEADER(reserve), HEADER(data_offset), HEADER(total_size),
    HEADER(schema_hash), HEADER(stream), HEADER(boot), HEADER(created_ns), HEADER(first), HEADER(count),
    HEADER(descr_size), HEADER(record_name), HEADER(descr), HEADER(checksum), HEADER(ready), WORD(owner_epoch),
    WORD(owner_pid), WORD(owner_start), WORD(owner_namespace), WORD(owner_beat), WORD(owner_clean), WORD(cursor),
    WORD(wakes), WORD(refused), WORD(ahead),
};

/* layout.h as a dict for header.py. */
static PyObject *offsets_dict(void) {
    PyObject *found = PyDict_New();
    for (size_t i = 0; found && i < sizeof offsets / sizeof *offsets; i++) {
        PyObject *offset = PyLong_FromSize_t(offsets[i].offset);
        if (!offset || PyDict_SetItemString(found, offsets[i].field, offset)) Py_CLEAR(found);
        Py_XDECREF(offset);
    }
    return found;
}

static PyMethodDef functions[] = {
    {"_longest_sleep", longest_sleep, METH_O, "_longest_sleep(ns) -> int: set the longest sleep of a wait; return the one before. For tests."},
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
        PyModule_AddIntMacro(m, SY_CELL_SLOTS) || PyModule_AddObject(m, "OFFSETS", offsets_dict())) {
        Py_DECREF(m);
        return NULL;
    }
    return m;
}
