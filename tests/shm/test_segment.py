"""A segment is whole or refused, outlives its owner, and is never seized from a living one."""

import ctypes
import faulthandler
import os
import signal
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

import shm
from shm import Record, SegmentError, header, segment
from shm._ring import OFFSETS
from shm.header import CHECKSUM_OFFSET, FORM, READY_OFFSET
from shm.identity import Owner
from tests.shm.content import HASHED, made, wrong
from tests.shm.processes import Child, children, within

OTHER = Record("other", 128, {"words": "16u8"})
SIZES: dict[str, Any] = {"capacity": 64, "reserve": 4}
FIELDS = ("magic", "byte order", "abi major", "abi minor", "header size", "flags", "record size", "record alignment",
          "capacity", "reserve", "data offset", "total size", "schema hash")  # fmt: skip
CLONE_NEWNS, CLONE_NEWUSER, MS_REC, MS_PRIVATE = 0x20000, 0x10000000, 0x4000, 0x40000
NOT_PERMITTED = 77


def path_of(lane: str) -> Path:
    """Return the lane's file."""
    return Path(segment.path_of(lane))


def with_field(head: bytes, field: str, value: object) -> bytes:
    """Return a first kilobyte with one field changed and a checksum that agrees."""
    values = list(FORM.unpack_from(head))
    values[FIELDS.index(field)] = value
    body = FORM.pack(*values) + head[FORM.size : CHECKSUM_OFFSET]
    return body + struct.pack("<I", zlib.crc32(body)) + head[READY_OFFSET:1024]


def corrupt(lane: str, field: str, value: object) -> None:
    """Change one field of a segment's header."""
    path = path_of(lane)
    head = path.read_bytes()[:1024]
    with path.open("r+b") as file:
        file.write(with_field(head, field, value))


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("magic", b"NOTMINE!", "magic is b'NOTMINE!'"),
        ("byte order", 0x04030201, "byte order is '0x4030201'"),
        ("abi major", 2, "abi major is 2, expected 1"),
        ("abi major", 0, "abi major is 0, expected 1"),
        ("abi minor", 9, "abi minor is 9"),
        ("header size", 512, "header size is 512"),
        ("flags", 7, "kind is 7"),
        ("flags", 7 << 8, "wake is 7"),
        ("record size", 72, "72"),
        ("record alignment", 1, "record alignment is 1"),
        ("capacity", 63, "capacity is 63"),
        ("capacity", 128, "capacity is 128"),
        ("capacity", 0, "capacity is 0"),
        ("reserve", 0, "reserve is 0"),
        ("reserve", 64, "reserve is 64"),
        ("data offset", 8192, "data offset is 8192"),
        ("total size", 1 << 40, f"total size is {1 << 40}"),
        ("schema hash", 1, "schema hash is '0x1'"),
    ],
)
def test_a_header_with_one_wrong_field_is_refused_by_its_name(lane: str, field: str, value: object, named: str) -> None:
    """The error of an older, newer or foreign file must name what it is; a guess would be a wild read."""
    shm.create(lane, HASHED, **SIZES)
    corrupt(lane, field, value)
    for attach in (shm.attach, lambda name: shm.RingReader(name, HASHED), lambda name: shm.RingWriter(name, HASHED)):
        with pytest.raises(SegmentError) as refused:
            attach(lane)
        assert named in str(refused.value)
        assert str(path_of(lane)) in str(refused.value)


@pytest.mark.parametrize("at", [0, 9, 33, 41, 65, 90, 113, 129, 200, 1010, CHECKSUM_OFFSET, READY_OFFSET])
def test_a_flipped_bit_is_refused(lane: str, at: int) -> None:
    """Whichever bit of the first kilobyte is not as it was made, no process attaches."""
    shm.create(lane, HASHED, **SIZES)
    with path_of(lane).open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 16]))
    with pytest.raises(SegmentError):
        shm.attach(lane)


def test_a_half_made_file_is_refused(lane: str) -> None:
    """The ready word comes last: without it nothing else may be believed."""
    shm.create(lane, HASHED, **SIZES)
    with path_of(lane).open("r+b") as file:
        file.seek(READY_OFFSET)
        file.write(bytes(4))
    with pytest.raises(SegmentError, match="ready is '0x0'"):
        shm.attach(lane)


@pytest.mark.parametrize("size", [0, 1, 1023, 4095, 4096, 8191])
def test_a_truncated_file_is_refused_with_its_size(lane: str, size: int) -> None:
    """A short file would be SIGBUS at the first touch of what is missing."""
    shm.create(lane, HASHED, **SIZES)
    os.truncate(path_of(lane), size)
    with pytest.raises(SegmentError, match=rf"\b{size}\b"):
        shm.attach(lane)


