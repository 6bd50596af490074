/* A segment in memory: the header once, then a ring's data twice in a row.
 *
 *   address space   [ header … data ][ data again ]      the second copy is the same pages
 *
 * A child does not inherit a writable mapping (MADV_DONTFORK): in the child `dead` is set for its owner. Every writable
 * mapping stays in the list `sy_writable` until it is unmapped, also after close: the child has a hole in its place.
 */
#ifndef STEELYARD_MAPPING_H
#define STEELYARD_MAPPING_H

#include <Python.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#define SY_HUGE_PAGE (2u << 20)
#define SY_NODES_MOST 1024
#define SY_WORD_BITS (8 * sizeof(unsigned long))

typedef struct sy_mapping {
    PyObject_HEAD
    char *base;
    uint64_t total, data_offset, mirrored; /* mirrored: bytes mapped again after total */
    char *reserved;
    uint64_t reserved_size;
    int writable, dead, lock_fd;
    struct sy_mapping *newer, *older; /* the list of writable mappings, for fork */
} sy_mapping;

enum { SY_FORKED = 1, SY_CLOSED = 2 };
static sy_mapping *sy_writable;

/* In a forked child the memory is gone, and the child must not keep the lock. The hole is filled with an empty mapping:
 * otherwise the child's next mapping could be placed there, and be written or unmapped as if it were the lane. */
