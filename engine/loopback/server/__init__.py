"""The simulated venue on sockets: `python -m engine.loopback.server`."""

try:
    import aiohttp  # noqa: F401 - an extra, which only the simulated venue needs
except ModuleNotFoundError as error:
    msg = "the simulated venue needs aiohttp: pip install 'steelyard[sim]'"
    raise ModuleNotFoundError(msg) from error