def test_other_records_are_refused_with_both_descriptions(lane: str) -> None:
    """A reader of an older schema must not guess."""
    shm.create(lane, HASHED, **SIZES)
    with pytest.raises(SegmentError, match=r"record is hashed .* expected other"):
        shm.RingReader(lane, OTHER)


@pytest.mark.parametrize(
    ("shape", "named"),
    [
        ({"capacity": 1000, "reserve": 4}, "capacity must be a power of two of at least 2, was 1000"),
        ({"capacity": 64, "reserve": 64}, "reserve must be in 1..63 .*, was 64"),
        ({"capacity": 64, "reserve": 0}, "was 0"),
        ({"capacity": 32, "reserve": 1}, "do not fill whole pages"),
        ({"kind": "cells", "count": 0}, "count must be .* was 0"),
        ({"kind": "queue"}, "kind 'queue'"),
        ({**SIZES, "start": -1}, "start must be .* was -1"),
    ],
)
def test_a_shape_that_cannot_work_is_refused_by_its_value(lane: str, shape: dict[str, Any], named: str) -> None:
    """The world is wrong: an exception at start that carries the value."""
    with pytest.raises(SegmentError, match=named):
        shm.create(lane, HASHED, **shape)  # type: ignore[arg-type]
    assert not path_of(lane).exists()


def test_a_segment_is_private_to_owner_and_group(lane: str) -> None:
    """Positions and orders are private to the owner."""
    shm.create(lane, HASHED, **SIZES)
    shm.RingWriter(lane, HASHED).close()
    assert path_of(lane).stat().st_mode & 0o777 == 0o640
    assert Path(f"{path_of(lane)}.lock").stat().st_mode & 0o777 == 0o600


def publish_and_die(lane: str, number: int) -> None:
    """Open the lane, publish, and be killed without a word."""
    writer = shm.RingWriter(lane, HASHED)
    for sequence in range(writer.cursor, writer.cursor + number):
        writer.publish_bytes(made(sequence, 1).tobytes())
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_stale_segment_is_gone_on_with(lane: str) -> None:
    """A dead owner's records stay, its successor continues the sequence under the next epoch."""
    assert shm.create(lane, HASHED, **SIZES)
    assert Child(lambda: publish_and_die(lane, 10)).wait() == -signal.SIGKILL
    assert not shm.create(lane, HASHED, **SIZES)
    reader = shm.RingReader(lane, HASHED, 0)
    assert (reader.owner.life(), reader.epoch, reader.closed_cleanly) == ("dead", 1, False)
    writer = shm.RingWriter(lane, HASHED)
    assert (writer.cursor, writer.epoch, reader.owner.life()) == (10, 2, "alive")
    assert wrong(reader.copy()[1], 0) == 0


@pytest.mark.parametrize(
    "new_shape",
    [(OTHER, SIZES), (HASHED, {"capacity": 128, "reserve": 4}), (HASHED, {**SIZES, "wake": "idle_edge"})],
    ids=["record", "capacity", "wake"],
)
def test_a_dead_segment_of_another_shape_is_set_aside(lane: str, new_shape: tuple[Record, dict[str, Any]]) -> None:
    """No operator should have to delete files by hand, and the post-mortem keeps the dead writer's segment."""
    shm.create(lane, HASHED, **SIZES)
    Child(lambda: publish_and_die(lane, 10)).wait()
    record, shape = new_shape
    assert shm.create(lane, record, **shape)  # type: ignore[arg-type]
    (aside,) = shm.names(lane.split(".", maxsplit=1)[0], aside=True)
    assert wrong(shm.attach(aside).latest(10), 0) == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("field", ["abi major", "magic"])
def test_a_dead_segment_of_another_abi_is_set_aside(lane: str, field: str) -> None:
    """An upgrade starts where the old version died."""
    shm.create(lane, HASHED, **SIZES)
    corrupt(lane, field, {"abi major": 2, "magic": b"ANCIENT!"}[field])
    assert shm.create(lane, HASHED, **SIZES)
    assert shm.RingReader(lane, HASHED).end == 0
    assert len(shm.names(lane.split(".", maxsplit=1)[0], aside=True)) == 1


def test_a_living_owner_is_never_displaced(lane: str) -> None:
    """Not by a second writer, not by another shape, not by removal; not even from its own process."""
    shm.create(lane, HASHED, **SIZES)
    writer = shm.RingWriter(lane, HASHED)
    with pytest.raises(SegmentError, match="another writer lives"):
        shm.RingWriter(lane, HASHED)
    with pytest.raises(SegmentError, match="in use by a living writer"):
        shm.create(lane, OTHER, **SIZES)
    with pytest.raises(SegmentError, match=f"its writer lives \\(pid {os.getpid()}\\)"):
        shm.remove(lane)
    assert writer.publish(0, 0, [0] * 6)
    writer.close()
    shm.remove(lane)
    assert not path_of(lane).exists()


