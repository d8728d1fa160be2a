"""A TURN server tried out: does it answer, and do our credentials open it (RFC 8656)."""

import asyncio
import contextlib
import ssl

from aioice import stun, turn


class _Ended(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.ended = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


async def allocate(
    host: str,
    port: int,
    username: str,
    password: str,
    *,
    transport: str = "udp",
    tls: bool = False,
    patience: float = 5,
) -> tuple[str, int]:
    """Have a relay give us an address and give it back; returns it.

    Raises ConnectionError with what the relay said, or OSError or TimeoutError when there is none.
    """
    context = ssl.create_default_context() if tls else None
    try:
        async with asyncio.timeout(patience):
            endpoint, protocol = await turn.create_turn_endpoint(
                _Ended,
                server_addr=(host, port),
                username=username,
                password=password,
                ssl=context if context is not None else False,
                transport=transport,
            )
    except stun.TransactionFailed as refused:
        code, reason = refused.response.attributes.get("ERROR-CODE", (0, "refused"))
        raise ConnectionError(f"{code} {reason}") from None
    except stun.TransactionTimeout:
        raise TimeoutError from None
    address: tuple[str, int] = endpoint.get_extra_info("sockname")
    endpoint.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(protocol.ended.wait(), patience)
    return address
