"""The error that ends a capture command."""


class CaptureError(Exception):
    """Ends the command with one line on stderr and an exit code."""

    def __init__(self, text: str, code: int) -> None:
        """Keep the line and the exit code."""
        super().__init__(text)
        self.code = code
