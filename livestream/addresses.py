"""The addresses of this machine."""

import socket

from aioice.ice import get_host_addresses

# Only decides which interface is asked; nothing is sent (RFC 5737, RFC 3849: addresses for documentation).
FAR_AWAY = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1"))


def local_addresses() -> list[str]:
    """Return the addresses of all interfaces but loopback, without link-local ones."""
    return list(get_host_addresses(use_ipv4=True, use_ipv6=True))


def main_address() -> str | None:
    """Return the address under which the neighbours know this machine, IPv4 first; None without a network."""
    for family, somewhere in FAR_AWAY:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((somewhere, 9))
            except OSError:
                continue
            return str(probe.getsockname()[0])
    return next(iter(local_addresses()), None)
