"""The forwarding path's optional native part: a batch for all viewers in one call, without the interpreter.

`native.c` is compiled when the package is built, where there is a C compiler, and finds libcrypto here. Without either
`available` is False and egress.py does the same in Python; both make the same bytes.
"""

import ctypes
import ctypes.util
import logging
import socket
import struct
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

LIBRARY = Path(__file__).with_name("_native.so")
#: OpenSSL 3, then 1.1; the Python interpreter mostly uses the same one.
CRYPTO = ("libcrypto.so.3", "libcrypto.so.1.1")
#: What may stand in for sendmmsg(2): socket, messages, how many, flags -> how many went.
TRANSMIT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, use_errno=True)


def _load(path: Path) -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(str(path), use_errno=True)
    except OSError:
        return None
    pointer = ctypes.c_void_p
    library.vitrine_open.restype = pointer
    library.vitrine_open.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    library.vitrine_close.restype = None
    library.vitrine_close.argtypes = [pointer]
    library.vitrine_aim.restype = None
    library.vitrine_aim.argtypes = [pointer, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32]
    batch = (pointer, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int)
    library.vitrine_send.argtypes = (*batch, pointer, pointer, pointer, pointer)
    if not any(library.vitrine_load(name.encode()) for name in CRYPTO):
        logger.warning("there is no libcrypto: rooms are forwarded by Python alone")
        return None
    return library


_library = _load(LIBRARY)
available = _library is not None


def address_bytes(family: int, address: Sequence[Any]) -> bytes:
    """Lay out a socket address as the kernel reads it (ip(7), ipv6(7))."""
    host, port = str(address[0]), int(address[1])
    if family == socket.AF_INET6:
        flow, scope = (*address[2:4], 0, 0)[:2]
        words = struct.pack("!HI", port, flow) + socket.inet_pton(family, host.split("%")[0])
        return struct.pack("@H", family) + words + struct.pack("@I", scope)
    return struct.pack("@H", family) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)


class Outgoing:
    """One viewer's session key, salt and address outside of the interpreter; nothing is sent before `aim`."""

    def __init__(self, key: bytes, salt: int) -> None:
        assert _library is not None, "look at `available` first"
        found = _library.vitrine_open(key, salt.to_bytes(12, "big"))
        if not found:
            raise MemoryError("no memory for a viewer")
        self.handle = ctypes.c_void_p(found)
        weakref.finalize(self, _library.vitrine_close, self.handle)

    def aim(self, way: socket.socket | None, address: Sequence[Any] = ()) -> None:
        """Send to `address` through `way` from now on, or nothing more at all."""
        assert _library is not None, "there is a viewer"
        if way is None:
            _library.vitrine_aim(self.handle, -1, b"", 0)
        else:
            where = address_bytes(way.family, address)
            _library.vitrine_aim(self.handle, way.fileno(), where, len(where))


class Crowd:
    """Viewers that are sent the same batches; it keeps them alive."""

    def __init__(self, viewers: Sequence[Outgoing]) -> None:
        self._viewers = tuple(viewers)
        count = len(self._viewers)
        self._handles = (ctypes.c_void_p * count)(*(viewer.handle.value for viewer in self._viewers))
        self._full = (ctypes.c_int32 * (3 * count))()

    def send(
        self, calls: Sequence[Sequence[tuple[bytes, bytes, int]]], *, segments: bool, transmit: Any = None
    ) -> tuple[list[tuple[int, int, int]], bool, int]:
        """Send these calls to each viewer, by `transmit` (TRANSMIT) instead of sendmmsg(2) if it is given.

        Returns what had no room as `egress.send` does, whether the kernel still splits, and how many datagrams it
        refused.
        """
        assert _library is not None, "there are viewers"
        parts: list[bytes] = []
        sizes: list[int] = []
        for call in calls:
            for header, body, base in call:
                parts += (base.to_bytes(12, "big"), header, body)
                sizes.append(len(body))
        splits, refused = ctypes.c_int(segments), ctypes.c_int(0)
        count = _library.vitrine_send(
            self._handles,
            len(self._viewers),
            b"".join(parts),
            struct.pack(f"@{len(sizes)}I", *sizes),
            struct.pack(f"@{len(calls)}I", *map(len, calls)),
            len(calls),
            ctypes.byref(splits),
            self._full,
            ctypes.byref(refused),
            transmit,
        )
        numbers = self._full[: 3 * count]
        full = list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)) if count else []
        return full, bool(splits.value), refused.value
