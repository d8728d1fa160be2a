"""One end of a WebRTC connection without asyncio and without a codec: ICE checks, DTLS by pyOpenSSL, SRTP by libsrtp.

Made to be cheap, so that hundreds fit one core. It shares nothing with livestream's transport.
"""

import contextlib
import datetime
import hashlib
import hmac
import re
import secrets
import socket
import struct
import zlib
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from pylibsrtp import Policy, Session

COOKIE = struct.pack("!L", 0x2112A442)
UDP_GRO = 104
SO_TIMESTAMPNS = 35
#: Enough for two seconds of one viewer's stream while the tool looks after others.
SOCKET_BUFFER = 4 << 20
#: Seconds after which Chromium sends its first DTLS flight again.
RETRY = 0.05
#: Name, libsrtp's profile, bytes of key and salt (RFC 5764, 7714).
PROFILES = {
    b"SRTP_AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    b"SRTP_AES128_CM_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}
#: What a browser offers: payload type, name, parameters, feedback.
VIDEO, VIDEO_AGAIN, AUDIO = 102, 103, 111
OFFERED = {
    "audio": (
        (AUDIO, "opus/48000/2", "minptime=10;useinbandfec=1", ()),
    ),
    "video": (
        (
            VIDEO,
            "H264/90000",
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            ("goog-remb", "ccm fir", "nack", "nack pli"),
        ),
        (VIDEO_AGAIN, "rtx/90000", f"apt={VIDEO}", ()),
    ),
}  # fmt: skip


