"""Where a role that serves HTTP listens: the address in its table is checked, and its URL is one text."""

import ipaddress


def check_address(table: str, address: str, token: str) -> None:
    """Refuse a text that is no address, and an address that other machines reach without a token."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        msg = f"{table}: address is {address!r}, expected an address of this machine like 127.0.0.1"
        raise ValueError(msg) from None
    if not found.is_loopback and not token:
        msg = f"{table}: address {address} is reached by other machines: set token, or use 127.0.0.1"
        raise ValueError(msg)


def url_of(address: str, port: int) -> str:
    """The URL of an address and a port."""
    return f"http://{f'[{address}]' if ':' in address else address}:{port}"
