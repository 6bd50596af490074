from typing import final

@final
class ConnectionSequence:
    def counts(self, index: int) -> tuple[int, int, int]: ...