static void sy_after_fork(void) {
    for (sy_mapping *older, *m = sy_writable; m; m = older) {
        older = m->older;
        m->newer = m->older = NULL;
        m->dead = SY_FORKED;
        if (m->lock_fd >= 0) close(m->lock_fd);
        m->lock_fd = -1;
        mmap(m->base, m->total + m->mirrored, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    }
    sy_writable = NULL;
}

static const sy_header *header_of(const sy_mapping *m) { return (const sy_header *)m->base; } /* checked by header.py */

static int sy_mapping_alive(sy_mapping *m) {
    if (m->base && !m->dead) return 1;
    PyErr_SetString(PyExc_ValueError, m->dead == SY_FORKED ? "this lane was opened for writing before a fork: only the parent may use it"
                                                           : "this lane is closed");
    return 0;
}

/* How the last writer ended: it closed the lane, or was freed without close. After a kill the word stays 0. */
enum { SY_CLEAN_CLOSED = 1, SY_CLEAN_DROPPED = 2 };

/* Give up the lane: store how, then free the lock. In this order, because the next writer may start at once. */
static void sy_mapping_leave(sy_mapping *m, uint64_t how) {
    if (m->lock_fd < 0) return;
    atomic_store_explicit((sy_word *)(m->base + SY_OWNER_CLEAN_OFFSET), how, memory_order_release);
    close(m->lock_fd);
    m->lock_fd = -1;
}

static void sy_mapping_unmap(sy_mapping *m) {
    if (m->newer) m->newer->older = m->older;
    else if (sy_writable == m) sy_writable = m->older;
    if (m->older) m->older->newer = m->newer;
    m->newer = m->older = NULL;
    sy_mapping_leave(m, SY_CLEAN_DROPPED);
    if (m->reserved) munmap(m->reserved, m->reserved_size);
    m->reserved = m->base = NULL;
}

/* Map a file's `total` bytes, and the data again after them. Advice that this kernel does not know is ignored. */
static int sy_mapping_map(sy_mapping *m, int fd, int populate, int lock, int huge) {
    struct stat info;
    if (fstat(fd, &info)) return -1;
    if ((uint64_t)info.st_size < m->total) {
        errno = EOVERFLOW; /* reading past the end of a shorter file is SIGBUS */
        return -1;
    }
    uint64_t align = huge ? SY_HUGE_PAGE : 4096;
    m->reserved_size = m->total + m->mirrored + align;
    m->reserved = mmap(NULL, m->reserved_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m->reserved == MAP_FAILED) {
        m->reserved = NULL;
        return -1;
    }
    m->base = (char *)(((uintptr_t)m->reserved + align - 1) / align * align);
    int protection = PROT_READ | (m->writable ? PROT_WRITE : 0);
    if (mmap(m->base, m->total, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) return -1;
    if (m->mirrored && mmap(m->base + m->total, m->mirrored, protection, MAP_SHARED | MAP_FIXED, fd,
                            (off_t)m->data_offset) == MAP_FAILED)
        return -1;
    uint64_t all = m->total + m->mirrored;
    if (huge) madvise(m->base, all, MADV_HUGEPAGE);
    if (m->writable) madvise(m->base, all, MADV_DONTFORK);
    if (populate || lock) madvise(m->base, all, m->writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
    if (lock && mlock(m->base, m->total)) return -1; /* once: the second copy has the same pages, and would count twice */
    return 0;
}

/* Read a whole number from Python or numpy; refuse one that does not fit 64 bits, with its value. */
static int sy_u64(PyObject *value, const char *name, uint64_t *to) {
    PyObject *number = PyNumber_Index(value);
    if (!number) return -1;
    *to = PyLong_AsUnsignedLongLong(number);
    Py_DECREF(number);
    if (*to != UINT64_MAX || !PyErr_Occurred()) return 0;
    PyErr_Clear();
    PyErr_Format(PyExc_OverflowError, "%s must be in 0..2^64-1, was %R", name, value);
    return -1;
}

/* ---- the Python type ------------------------------------------------------------------------------------------------ */

static void mapping_dealloc(sy_mapping *self) {
    sy_mapping_unmap(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *mapping_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    sy_mapping *self = (sy_mapping *)type->tp_alloc(type, 0);
    if (self) self->lock_fd = -1;
    return (PyObject *)self;
}

static int mapping_init(sy_mapping *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"fd", "total", "data_offset", "mirrored", "writable", "populate", "lock", "huge", "lock_fd", NULL};
    int fd, writable, populate = 0, lock = 0, huge = 0, lock_fd = -1;
    unsigned long long total, data_offset, mirrored;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "iKKKp|pppi", names, &fd, &total, &data_offset, &mirrored, &writable,
                                     &populate, &lock, &huge, &lock_fd))
        return -1;
    if (self->base || total < 4096 || data_offset > total || mirrored > total - data_offset || (mirrored && data_offset + mirrored != total)) {
        PyErr_Format(PyExc_ValueError, "a mapping of %llu bytes cannot hold its data at %llu and %llu mirrored", total,
                     data_offset, mirrored);
        return -1;
    }
    self->total = total, self->data_offset = data_offset, self->mirrored = mirrored;
    self->writable = writable;
    if (sy_mapping_map(self, fd, populate, lock, huge)) {
        PyErr_SetFromErrno(PyExc_OSError);
        sy_mapping_unmap(self);
        return -1;
    }
    if (writable) {
        self->older = sy_writable;
        if (sy_writable) sy_writable->newer = self;
        sy_writable = self;
        self->lock_fd = lock_fd; /* the mapping closes it from now on */
    }
    return 0;
}

static int mapping_buffer(sy_mapping *self, Py_buffer *view, int flags) {
    if (!sy_mapping_alive(self)) {
        view->obj = NULL;
        return -1;
    }
    return PyBuffer_FillInfo(view, (PyObject *)self, self->base, (Py_ssize_t)(self->total + self->mirrored), 1, flags);
}

static sy_word *mapping_word(sy_mapping *self, unsigned long long offset) {
    if (!sy_mapping_alive(self)) return NULL;
    if (offset % 8 || offset > self->total - 8) {
        PyErr_Format(PyExc_IndexError, "word offset %llu is not a multiple of 8 within %llu bytes", offset, (unsigned long long)self->total);
        return NULL;
    }
    return (sy_word *)(self->base + offset);
}

static PyObject *mapping_load(sy_mapping *self, PyObject *argument) {
    unsigned long long offset = PyLong_AsUnsignedLongLong(argument);
    if (PyErr_Occurred()) return NULL;
    sy_word *word = mapping_word(self, offset);
    return word ? PyLong_FromUnsignedLongLong(atomic_load_explicit(word, memory_order_acquire)) : NULL;
}

static int mapping_may_write(sy_mapping *self) {
    if (self->writable) return 1;
    PyErr_SetString(PyExc_TypeError, "this segment is attached read-only");
    return 0;
}

static PyObject *mapping_store(sy_mapping *self, PyObject *args) {
    unsigned long long offset, value;
    if (!PyArg_ParseTuple(args, "KK", &offset, &value)) return NULL;
    sy_word *word = mapping_word(self, offset);
    if (!word || !mapping_may_write(self)) return NULL;
    atomic_store_explicit(word, value, memory_order_release);
    Py_RETURN_NONE;
}

static PyObject *mapping_write(sy_mapping *self, PyObject *args) {
    unsigned long long offset;
    Py_buffer buffer;
    if (!PyArg_ParseTuple(args, "Ky*", &offset, &buffer)) return NULL;
    int good = sy_mapping_alive(self) && mapping_may_write(self);
    if (good && (offset > self->total || (uint64_t)buffer.len > self->total - offset)) {
        PyErr_Format(PyExc_IndexError, "%zd bytes at offset %llu are outside the segment's %llu bytes", buffer.len, offset, (unsigned long long)self->total);
        good = 0;
    }
    if (good) memcpy(self->base + offset, buffer.buf, (size_t)buffer.len);
    PyBuffer_Release(&buffer);
    if (!good) return NULL;
    Py_RETURN_NONE;
}

/* Give up the lane: another writer may open it from now on, and this mapping may not write. */
static PyObject *mapping_retire(sy_mapping *self, PyObject *Py_UNUSED(ignored)) {
    sy_mapping_leave(self, SY_CLEAN_CLOSED);
    if (!self->dead) self->dead = SY_CLOSED;
    Py_RETURN_NONE;
}

/* Map pages now instead of at their first use. Advice that this kernel does not know is ignored. */
static PyObject *mapping_populate(sy_mapping *self, PyObject *args) {
    unsigned long long offset, size;
    if (!PyArg_ParseTuple(args, "KK", &offset, &size) || !sy_mapping_alive(self)) return NULL;
    if (offset % 4096 || offset > self->total || size > self->total - offset) {
        PyErr_Format(PyExc_IndexError, "%llu bytes at offset %llu are not pages of %llu bytes", size, offset, (unsigned long long)self->total);
        return NULL;
    }
    madvise(self->base + offset, size, self->writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
    Py_RETURN_NONE;
}

/* Let the kernel use one NUMA node for the pages that are not there yet. The kernel keeps this with the segment's file, so
 * it holds whichever process writes a page first. */
static PyObject *mapping_bind(sy_mapping *self, PyObject *argument) {
    unsigned long mask[SY_NODES_MOST / SY_WORD_BITS] = {0}, node = PyLong_AsUnsignedLong(argument);
    if (PyErr_Occurred() || !sy_mapping_alive(self)) return NULL;
    if (node >= SY_NODES_MOST) return PyErr_Format(PyExc_ValueError, "a NUMA node must be in 0..%d, was %lu", SY_NODES_MOST - 1, node);
    mask[node / SY_WORD_BITS] = 1ul << node % SY_WORD_BITS;
    if (syscall(SYS_mbind, self->base, self->total, MPOL_BIND, mask, SY_NODES_MOST + 1, 0)) return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

/* The first word of the data, for compiled code that writes words in place. */
static PyObject *mapping_get_words(sy_mapping *self, void *Py_UNUSED(closure)) {
    if (!sy_mapping_alive(self) || !mapping_may_write(self)) return NULL;
    return PyCapsule_New(self->base + self->data_offset, "steelyard.words", NULL);
}

static PyMethodDef mapping_methods[] = {
    {"bind", (PyCFunction)mapping_bind, METH_O, "bind(node): use this NUMA node for pages that are not there yet."},
    {"populate", (PyCFunction)mapping_populate, METH_VARARGS, "populate(offset, size): map these pages now."},
    {"retire", (PyCFunction)mapping_retire, METH_NOARGS, "retire(): release the writer's lock; this mapping cannot write any more."},
    {"load", (PyCFunction)mapping_load, METH_O, "load(offset) -> int: an aligned 64-bit word, acquire."},
    {"store", (PyCFunction)mapping_store, METH_VARARGS, "store(offset, value): an aligned 64-bit word, release."},
    {"write", (PyCFunction)mapping_write, METH_VARARGS, "write(offset, bytes): plain bytes, before the segment has its name."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef mapping_attributes[] = {
    {"words", (getter)mapping_get_words, NULL, "sy_word * of the data, for compiled code; keep this mapping alive beside it.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyBufferProcs mapping_as_buffer = {(getbufferproc)mapping_buffer, NULL};
static PyTypeObject MappingType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "shm._ring.Mapping",
    .tp_doc = "A segment in memory; its buffer is read-only.",
    .tp_basicsize = sizeof(sy_mapping),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = mapping_new,
    .tp_init = (initproc)mapping_init,
    .tp_dealloc = (destructor)mapping_dealloc,
    .tp_methods = mapping_methods,
    .tp_getset = mapping_attributes,
    .tp_as_buffer = &mapping_as_buffer,
};

#endif
