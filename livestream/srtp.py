"""SRTP as far as a sender of RTP needs it: keys derived (RFC 3711 section 4.3), packets sealed with GCM (RFC 7714).

A packet's nonce is its SSRC and its 48 bit index (roll-over counter and sequence number) under the salt, so one index
must never carry two contents: who numbers packets (`lane.py`) answers for that.
"""

from collections.abc import Callable
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

LABEL_KEY = 0
LABEL_SALT = 2
KEY_BYTES = 16
SALT_BYTES = 12
TAG_BYTES = 16
#: Where the SSRC stands in a nonce: above the 32 bit roll-over counter and the 16 bit sequence number.
SSRC_SHIFT = 48


class Seal(Protocol):
    """Encrypts and authenticates: nonce, payload, header -> payload with tag."""

    def __call__(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes: ...


def derive(key: bytes, salt: bytes, label: int, size: int) -> bytes:
    """Derive a session key or salt of `size` bytes from the master's, for a key derivation rate of zero."""
    # A salt of 96 bits is moved to the top of the 112 (RFC 7714 section 11).
    block = int.from_bytes(salt.ljust(14, b"\0"), "big") ^ label << 48
    stream = Cipher(AES(key), CTR((block << 16).to_bytes(16, "big"))).encryptor()
    return stream.update(bytes(size))


def session_key(master: bytes) -> tuple[bytes, int]:
    """Derive the session key and the salt, as a number, from 128 bits of key with 96 bits of salt behind them."""
    key, salt = master[:KEY_BYTES], master[KEY_BYTES : KEY_BYTES + SALT_BYTES]
    return derive(key, salt, LABEL_KEY, KEY_BYTES), int.from_bytes(derive(key, salt, LABEL_SALT, SALT_BYTES), "big")


def sealing(master: bytes) -> tuple[Seal, int]:
    """Make the sealing function and the salt, as a number, from 128 bits of key with 96 bits of salt behind them."""
    key, salt = session_key(master)
    seal: Callable[..., bytes] = AESGCM(key).encrypt
    return seal, salt


def nonce(salt: int, place: int) -> bytes:
    """Build the nonce of one packet from its `place`, the SSRC above the 48 bit index (RFC 7714 section 8.1)."""
    return (salt ^ place).to_bytes(SALT_BYTES, "big")