class Certificate:
    """A throw-away identity; one is enough for all ends of this tool."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "load")])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(9))
        self.certificate = builder.sign(self.key, hashes.SHA256())
        digest = self.certificate.fingerprint(hashes.SHA256()).hex().upper()
        self.fingerprint = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))

    def context(self) -> SSL.Context:
        """Build the DTLS settings; any certificate is taken, its fingerprint is compared afterwards."""
        context = SSL.Context(SSL.DTLS_METHOD)
        context.use_certificate(self.certificate)
        context.use_privatekey(self.key)
        context.set_tlsext_use_srtp(b":".join(PROFILES))
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        return context


def attribute(text: str, name: str) -> str:
    """Find the first `a=name:` of an SDP; raises ValueError."""
    found = re.search(rf"^a={name}:(.*?)\r?$", text, re.MULTILINE)
    if not found:
        raise ValueError(f"the SDP has no {name}")
    return found[1]


@dataclass
class Endpoint:
    """A connected UDP socket and what became of it; `state` goes from `new` over `checking` and `handshake` on."""

    certificate: Certificate
    context: SSL.Context
    direction: str = "recvonly"
    ufrag: str = field(default_factory=lambda: secrets.token_hex(4))
    password: str = field(default_factory=lambda: secrets.token_hex(12))
    ssrcs: dict[int, int] = field(default_factory=dict)
    payload_types: dict[int, int] = field(default_factory=dict)
    state: str = "new"
    profile: str = ""

    def offer(self) -> str:
        """Write an offer with sound and picture."""
        self.ssrcs = {number: secrets.randbits(31) + 1 for number in (VIDEO, VIDEO_AGAIN, AUDIO)}
        self.payload_types = {number: number for number in self.ssrcs}
        return self._sdp("actpass", [(str(i), kind, codecs) for i, (kind, codecs) in enumerate(OFFERED.items())])

    def answer(self, offer: str) -> str:
        """Accept an offer of a server that offers to its viewers; payload types are the server's."""
        sections = []
        for block in re.split(r"^(?=m=)", offer, flags=re.MULTILINE)[1:]:
            names = {line[1].upper(): int(line[0]) for line in re.findall(r"^a=rtpmap:(\d+) ([\w]+)/", block, re.M)}
            kind = block[2:7]
            codecs = []
            for number, name, parameters, feedback in OFFERED[kind]:
                theirs = names.get(name.split("/")[0].upper())
                if theirs is not None:
                    self.payload_types[number] = theirs
                    text = parameters.replace(f"apt={VIDEO}", f"apt={self.payload_types.get(VIDEO)}")
                    codecs.append((theirs, name, text, feedback))
            sections.append((attribute(block, "mid"), kind, tuple(codecs)))
        return self._sdp("active", sections)

    def _sdp(
        self, setup: str, sections: list[tuple[str, str, tuple[tuple[int, str, str, tuple[str, ...]], ...]]]
    ) -> str:
        lines = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
        lines.append("a=group:BUNDLE " + " ".join(mid for mid, _, _ in sections))
        for mid, kind, codecs in sections:
            lines += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {' '.join(str(codec[0]) for codec in codecs)}"]
            lines += ["c=IN IP4 0.0.0.0", f"a=mid:{mid}", f"a=ice-ufrag:{self.ufrag}", f"a=ice-pwd:{self.password}"]
            lines += [f"a=fingerprint:sha-256 {self.certificate.fingerprint}", f"a=setup:{setup}"]
            lines += [f"a={self.direction}", "a=rtcp-mux", "a=rtcp-rsize"]
            for number, name, parameters, feedback in codecs:
                lines += [f"a=rtpmap:{number} {name}", f"a=fmtp:{number} {parameters}"]
                lines += [f"a=rtcp-fb:{number} {one}" for one in feedback]
            if self.direction == "sendonly":
                lines.append(f"a=msid:load {kind}")
                if kind == "video":
                    lines.append(f"a=ssrc-group:FID {self.ssrcs[VIDEO]} {self.ssrcs[VIDEO_AGAIN]}")
                lines += [f"a=ssrc:{self.ssrcs[codec[0]]} cname:load" for codec in codecs]
        return "\r\n".join(lines) + "\r\n"

    def start(self, remote: str, *, batched: bool = False) -> None:
        """Read the other side's description and send the first check; `batched` sockets are read by `recvmsg`.

        Kernel receive times and whole trains of packets come with each message then.
        """
        self.remote_ufrag, self.remote_password = attribute(remote, "ice-ufrag"), attribute(remote, "ice-pwd")
        self._remote_fingerprint = attribute(remote, "fingerprint").split()[1].upper()
        self._active = attribute(remote, "setup") != "active"
        candidates = (line.split() for line in re.findall(r"^a=candidate:(.*?)\r?$", remote, re.MULTILINE))
        words = next(words for words in candidates if words[2].lower() == "udp" and "." in words[4])
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        if batched:
            self.socket.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.connect((words[4], int(words[5])))
        self._dtls = SSL.Connection(self.context, None)
        self._dtls.set_connect_state() if self._active else self._dtls.set_accept_state()
        self._dtls.set_ciphertext_mtu(1200)
        self._flight: list[bytes] = []
        self.state = "checking"
        self.send(self.check())

    def check(self) -> bytes:
        """Build a nominating connectivity check as a browser sends it (RFC 8445 section 7.2)."""
        username = f"{self.remote_ufrag}:{self.ufrag}".encode()
        body = struct.pack("!HH", 0x0006, len(username)) + username + bytes(-len(username) % 4)
        body += struct.pack("!HHL", 0x0024, 4, 1845494271) + struct.pack("!HHQ", 0x802A, 8, secrets.randbits(64))
        body += struct.pack("!HH", 0x0025, 0)
        return sign(0x0001, secrets.token_bytes(12), body, self.remote_password)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        with contextlib.suppress(OSError):
            self.socket.send(data)

    def take(self, data: bytes) -> None:
        """Handle what is not media: checks, their answers, and DTLS."""
        if data[0] < 4:
            self._take_stun(data)
        elif 20 <= data[0] < 64 and self.state == "handshake":
            self._dtls.bio_write(data)
            self._shake()

    def _take_stun(self, data: bytes) -> None:
        kind = struct.unpack_from("!H", data)[0]
        if kind == 0x0101 and self.state == "checking" and data[-32:-8] == sign_of(data, self.remote_password):
            self.state = "handshake"
            self._shake()
        elif kind == 0x0001:
            host, port = self.socket.getpeername()
            mapped = struct.pack("!BBH", 0, 1, port ^ 0x2112)
            mapped += bytes(a ^ b for a, b in zip(socket.inet_aton(host), COOKIE, strict=True))
            self.send(sign(0x0101, data[8:20], struct.pack("!HH", 0x0020, 8) + mapped, self.password))

    def _shake(self) -> None:
        try:
            self._dtls.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        self._flush()
        remote = self._dtls.get_peer_certificate(as_cryptography=True)
        assert remote is not None, "a certificate is demanded"
        if remote.fingerprint(hashes.SHA256()).hex().upper() != self._remote_fingerprint.replace(":", ""):
            raise ConnectionError("the certificate is not the one of the SDP")
        chosen = self._dtls.get_selected_srtp_profile()
        self.profile = chosen.decode()
        profile, key, salt = PROFILES[chosen]
        made = self._dtls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        client = made[:key] + made[2 * key : 2 * key + salt]
        server = made[key : 2 * key] + made[2 * key + salt :]
        ours, theirs = (client, server) if self._active else (server, client)
        self.sending = Session(Policy(key=ours, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self.receiving = Session(Policy(key=theirs, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        self.state = "connected"

    def _flush(self) -> None:
        flight = []
        with contextlib.suppress(SSL.WantReadError):
            while True:
                flight.append(self._dtls.bio_read(1500))
        self._flight = flight or self._flight
        for data in flight:
            self.send(data)

    def retry(self) -> None:
        """Repeat what got no answer; call it every RETRY seconds until connected.

        OpenSSL would wait a second before it sends a flight again.
        """
        if self.state == "checking":
            self.send(self.check())
        elif self.state == "handshake":
            for data in self._flight:
                self.send(data)

    def close(self) -> None:
        """Say goodbye and close the socket."""
        if self.state == "connected":
            with contextlib.suppress(SSL.Error):
                self._dtls.shutdown()
            self._flush()
        self.socket.close()


def sign(kind: int, transaction: bytes, body: bytes, password: str) -> bytes:
    """Build a STUN message with MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489)."""
    signed = struct.pack("!HH", kind, len(body) + 24) + COOKIE + transaction + body
    digest = hmac.digest(password.encode(), signed, hashlib.sha1)
    whole = struct.pack("!HH", kind, len(body) + 32) + signed[4:] + struct.pack("!HH", 0x0008, 20) + digest
    return whole + struct.pack("!HHL", 0x8028, 4, zlib.crc32(whole) ^ 0x5354554E)


def sign_of(data: bytes, password: str) -> bytes:
    """The MESSAGE-INTEGRITY attribute that a message ending in it and FINGERPRINT must have."""
    signed = data[:2] + struct.pack("!H", len(data) - 28) + data[4:-32]
    return struct.pack("!HH", 0x0008, 20) + hmac.digest(password.encode(), signed, hashlib.sha1)
