"""Datagrams in and out: the guarded UDP sockets, and one peer's ICE-lite state, DTLS and SRTP.

The only file that touches private names of aiortc: its DTLS transport is handed datagrams that passed the guard, and
its SRTP sessions are used directly, so that no packet waits in a queue, wakes a task or reaches a decoder.
"""

import asyncio
import logging
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, cast

from aioice.ice import get_host_addresses
from aiortc import RTCIceTransport
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTP_PROFILES,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

from livestream import native, srtp, stun
from livestream.handshake import DtlsDatagrams

logger = logging.getLogger(__name__)

Address = tuple[str, int]
#: Nothing that WebRTC sends is larger; libsrtp's buffer holds 1,500 bytes.
MAX_DATAGRAM = 2048
#: Read at most so many datagrams before timers and other sockets get their turn.
BURST = 64
#: One peer moves between few addresses; more would let one session fill the table.
MAX_ADDRESSES = 16
#: SSRCs of one peer, those of its reports included: libsrtp keeps a context for each that was authentic.
MAX_SOURCES = 16
MAX_SOCKETS = 8
SOCKET_BUFFER = 4 * 1024 * 1024
#: GCM costs half of what CM with HMAC costs; 256 bit keys are left out because clients that prefer them pay for them.
PROFILES = [profile for profile in (SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80) if profile in SRTP_PROFILES]


class InPlace:
    """Runs libsrtp on one buffer that all peers share: half the time of pylibsrtp's own methods, and longer packets."""

    def __init__(self, name: str) -> None:
        self._characters = ffi.new("char[]", MAX_DATAGRAM + 256)
        self._bytes = ffi.buffer(self._characters)
        self._length = ffi.new("int *")
        self._run = getattr(lib, name)

    def __call__(self, session: Session, packet: bytes) -> bytes:
        """Encrypt or decrypt one packet; empty when libsrtp refuses it."""
        size = len(packet)
        self._bytes[0:size] = packet
        self._length[0] = size
        if self._run(session._srtp[0], self._characters, self._length):
            return b""
        result: bytes = self._bytes[0 : self._length[0]]
        return result


protect = InPlace("srtp_protect")
unprotect = InPlace("srtp_unprotect")
protect_rtcp = InPlace("srtp_protect_rtcp")
unprotect_rtcp = InPlace("srtp_unprotect_rtcp")


