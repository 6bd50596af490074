"""The layouts of the numbers in FRAMES: the epoch of the feed's life, then a count within that life.

    frame        epoch 24 bits │ count 40 bits
    connection   epoch 44 bits │ count 20 bits

A later life has a higher epoch, so no number repeats. `frame_id.pxd` is the same for compiled code; a test compares
the two.
"""

FRAME_BITS = 40
CONNECTION_BITS = 20


def epoch_of_connection(number: int) -> int:
    """The epoch of the life that opened a connection."""
    return number >> CONNECTION_BITS
