"""Keys and nonces against the RFCs' own figures, and whole packets against libsrtp."""

import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pylibsrtp import Policy, Session

from livestream import rtp, srtp


def test_keys_are_those_of_the_rfc() -> None:
    """RFC 3711 appendix B.3: the session key and the salt of a published master key."""
    key = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
    salt = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
    assert srtp.derive(key, salt, srtp.LABEL_KEY, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert srtp.derive(key, salt, srtp.LABEL_SALT, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"


def test_sealed_packet_is_that_of_the_rfc() -> None:
    """RFC 7714 section 16.1.1: SRTP AEAD_AES_128_GCM encryption."""
    header = bytes.fromhex("8040f17b8041f8d35501a0b2")
    payload = bytes.fromhex("47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573")
    salt = int.from_bytes(bytes.fromhex("517569642070726f2071756f"), "big")
    nonce = srtp.nonce(salt, 0x5501A0B2 << srtp.SSRC_SHIFT | 0xF17B)
    assert nonce.hex() == "51753c6580c2726f20718414"
    sealed = AESGCM(bytes(range(16))).encrypt(nonce, payload, header)
    assert sealed.hex() == (
        "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce"
    )


@pytest.mark.parametrize("index", [0, 1, 65_535, 65_536, 3 * 65_536 + 7])
def test_libsrtp_reads_what_is_sealed(index: int) -> None:
    """The other end derives the same keys and counts the same roll-overs."""
    master = os.urandom(srtp.KEY_BYTES + srtp.SALT_BYTES)
    seal, salt = srtp.sealing(master)
    policy = Policy(master, Policy.SSRC_ANY_INBOUND, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    receiver = Session(policy)
    numbers = [*range(0, index, 20_000), index]
    for number in numbers:
        header = rtp.HEADER.pack(0x80, 102, number & 0xFFFF, 7, 0xABCD)
        body = b"picture" + number.to_bytes(4, "big")
        sealed = header + seal(srtp.nonce(salt, 0xABCD << srtp.SSRC_SHIFT | number), body, header)
        assert receiver.unprotect(sealed) == header + body
