from shm import CellWriter, RingWriter

class Opportunities:
    published: int
    unshown: int
    def __init__(
        self,
        pairs: int,
        min_edge_e8: int,
        change_e8: int,
        change_share_e8: int,
        ring: RingWriter,
        cells: CellWriter,
    ) -> None: ...
    def reset(self, now_ns: int) -> None: ...
