"""The embedded venue on sockets: `python -m engine.loopback.server`."""

try:
    import aiohttp  # noqa: F401 - an extra, which only the embedded venue needs
except ModuleNotFoundError as error:
    msg = "the embedded venue needs aiohttp, which is not installed: pip install 'steelyard[sim]'"
    raise ModuleNotFoundError(msg) from error
