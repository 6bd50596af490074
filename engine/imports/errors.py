"""The error that ends an import before it changes the history."""


class ImportRefusedError(ValueError):
    """A file, an option or a set of rows that cannot be imported; the text names it and what to do."""