@pytest.mark.parametrize("again", range(10))
def test_many_makers_at_once_make_one(lane: str, again: int) -> None:
    """Two supervisors, or two roles that both ask for their lane: neither fails, one segment is there."""
    del again
    go_read, go_write = os.pipe()

    def make() -> None:
        os.close(go_write)
        os.read(go_read, 1)
        shm.create(lane, HASHED, **SIZES)
        os._exit(0)

    with children(*[make] * 8) as makers:
        os.close(go_write)
        assert [maker.wait() for maker in makers] == [0] * 8
    os.close(go_read)
    assert not shm.names(lane.split(".", maxsplit=1)[0], aside=True)


def test_a_removed_or_replaced_segment_is_noticed(lane: str) -> None:
    """A reader of a file that has no name any more would wait for ever."""
    shm.create(lane, HASHED, **SIZES)
    reader = shm.RingReader(lane, HASHED)
    assert not reader.replaced()
    shm.remove(lane)
    assert reader.replaced()
    shm.create(lane, HASHED, **SIZES)
    assert reader.replaced()


def test_an_owner_is_known_by_more_than_its_pid() -> None:
    """Pids are used again: the start time distinguishes a stranger from the dead owner."""
    me = Owner.me()
    assert me.life() == "alive"
    assert Owner(me.pid, me.start - 1, me.namespace).life() == "dead"
    assert Owner(me.pid, me.start, me.namespace + 1).life() == "unknown"
    assert Owner(0, 0, 0).life() == "none"


def test_a_read_only_attach_raises_in_python_before_the_memory_unit(lane: str) -> None:
    """A slip in a notebook is an exception, not a dead notebook."""
    shm.create(lane, HASHED, **SIZES)
    reader = shm.RingReader(lane, HASHED)
    with pytest.raises(TypeError, match="read-only"):
        reader._mapping.store(2048, 1)
    with pytest.raises(ValueError, match="read-only"):
        reader.view().records["sequence"] = 1
    with pytest.raises(TypeError):
        memoryview(reader._mapping)[0] = 1  # type: ignore[call-overload]


def test_a_write_past_python_is_refused_by_the_memory_unit(lane: str) -> None:
    """Even a wild pointer in a reader's process cannot reach the live engine."""
    shm.create(lane, HASHED, **SIZES)
    reader = shm.RingReader(lane, HASHED)
    address = reader.slots(0, 1).__array_interface__["data"][0]

    def scribble() -> None:
        faulthandler.disable()
        ctypes.c_uint64.from_address(address).value = 1

    assert Child(scribble).wait() == -signal.SIGSEGV


def small_shm(size: int, options: str = "") -> None:
    """Cover /dev/shm with a small file system of our own; exit with NOT_PERMITTED where that is refused."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) and libc.unshare(CLONE_NEWNS | CLONE_NEWUSER):
        os._exit(NOT_PERMITTED)
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        os._exit(NOT_PERMITTED)
    if libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, f"size={size}{options}".encode()):
        os._exit(NOT_PERMITTED)


def test_a_full_shm_is_found_at_creation(lane: str) -> None:
    """Space is really reserved: the alternative is a SIGBUS in the middle of trading."""

    def make() -> None:
        small_shm(1 << 20)
        with pytest.raises(SegmentError, match=r"4198400 bytes do not fit in /dev/shm, \d+ are free"):
            shm.create(lane, HASHED, capacity=1 << 16, reserve=4)
        assert [path for path in os.listdir("/dev/shm") if not path.endswith(".lock")] == []
        shm.create(lane, HASHED, **SIZES)

    status = Child(make).wait()
    if status == NOT_PERMITTED:
        pytest.skip("no private mount namespace is permitted here")
    assert status == 0


@pytest.mark.parametrize("policy", ["advise", "always", "never"])
def test_huge_pages_are_had_or_refused(lane: str, policy: str) -> None:
    """Asked for and silently not given, they would be missed only in the latency's tail."""

    def make() -> None:
        small_shm(64 << 20, f",huge={policy}")
        if policy == "never":
            with pytest.raises(SegmentError, match="mounted huge=never"):
                shm.create(lane, HASHED, capacity=1 << 16, reserve=4, huge=True)
            return
        shm.create(lane, HASHED, capacity=1 << 16, reserve=4, huge=True)
        reader = shm.RingReader(lane, HASHED, populate=True)
        smaps = Path("/proc/self/smaps").read_text()
        huge_kb = sum(int(line.split()[1]) for line in smaps.splitlines() if line.startswith("ShmemPmdMapped"))
        assert huge_kb >= reader.header.data_size >> 10

    status = Child(make).wait()
    if status == NOT_PERMITTED:
        pytest.skip("no private mount namespace is permitted here")
    assert status == 0