class Ingress:
    """The UDP sockets of the process, and the guard in front of every peer.

    A datagram reaches a peer only if it is a connectivity check signed with that peer's password, or comes from an
    address that sent one. Everything else is dropped and counted, and nothing is ever answered to a stranger.
    """

    def __init__(self, addresses: Sequence[str] = (), port: int = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self._wanted = tuple(addresses)
        self._port = port
        self._sockets: dict[str, socket.socket] = {}
        self._by_name: dict[str, Peer] = {}
        self._by_address: dict[Address, Peer] = {}
        self._deferred: dict[Callable[[], None], None] = {}
        self.dropped: Counter[str] = Counter()
        #: Whether the kernel splits what one call hands it (UDP_SEGMENT, Linux 4.18); set False at the first refusal.
        self.segments = True
        #: What sends a native batch instead of sendmmsg(2), for tests: `native.TRANSMIT`.
        self.transmit: Any = None

    def candidates(self) -> tuple[Address, ...]:
        """List the addresses to offer, opening sockets for those that appeared since; raises OSError if none."""
        here = get_host_addresses(use_ipv4=True, use_ipv6=True)
        own = [address for address in self._wanted if address in (*here, "127.0.0.1", "::1")]
        announced = [address for address in self._wanted if address not in own]
        bound = [address for address in (own or here or ["127.0.0.1"])[:MAX_SOCKETS] if self._open(address)]
        if not bound and not self._open("127.0.0.1"):
            raise OSError("no UDP socket can be opened on any address of this machine")
        ports = [(address, self._sockets[address].getsockname()[1]) for address in bound or ["127.0.0.1"]]
        # Behind a one-to-one translation the announced address leads to the first socket of its family.
        outside = [
            (address, port)
            for address in announced
            for local, port in [next((p for p in ports if (":" in p[0]) == (":" in address)), ports[0])]
        ]
        return tuple(outside + ports)

    def _open(self, address: str) -> bool:
        if address in self._sockets:
            return True
        opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                opened.setsockopt(socket.SOL_SOCKET, buffer, SOCKET_BUFFER)
            opened.bind((address, self._port))
        except OSError as reason:
            logger.warning("cannot use address %s: %s", address, reason)
            opened.close()
            return False
        self._sockets[address] = opened
        self._loop.add_reader(opened, self._readable, opened)
        return True

    def add(self, peer: "Peer") -> None:
        """Let checks for `peer` in."""
        self._by_name[peer.ufrag] = peer

    def remove(self, peer: "Peer") -> None:
        """Forget `peer` and its addresses."""
        self._by_name.pop(peer.ufrag, None)
        for address in peer.addresses:
            if self._by_address.get(address) is peer:
                del self._by_address[address]

    def close(self) -> None:
        """Close every socket."""
        for peer in self._by_name.values():
            peer.aim(None)
        for opened in self._sockets.values():
            self._loop.remove_reader(opened)
            opened.close()
        self._sockets.clear()

    def defer(self, work: Callable[[], None]) -> None:
        """Run `work` once when what the socket holds has been read."""
        self._deferred[work] = None

    def _readable(self, source: socket.socket) -> None:
        for _ in range(BURST):
            try:
                data, address = source.recvfrom(MAX_DATAGRAM + 1)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                # A dead peer's ICMP answer; it says nothing about the others.
                self.dropped["error"] += 1
                continue
            self._take(data, address, source)
        deferred, self._deferred = self._deferred, {}
        for work in deferred:
            try:
                work()
            except Exception:
                # One room's fault is not the others'.
                self.dropped["fault"] += 1
                logger.exception("a batch could not be forwarded")

    def _take(self, data: bytes, address: Address, source: socket.socket) -> None:
        size = len(data)
        if not 12 <= size <= MAX_DATAGRAM:
            self.dropped["size"] += 1
            return
        first = data[0]
        if first < 4:
            self._take_check(data, address, source)
            return
        peer = self._by_address.get(address)
        if peer is None:
            self.dropped["stranger"] += 1
        elif 128 <= first < 192:
            peer.take_srtp(data)
        elif 20 <= first < 64:
            peer.take_dtls(data)
        else:
            self.dropped["unknown"] += 1

    def _take_check(self, data: bytes, address: Address, source: socket.socket) -> None:
        check = stun.parse_check(data)
        peer = self._by_name.get(check.local) if check else None
        if check is None or peer is None or peer.remote_ufrag != check.remote or not check.proves(peer.password):
            self.dropped["check"] += 1
            return
        if address not in peer.addresses:
            if len(peer.addresses) >= MAX_ADDRESSES:
                self.dropped["addresses"] += 1
                return
            peer.addresses.add(address)
        before = self._by_address.get(address)
        if before is not None and before is not peer:
            # Whoever was here left without a word, and the port has a new owner whom the old packets would confuse.
            before.lose(address)
        self._by_address[address] = peer
        try:
            source.sendto(stun.success(check.transaction, address, peer.password), address)
        except OSError:
            self.dropped["error"] += 1
        peer.checked(address, source, check.nominates)


class Peer:
    """One remote end: proven addresses, DTLS, and SRTP both ways.

    `on_rtp` and `on_rtcp` get decrypted packets; `on_connected` is called once, `on_closed` once with a reason, when
    the remote end closed or failed (not after `close`).
    """

    def __init__(self, ingress: Ingress, remote_ufrag: str) -> None:
        self.ufrag = secrets.token_hex(4)
        self.password = secrets.token_hex(16)
        self.remote_ufrag = remote_ufrag
        self.addresses: set[Address] = set()
        self.on_rtp: Callable[[bytes], None] = lambda data: None
        self.on_rtcp: Callable[[bytes], None] = lambda data: None
        self.on_connected: Callable[[], None] = lambda: None
        self.on_closed: Callable[[str], None] = lambda reason: None
        self.connected = False
        self.closed = False
        #: Loop time of the last datagram that was proven to come from the remote end.
        self.heard = 0.0
        self.ingress = ingress
        #: Where everything goes: the nominated address and the socket that it was proven on.
        self.address: Address = ("", 0)
        self.socket: socket.socket | None = None
        #: How RTP is sealed and the salt of its nonces; None where AES-CM was agreed, which libsrtp does.
        self.seal: srtp.Seal | None = None
        self.salt = 0
        #: The same for the native part, if there is one.
        self.outgoing: native.Outgoing | None = None
        self._loop = asyncio.get_running_loop()
        self._handshake: asyncio.Task[None] | None = None
        self._receiving: Session | None = None
        self._sending: Session | None = None
        self._sources: set[bytes] = set()
        certificate = RTCCertificate.generateCertificate()
        self.fingerprint = next(f.value for f in certificate.getFingerprints() if f.algorithm == "sha-256")
        self._datagrams = DtlsDatagrams(self.send_datagram)
        self._dtls = RTCDtlsTransport(cast(RTCIceTransport, self._datagrams), [certificate])
        self._dtls._srtp_profiles = PROFILES
        self._dtls.on("statechange", self._changed)
        self._parameters = RTCDtlsParameters()

    def start(self, fingerprints: Sequence[tuple[str, str]], setup: str) -> None:
        """Wait for the remote end's checks; `setup` is our own DTLS role of the answer."""
        self._parameters = RTCDtlsParameters([RTCDtlsFingerprint(name, value) for name, value in fingerprints])
        self._dtls._set_role("server" if setup == "passive" else "client")
        self.ingress.add(self)

    def checked(self, address: Address, source: socket.socket, nominated: bool) -> None:
        """Take note of a proven check; a nominated address is where everything goes from now on."""
        self.heard = self._loop.time()
        if (nominated or self.socket is None) and (address, source) != (self.address, self.socket):
            self.address, self.socket = address, source
            self.aim(source)
        if nominated and self._handshake is None and not self.closed:
            self._handshake = self._loop.create_task(self._dtls.start(self._parameters))

    def lose(self, address: Address) -> None:
        """Send nothing more to `address`, which now is another's; a later check leads elsewhere."""
        self.addresses.discard(address)
        if address == self.address:
            self.address, self.socket = ("", 0), None
            self.aim(None)

    def take_dtls(self, data: bytes) -> None:
        """Queue a DTLS record for the handshake; beyond the bound it is dropped, DTLS sends again."""
        if self._datagrams.queue.full():
            self.ingress.dropped["handshake"] += 1
        else:
            self._datagrams.queue.put_nowait(data)

    def take_srtp(self, data: bytes) -> None:
        """Decrypt one packet and hand it on; what is not authentic is dropped."""
        session = self._receiving
        if session is None:
            return
        # RFC 5761 section 4: payload types 64 to 95 with the marker bit are RTCP.
        control = 192 <= data[1] < 224
        source = data[4:8] if control else data[8:12]
        if source not in self._sources and len(self._sources) >= MAX_SOURCES:
            self.ingress.dropped["sources"] += 1
            return
        if control:
            plain, deliver = unprotect_rtcp(session, data), self.on_rtcp
        else:
            plain, deliver = unprotect(session, data), self.on_rtp
        if not plain:
            self.ingress.dropped["srtp"] += 1
            return
        self._sources.add(source)
        self.heard = self._loop.time()
        try:
            deliver(plain)
        except Exception:
            # One peer's odd packet must not end the others' (ASVS 17.2.4).
            self.ingress.dropped["fault"] += 1
            logger.exception("a packet could not be handled")

    def send_rtp(self, header: bytes, body: bytes, place: int) -> bool:
        """Encrypt and send at once; False when the socket has no room, the packet is dropped then.

        `place` is the SSRC above the 48 bits of the packet's index; one place must not be given two contents.
        """
        if self.socket is None or self._sending is None:
            return True
        if self.seal is not None:
            encrypted = header + self.seal(srtp.nonce(self.salt, place), body, header)
        else:
            encrypted = protect(self._sending, header + body)
        if not encrypted:
            self.ingress.dropped["send"] += 1
            return True
        try:
            self.socket.sendto(encrypted, self.address)
        except BlockingIOError:
            return False
        except OSError:
            self.ingress.dropped["send"] += 1
        return True

    def send_rtcp(self, packet: bytes) -> None:
        """Encrypt and send one compound packet; without room it is dropped, the next report follows soon."""
        if self._sending is not None:
            encrypted = protect_rtcp(self._sending, packet) if len(packet) <= MAX_DATAGRAM else b""
            if encrypted:
                self.send_datagram(encrypted)
            else:
                self.ingress.dropped["send"] += 1

    def send_datagram(self, data: bytes) -> None:
        """Send bytes as they are to the nominated address; without room they are dropped."""
        if self.socket is not None:
            try:
                self.socket.sendto(data, self.address)
            except OSError:
                self.ingress.dropped["send"] += 1

    def aim(self, way: socket.socket | None) -> None:
        """Let the native part send to the present address through `way`, or nothing more at all."""
        if self.outgoing is not None:
            self.outgoing.aim(way, self.address)

    def _take_keys(self) -> None:
        # libsrtp keeps RTCP, whose keys are others; RTP under GCM is sealed here alone, so no index is counted twice.
        connection = self._dtls._ssl
        assert connection is not None, "connected means that there was a handshake"
        if connection.get_selected_srtp_profile() == SRTP_AEAD_AES_128_GCM.openssl_profile:
            size = 2 * (srtp.KEY_BYTES + srtp.SALT_BYTES)
            material = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", size)
            own = 1 if self._dtls._role == "server" else 0
            master = SRTP_AEAD_AES_128_GCM.get_key_and_salt(material, own)
            self.seal, self.salt = srtp.sealing(master)
            if native.available:
                self.outgoing = native.Outgoing(*srtp.session_key(master))
                self.aim(self.socket)

    async def close(self) -> None:
        """Say goodbye by DTLS, forget the addresses and wait for what was started."""
        if self.closed:
            return
        self.closed = True
        self.connected = False
        self._dtls.remove_listener("statechange", self._changed)
        pump = self._dtls._task
        await self._dtls.stop()
        self.ingress.remove(self)
        self.aim(None)
        self._receiving = self._sending = self.seal = None
        for task in (self._handshake, pump):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _changed(self) -> None:
        state = self._dtls.state
        if state == "connected":
            self._receiving, self._sending = self._dtls._rx_srtp, self._dtls._tx_srtp
            self._take_keys()
            self.connected = True
            self.on_connected()
        elif state in ("failed", "closed") and not self.closed:
            self.on_closed(state)
