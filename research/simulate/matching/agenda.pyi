from typing import Self, final

@final
class Agenda:
    def __new__(cls, count: int) -> Self: ...
