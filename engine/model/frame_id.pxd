"""The layout of the numbers of frames and connections, as in `frame_id.py`."""

cdef enum:
    FRAME_BITS = 40
    CONNECTION_BITS = 20
