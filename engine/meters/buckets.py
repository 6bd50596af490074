"""The buckets of a histogram: log-linear, so that every duration has the same relative error.

    0 … 63 ns     one bucket each, exact
    from 64 ns    32 buckets to each power of two: a bucket is at most 1/32 of its lower bound wide
    from 2^38 ns  (275 s) the last bucket

    number of a duration d >= 64:   shift = floor(log2 d) - 5,   number = 32 * shift + (d >> shift)

A quantile is the middle of its bucket: within 1/64 of the duration that was recorded, and at most the largest one.
`current.pyx` has the same formula for the hot path; a test compares them.
"""

SUB_BITS = 5
SUB = 1 << SUB_BITS
TOP_BITS = 38  # a longer duration counts in the last bucket
BUCKETS = SUB * (TOP_BITS - SUB_BITS + 1)


def bucket_of(duration_ns: int) -> int:
    """The bucket of a duration; a negative one counts as 0."""
    if duration_ns < 2 * SUB:
        return max(0, duration_ns)
    shift = duration_ns.bit_length() - 1 - SUB_BITS
    return min(SUB * shift + (duration_ns >> shift), BUCKETS - 1)


def bounds_of(bucket: int) -> tuple[int, int]:
    """The shortest duration of a bucket, and the shortest of the next one."""
    if bucket < 2 * SUB:
        return bucket, bucket + 1
    shift = bucket // SUB - 1
    low = (bucket - SUB * shift) << shift
    return low, low + (1 << shift)


def middle_of(bucket: int) -> int:
    """The duration that stands for a bucket."""
    low, after = bounds_of(bucket)
    return (low + after - 1) // 2
