"""The exit codes of `engine-ctl`, and the error that ends a command with one of them."""

FAILED, WRONG_USE, NOT_FOUND, INTERRUPTED = 1, 2, 3, 130


class CommandError(Exception):
    """Ends the command with one line on stderr and an exit code."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        """Keep the line and the exit code."""
        super().__init__(text)
        self.code = code
