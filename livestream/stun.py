"""Connectivity checks as an ICE-lite agent sees them: requests parsed and proven, answers built (RFC 8489, 8445)."""

import hashlib
import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass

COOKIE = 0x2112A442
BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101
USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
XOR_MAPPED_ADDRESS = 0x0020
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028
FINGERPRINT_MASK = 0x5354554E
HEADER = struct.Struct("!HHL12s")
ATTRIBUTE = struct.Struct("!HH")
#: A check of a browser has six attributes; more than this is an attack on the parser's time.
MAX_ATTRIBUTES = 16


@dataclass(frozen=True, slots=True)
class Check:
    """One binding request whose sender is not proven yet; `local` and `remote` are the two halves of USERNAME."""

    transaction: bytes
    local: str
    remote: str
    nominates: bool
    signed: bytes
    signature: bytes

    def proves(self, password: str) -> bool:
        """Tell whether the sender knows `password` (MESSAGE-INTEGRITY, RFC 8489 section 14.5)."""
        return hmac.compare_digest(hmac.new(password.encode(), self.signed, hashlib.sha1).digest(), self.signature)


def parse_check(data: bytes) -> Check | None:
    """Read a binding request; None for anything else, whatever its bytes."""
    if len(data) < HEADER.size:
        return None
    kind, length, cookie, transaction = HEADER.unpack_from(data)
    if kind != BINDING_REQUEST or cookie != COOKIE or length != len(data) - HEADER.size or length % 4:
        return None
    position = HEADER.size
    username = b""
    nominates = False
    for _ in range(MAX_ATTRIBUTES):
        if position + ATTRIBUTE.size > len(data):
            return None
        attribute, size = ATTRIBUTE.unpack_from(data, position)
        start, end = position + ATTRIBUTE.size, position + ATTRIBUTE.size + size
        if end > len(data):
            return None
        if attribute == MESSAGE_INTEGRITY:
            if size != 20:
                return None
            # What was signed is everything before, under a header whose length already counts this attribute.
            head = HEADER.pack(kind, end - HEADER.size, cookie, transaction)
            try:
                local, colon, remote = username.decode("ascii").partition(":")
            except UnicodeDecodeError:
                return None
            if not colon:
                return None
            return Check(transaction, local, remote, nominates, head + data[HEADER.size : position], data[start:end])
        if attribute == USERNAME:
            username = data[start:end]
        elif attribute == USE_CANDIDATE:
            nominates = True
        position = end + (-size) % 4
    return None


def success(transaction: bytes, address: tuple[str, int], password: str) -> bytes:
    """Build the answer to a proven check: the sender's own address, signed, with a fingerprint."""
    ip = ipaddress.ip_address(address[0].partition("%")[0])
    mask = struct.pack("!L", COOKIE) + transaction
    body = struct.pack("!BBH", 0, 1 if ip.version == 4 else 2, address[1] ^ (COOKIE >> 16))
    body += bytes(a ^ b for a, b in zip(ip.packed, mask, strict=False))
    message = ATTRIBUTE.pack(XOR_MAPPED_ADDRESS, len(body)) + body
    signed = HEADER.pack(BINDING_SUCCESS, len(message) + 24, COOKIE, transaction) + message
    message += ATTRIBUTE.pack(MESSAGE_INTEGRITY, 20) + hmac.new(password.encode(), signed, hashlib.sha1).digest()
    whole = HEADER.pack(BINDING_SUCCESS, len(message) + 8, COOKIE, transaction) + message
    checksum = (zlib.crc32(whole) & 0xFFFFFFFF) ^ FINGERPRINT_MASK
    return whole + ATTRIBUTE.pack(FINGERPRINT, 4) + struct.pack("!L", checksum)
