/* A record's fields between Python objects and bytes: one table for each record, built once from shm.record.Record. */
#ifndef STEELYARD_CODEC_H
#define STEELYARD_CODEC_H

#include <Python.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint32_t offset;
    uint32_t count; /* elements, or bytes of an S field */
    uint8_t code;   /* SY_I8 … */
    uint8_t array;  /* a tuple in Python, even of one */
} sy_field;

enum { SY_I8, SY_U8, SY_F8, SY_I4, SY_U4, SY_F4, SY_I2, SY_U2, SY_I1, SY_U1, SY_BYTES };
static const char *const SY_CODES[] = {"i8", "u8", "f8", "i4", "u4", "f4", "i2", "u2", "i1", "u1", "S"};
static const uint8_t SY_WIDTHS[] = {8, 8, 8, 4, 4, 4, 2, 2, 1, 1, 1};
static const int64_t SY_LOW[] = {0, 0, 0, INT32_MIN, 0, 0, INT16_MIN, 0, INT8_MIN, 0};
static const int64_t SY_HIGH[] = {0, INT64_MAX, 0, INT32_MAX, UINT32_MAX, 0, INT16_MAX, UINT16_MAX, INT8_MAX, UINT8_MAX};

typedef struct {
    Py_ssize_t count;
    sy_field *fields;
    PyTypeObject *row; /* a tuple subclass with one item for each field */
    uint64_t size;
} sy_codec;

static void sy_codec_clear(sy_codec *codec) {
    PyMem_Free(codec->fields);
    codec->fields = NULL;
    Py_CLEAR(codec->row);
}

/* `record` is a shm.record.Record: layout() returns the size, the row type, and (code, count, offset, array) of each field. */
static int sy_codec_init(sy_codec *codec, PyObject *record, uint64_t record_size) {
    PyObject *layout = PyObject_CallMethod(record, "layout", NULL);
    if (!layout) return -1;
    PyObject *fields, *row;
    unsigned long long size;
    int result = -1;
    if (!PyArg_ParseTuple(layout, "KO!O!", &size, &PyType_Type, &row, &PyTuple_Type, &fields)) goto done;
    if (size != record_size || !PyType_IsSubtype((PyTypeObject *)row, &PyTuple_Type)) {
        PyErr_Format(PyExc_ValueError, "the segment's records have %llu bytes, the record description has %llu", (unsigned long long)record_size, size);
        goto done;
    }
    codec->size = size;
    codec->count = PyTuple_GET_SIZE(fields);
    codec->fields = PyMem_Calloc((size_t)codec->count, sizeof(sy_field));
    if (!codec->fields) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < codec->count; i++) {
        sy_field *f = &codec->fields[i];
        const char *code;
        int array;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(fields, i), "sIIp", &code, &f->count, &f->offset, &array)) goto done;
        f->array = (uint8_t)array;
        while (strcmp(SY_CODES[f->code], code))
            if (++f->code > SY_BYTES) {
                PyErr_Format(PyExc_ValueError, "unknown field code %s", code);
                goto done;
            }
        if ((uint64_t)f->offset + (uint64_t)f->count * SY_WIDTHS[f->code] > size) {
            PyErr_Format(PyExc_ValueError, "field %zd ends beyond the record's %llu bytes", i, size);
            goto done;
        }
    }
    codec->row = (PyTypeObject *)Py_NewRef(row);
    result = 0;
done:
    Py_DECREF(layout);
    return result;
}

/* ---- Python to bytes ------------------------------------------------------------------------------------------------ */

static int sy_out_of_range(PyObject *value, uint8_t code) {
    PyErr_Format(PyExc_OverflowError, "%R does not fit %s", value, SY_CODES[code]);
    return -1;
}

/* A value outside int64 or outside the field: rare. */
static int sy_pack_large(char *to, uint8_t code, PyObject *value) {
    uint64_t number = code == SY_U8 ? PyLong_AsUnsignedLongLong(value) : UINT64_MAX;
    if (code != SY_U8 || (number == UINT64_MAX && PyErr_Occurred())) {
        PyErr_Clear();
        return sy_out_of_range(value, code);
    }
    memcpy(to, &number, 8);
    return 0;
}

#define SY_STORE(type)                                                                                                     \
    {                                                                                                                      \
        type narrow = (type)number;                                                                                        \
        memcpy(to, &narrow, sizeof narrow);                                                                                \
        return 0;                                                                                                          \
    }

static int sy_pack_int(char *to, uint8_t code, PyObject *value) {
    int overflow;
    int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow || (code != SY_I8 && (number < SY_LOW[code] || number > SY_HIGH[code]))) return sy_pack_large(to, code, value);
    switch (code) { /* so that the compiler knows the width of each store */
    case SY_I8:
    case SY_U8: SY_STORE(int64_t)
    case SY_I4:
    case SY_U4: SY_STORE(int32_t)
    case SY_I2:
    case SY_U2: SY_STORE(int16_t)
    default: SY_STORE(int8_t)
    }
}

static int sy_pack_integer(char *to, uint8_t code, PyObject *value) {
    if (PyLong_Check(value)) return sy_pack_int(to, code, value);
    PyObject *held = PyNumber_Index(value); /* for example numpy's integers; a float is refused here */
    if (!held) return -1;
    int result = sy_pack_int(to, code, held);
    Py_DECREF(held);
    return result;
}