def test_a_lane_opened_before_a_fork_is_dead_in_the_child(lane: str) -> None:
    """Two processes with one writer object would be two writers."""
    shm.create(lane, HASHED, **SIZES)
    writer = shm.RingWriter(lane, HASHED)

    def touch() -> None:
        with pytest.raises(ValueError, match="before a fork"):
            writer.publish(0, 0, [0] * 6)
        with pytest.raises(ValueError, match="before a fork"):
            writer.capsule  # noqa: B018 - the capsule is the compiled way in

    assert Child(touch).wait() == 0
    assert writer.publish(0, 0, [0] * 6)


def test_a_forked_child_does_not_keep_the_lock_alive(lane: str) -> None:
    """An open-file-description lock lives as long as any copy of its descriptor."""
    shm.create(lane, HASHED, **SIZES)
    end_read, end_write = os.pipe()

    def parent() -> None:
        writer = shm.RingWriter(lane, HASHED)
        if os.fork() == 0:
            os.close(end_write)
            os.read(end_read, 1)
            os._exit(0)
        writer.publish(0, 0, [0] * 6)
        os.kill(os.getpid(), signal.SIGKILL)

    with children(parent) as (child,):
        child.wait()
        writer = shm.RingWriter(lane, HASHED)
        assert (writer.cursor, writer.epoch) == (1, 2)
    os.close(end_write)
    os.close(end_read)


@pytest.mark.parametrize("closed", [False, True])
def test_memory_that_a_forked_child_maps_later_survives_the_dead_writer(lane: str, closed: bool) -> None:
    """The child's next mapping must not lie in the hole the writer's left, to be unmapped with the writer object."""
    shm.create(lane, HASHED, capacity=1 << 14, reserve=4)
    writer = shm.RingWriter(lane, HASHED)
    if closed:
        writer.close()
    start, end = mapped_range(path_of(lane))

    def take() -> int:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        found = libc.mmap(start, end - start, 3, 0x22, -1, 0)
        return 0 if found != start else 1

    assert Child(take).wait() == 0


def mapped_range(path: Path) -> tuple[int, int]:
    """Where a file is mapped in this process, from its first to its last page."""
    lines = [line for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(str(path))]
    edges = [int(edge, 16) for line in lines for edge in line.split()[0].split("-")]
    return min(edges), max(edges)


def rule_of(lane: str) -> str:
    """The kernel's memory rule for this process's mapping of a segment."""
    maps = Path("/proc/self/numa_maps").read_text().splitlines()
    return next(line.split()[1] for line in maps if f"file={path_of(lane)}" in line.split())


def test_a_segments_memory_is_of_the_node_that_its_creator_names(lane: str) -> None:
    """Its creator reserves all of it at once: without the rule it is on the creator's node, not on the writer's."""
    try:
        shm.create(lane, HASHED, **SIZES, node=0)
    except SegmentError as error:
        pytest.skip(f"this kernel or container has no mbind: {error}")
    shm.create(f"{lane}2", HASHED, **SIZES)
    readers = [shm.RingReader(lane, HASHED, 0), shm.RingReader(f"{lane}2", HASHED, 0)]
    assert [rule_of(lane), rule_of(f"{lane}2")] == ["bind:0", "default"]
    assert path_of(lane).stat().st_blocks * 512 >= readers[0].header.total_size


@pytest.mark.parametrize("node", [1023, 1024])
def test_a_node_that_the_machine_lacks_is_refused_and_no_segment_is_made(lane: str, node: int) -> None:
    """A mistyped number must not become the memory of another node."""
    with pytest.raises(SegmentError, match=f"its memory cannot be of NUMA node {node} .*: expected a node"):
        shm.create(lane, HASHED, **SIZES, node=node)
    assert not path_of(lane).exists()


def test_a_killed_writers_lock_is_free_at_once(lane: str) -> None:
    """Recovery is one call: the kernel frees the lock before the zombie is reaped."""
    shm.create(lane, HASHED, **SIZES)

    def hold() -> None:
        writer = shm.RingWriter(lane, HASHED)
        writer.publish(0, 0, [0] * 6)
        signal.pause()

    reader = shm.RingReader(lane, HASHED, 0)
    with children(hold) as (child,):
        assert reader.wait(10**10)
        child.send(signal.SIGKILL)

        def acquired() -> bool:
            try:
                shm.RingWriter(lane, HASHED)
            except SegmentError:
                return False
            return True

        assert within(5, acquired)


def test_the_headers_format_has_the_descriptors_offsets() -> None:
    """C and Python read the same bytes of a segment: a field that moved on one side alone must stop the import."""
    moved = header.FIELDS | {"magic": "16s"}
    assert header._offsets(header.FIELDS).items() <= OFFSETS.items()
    assert not header._offsets(moved).items() <= OFFSETS.items()
