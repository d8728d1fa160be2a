"""A WebRTC peer without a codec: it publishes prepared packets and counts or keeps what it is sent.

Independent of livestream's own transport: checks are built by aioice, SRTP is set up by aiortc.
"""

import asyncio
import contextlib
import re
import secrets
import socket
from collections.abc import Callable

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

H264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
CODECS = {
    "h264": ("video", 102, "H264/90000", H264),
    "vp8": ("video", 96, "VP8/90000", ""),
    "opus": ("audio", 111, "opus/48000/2", "minptime=10;useinbandfec=1"),
}


class RawPeer:
    """One peer with one UDP socket on loopback or on the address that the answer names."""

    role = "controlling"

    def __init__(self, codecs: tuple[str, ...] = ("h264", "opus"), direction: str = "recvonly") -> None:
        self.codecs = codecs
        self.direction = direction
        self.ufrag = secrets.token_hex(4)
        self.password = secrets.token_hex(12)
        self.ssrcs = {name: secrets.randbits(31) + 1 for name in codecs}
        self.payload_types = {name: CODECS[name][1] for name in codecs}
        self.rtp_count = 0
        self.rtcp_count = 0
        #: Called with every decrypted packet; None saves the time of decrypting.
        self.on_rtp: Callable[[bytes], None] | None = None
        self.on_rtcp: Callable[[bytes], None] | None = None
        self.answer: dict[str, str] = {}
        self.remote_ssrcs: list[int] = []
        self.socket: socket.socket | None = None
        #: The UDP port to send from; 0 takes one that is free.
        self.port = 0
        self._records: asyncio.Queue[bytes] = asyncio.Queue()
        self._checked = asyncio.Event()
        self._consent: asyncio.Task[None] | None = None
        certificate = RTCCertificate.generateCertificate()
        self._fingerprint = next(f.value for f in certificate.getFingerprints() if f.algorithm == "sha-256")
        self.dtls = RTCDtlsTransport(self, [certificate])  # type: ignore[arg-type]

    def offer(self, setup: str = "actpass", extra: tuple[str, ...] = ()) -> str:
        """Write the SDP offer; `extra` lines go to the end."""
        lines = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
        lines.append("a=group:BUNDLE " + " ".join(str(i) for i in range(len(self.codecs))))
        for index, name in enumerate(self.codecs):
            kind, number, encoding, parameters = CODECS[name]
            lines += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {number}", "c=IN IP4 0.0.0.0", f"a=mid:{index}"]
            lines += [f"a=ice-ufrag:{self.ufrag}", f"a=ice-pwd:{self.password}", f"a=setup:{setup}"]
            lines += [f"a=fingerprint:sha-256 {self._fingerprint}", f"a={self.direction}", "a=rtcp-mux"]
            lines += [f"a=rtpmap:{number} {encoding}", f"a=rtcp-fb:{number} nack", f"a=rtcp-fb:{number} nack pli"]
            lines += [f"a=fmtp:{number} {parameters}"] if parameters else []
            if self.direction == "sendonly":
                lines += ["a=msid:s " + kind, f"a=ssrc:{self.ssrcs[name]} cname:raw"]
        return "\r\n".join([*lines, *extra]) + "\r\n"

    def accept(self, answer: str) -> None:
        """Read what is needed of the answer."""
        for name in ("ice-ufrag", "ice-pwd", "setup", "fingerprint", "candidate"):
            found = re.search(rf"^a={name}:(.*?)\r?$", answer, re.MULTILINE)
            assert found, f"the answer has no {name}"
            self.answer[name] = found[1]
        self.remote_ssrcs = [int(number) for number in re.findall(r"^a=ssrc:(\d+)", answer, re.MULTILINE)]
        words = self.answer["candidate"].split()
        self.remote = (words[4], int(words[5]))

    async def connect(self) -> None:
        """Check, nominate, shake hands; raises ConnectionError when it fails."""
        if not self._checked.is_set():
            await self.check()
        self.dtls._set_role("client" if self.answer["setup"] == "passive" else "server")
        algorithm, value = self.answer["fingerprint"].split()
        await self.dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value)]))
        if self.dtls.state != "connected":
            raise ConnectionError(self.dtls.state)

    async def check(self) -> None:
        """Send connectivity checks until one is answered, then keep consent fresh."""
        family = socket.AF_INET6 if ":" in self.remote[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("", self.port))
        self.socket.connect(self.remote)
        self.port = self.socket.getsockname()[1]
        asyncio.get_running_loop().add_reader(self.socket, self._readable)
        while not self._checked.is_set():
            self.send(self.check_request())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._checked.wait(), 0.2)
        self._consent = asyncio.create_task(self._keep_consent())

    def check_request(self, password: str | None = None) -> bytes:
        """Build a nominating check as a browser sends it."""
        message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{self.answer['ice-ufrag']}:{self.ufrag}"
        message.attributes["PRIORITY"] = 1845494271
        message.attributes["ICE-CONTROLLING"] = secrets.randbits(64)
        message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((password or self.answer["ice-pwd"]).encode())
        message.add_fingerprint()
        return bytes(message)

    async def _keep_consent(self) -> None:
        while True:
            await asyncio.sleep(2.5)
            self.send(self.check_request())

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self.socket is not None, "connect first"
        with contextlib.suppress(OSError):
            self.socket.send(data)

    def send_rtp(self, data: bytes) -> None:
        """Encrypt and send one packet."""
        self.send(self.dtls._tx_srtp.protect(data))

    def send_rtcp(self, data: bytes) -> None:
        """Encrypt and send one compound packet."""
        self.send(self.dtls._tx_srtp.protect_rtcp(data))

    def _readable(self) -> None:
        assert self.socket is not None, "connect first"
        for _ in range(64):
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return
            except OSError:
                continue
            first = data[0]
            if first < 4:
                answer = stun.parse_message(data)
                proven = answer.check_message_integrity(self.answer["ice-pwd"].encode())
                if proven and answer.message_class == stun.Class.RESPONSE:
                    self._checked.set()
            elif first < 64:
                self._records.put_nowait(data)
            elif 192 <= data[1] < 224:
                self.rtcp_count += 1
                if self.on_rtcp is not None and self.dtls._rx_srtp is not None:
                    self.on_rtcp(self.dtls._rx_srtp.unprotect_rtcp(data))
            else:
                self.rtp_count += 1
                if self.on_rtp is not None and self.dtls._rx_srtp is not None:
                    self.on_rtp(self.dtls._rx_srtp.unprotect(data))

    async def _recv(self) -> bytes:
        return await self._records.get()

    async def _send(self, data: bytes) -> None:
        self.send(data)

    async def close(self, goodbye: bool = True) -> None:
        """Leave, with a DTLS alert unless `goodbye` is false (a crash)."""
        if self._consent is not None:
            self._consent.cancel()
            await asyncio.gather(self._consent, return_exceptions=True)
        pump = self.dtls._task
        if goodbye:
            await self.dtls.stop()
        if pump is not None:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
        if self.socket is not None:
            asyncio.get_running_loop().remove_reader(self.socket)
            self.socket.close()