static int sy_pack_scalar(char *to, uint8_t code, PyObject *value) {
    if (code != SY_F8 && code != SY_F4) return sy_pack_integer(to, code, value);
    double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) return -1;
    float half = (float)number;
    memcpy(to, code == SY_F8 ? (void *)&number : (void *)&half, SY_WIDTHS[code]);
    return 0;
}

static int sy_pack_bytes(char *to, const sy_field *f, PyObject *value) {
    if (!PyBytes_Check(value) || (uint64_t)PyBytes_GET_SIZE(value) > f->count) {
        PyErr_Format(PyExc_ValueError, "expected at most %u bytes, got %R", f->count, value);
        return -1;
    }
    size_t size = (size_t)PyBytes_GET_SIZE(value);
    memcpy(to, PyBytes_AS_STRING(value), size);
    memset(to + size, 0, f->count - size);
    return 0;
}

static int sy_count_items(const sy_field *f, PyObject *items) {
    if ((uint64_t)PySequence_Fast_GET_SIZE(items) == f->count) return 0;
    PyErr_Format(PyExc_ValueError, "expected %u values, got %zd", f->count, PySequence_Fast_GET_SIZE(items));
    return -1;
}

/* The list is the caller's own: an item's __index__ may have shrunk it, or thrown that very item away. */
static int sy_pack_item(char *to, const sy_field *f, PyObject *items, uint32_t i) {
    if (sy_count_items(f, items)) return -1;
    PyObject *item = Py_NewRef(PySequence_Fast_GET_ITEM(items, i));
    int result = sy_pack_scalar(to, f->code, item);
    Py_DECREF(item);
    return result;
}

static int sy_pack_array(char *to, const sy_field *f, PyObject *value) {
    PyObject *items = PySequence_Fast(value, "expected a sequence for an array field");
    if (!items) return -1;
    int result = 0; /* a field has at least one item, so the count is looked at */
    for (uint32_t i = 0; i < f->count && !result; i++)
        result = sy_pack_item(to + i * SY_WIDTHS[f->code], f, items, i);
    Py_DECREF(items);
    return result;
}

static int sy_pack(const sy_codec *codec, char *to, PyObject *const *values, Py_ssize_t count) {
    if (count != codec->count) {
        PyErr_Format(PyExc_TypeError, "record %s has %zd fields, got %zd values", codec->row->tp_name, codec->count, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        const sy_field *f = &codec->fields[i];
        char *at = to + f->offset;
        int result = f->code == SY_BYTES ? sy_pack_bytes(at, f, values[i])
                     : f->array         ? sy_pack_array(at, f, values[i])
                                        : sy_pack_scalar(at, f->code, values[i]);
        if (result) return -1;
    }
    return 0;
}

/* ---- bytes to Python ------------------------------------------------------------------------------------------------ */

#define SY_LOAD(type, make)                                                                                                \
    {                                                                                                                      \
        type number;                                                                                                       \
        memcpy(&number, from, sizeof number);                                                                              \
        return make(number);                                                                                               \
    }

static PyObject *sy_unpack_scalar(const char *from, uint8_t code) {
    switch (code) {
    case SY_I8: SY_LOAD(int64_t, PyLong_FromLongLong)
    case SY_U8: SY_LOAD(uint64_t, PyLong_FromUnsignedLongLong)
    case SY_F8: SY_LOAD(double, PyFloat_FromDouble)
    case SY_I4: SY_LOAD(int32_t, PyLong_FromLong)
    case SY_U4: SY_LOAD(uint32_t, PyLong_FromUnsignedLong)
    case SY_F4: SY_LOAD(float, PyFloat_FromDouble)
    case SY_I2: SY_LOAD(int16_t, PyLong_FromLong)
    case SY_U2: SY_LOAD(uint16_t, PyLong_FromLong)
    case SY_I1: SY_LOAD(int8_t, PyLong_FromLong)
    default: SY_LOAD(uint8_t, PyLong_FromLong)
    }
}

static PyObject *sy_unpack_array(const char *from, const sy_field *f) {
    PyObject *items = PyTuple_New(f->count);
    for (uint32_t i = 0; items && i < f->count; i++) {
        PyObject *item = sy_unpack_scalar(from + i * SY_WIDTHS[f->code], f->code);
        if (!item) Py_CLEAR(items);
        else PyTuple_SET_ITEM(items, i, item);
    }
    return items;
}

static PyObject *sy_unpack(const sy_codec *codec, const char *from) {
    PyObject *row = codec->row->tp_alloc(codec->row, codec->count);
    for (Py_ssize_t i = 0; row && i < codec->count; i++) {
        const sy_field *f = &codec->fields[i];
        PyObject *item = f->code == SY_BYTES ? PyBytes_FromStringAndSize(from + f->offset, f->count)
                         : f->array         ? sy_unpack_array(from + f->offset, f)
                                            : sy_unpack_scalar(from + f->offset, f->code);
        if (!item) Py_CLEAR(row);
        else PyTuple_SET_ITEM(row, i, item);
    }
    return row;
}

#endif
