from typing import Self, final

@final
class Agenda:
    seat: int
    def __new__(cls, count: int) -> Self: ...
