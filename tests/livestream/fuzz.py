"""Everything that reads bytes of strangers, as targets of the fuzzer: each takes bytes and must not raise."""

import asyncio
import atexit
import contextlib
import itertools
import json
import logging
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

SEEDS = Path(__file__).parent / "seeds"
#: Messages or packets in one case, where it is a row of them.
MOST_ITEMS = 40

Case = Callable[[bytes], None]


def stun() -> Case:
    """Connectivity checks."""
    from livestream import stun

    def case(data: bytes) -> None:
        check = stun.parse_check(data)
        if check is not None:
            assert not check.proves("not its password"), "a forged signature was accepted"
            assert len(stun.success(check.transaction, ("2001:db8::1", 1), check.local)) < 100

    return case


def rtp() -> Case:
    """RTP, the header extension, the beginnings of keyframes."""
    from livestream import rtp

    def case(data: bytes) -> None:
        packet = rtp.parse(data)
        for body in (data, packet.body if packet else b""):
            rtp.is_h264_keyframe(body)
            rtp.is_vp8_keyframe(body)
        if packet is not None:
            assert len(packet.body) + len(packet.extensions) < len(data), "a packet cannot grow"
            for number in range(1, 15):
                rtp.extension(packet.extensions, number)

    return case


def rtcp() -> Case:
    """Compound RTCP of publishers and viewers."""
    from livestream import rtcp

    def case(data: bytes) -> None:
        found = rtcp.parse(data)
        assert len(found) <= 32 * rtcp.MAX_PACKETS, "more reports than a compound packet may have"
        for said in found:
            assert not isinstance(said, rtcp.Nack) or len(said.lost) <= rtcp.MAX_LOST

    return case


def _answers(*streams: dict[str, str] | None) -> Case:
    from livestream import answers, offers
    from livestream.errors import LiveError

    local = answers.Local("u" * 8, "p" * 24, "AA", (("192.0.2.1", 5),), "1", "n", {"audio": (1, 3), "video": (2, 4)})

    def case(data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return
        for codecs in streams:
            with contextlib.suppress(LiveError):
                offer = offers.parse(text)
                agreed = offers.accept_publish(offer) if codecs is None else offers.accept_play(offer, codecs)
                answer = answers.answer(offer, agreed, local)
                assert len(answer) < 4 * offers.MAX_BYTES, "an answer far longer than its offer"
                lines = answer.split("\r\n")
                assert sum(line.startswith("m=") for line in lines) == len(offer.sections), "a section was lost"
                assert "\n" not in "".join(lines), "a line of the offer's making"
                assert all(media.codec.clock_rate in (48_000, 90_000) for media in agreed), "a clock of its own"
                assert all(len(section.codecs) <= 128 for section in offer.sections), "more codecs than numbers"

    return case


def publish() -> Case:
    """Offers of publishers, read and answered."""
    return _answers(None)


def play() -> Case:
    """Offers of viewers, for streams of either codec."""
    return _answers({"video": "h264", "audio": "opus"}, {"video": "vp8"})


def room() -> Case:
    """What one person says on a room's socket, a message a line."""
    from datetime import UTC, datetime, timedelta

    from livestream.room import MAX_TEXT, QUEUE, Person, Room
    from web.room_socket import _take_name

    def case(data: bytes) -> None:
        now = datetime(2030, 1, 1, tzinfo=UTC)
        room = Room("room", slow_seconds=1.0)
        speaker = room.join(Person("a", ""), {}, now)
        hearer = room.join(Person("b", "Ben"), {}, now)
        for text in data.decode(errors="replace").split("\n")[:MOST_ITEMS]:
            now += timedelta(seconds=1)
            if _take_name(speaker, text, "Lena"):
                room.receive(speaker, text, now)
        for client in (speaker, hearer):
            assert len(client) <= QUEUE
            while (message := client.take()) is not None:
                json.dumps(message).encode()
                assert len(message.get("text", "")) <= MAX_TEXT
                name = str(message.get("person", {}).get("name", ""))
                assert name.casefold() != "lena", "a guest took the host's name"
        room.leave(speaker, now)
        room.leave(hearer, now)
        assert room.presence == 0

    return case


class Faults(logging.Handler):
    """Raises what code logged instead of raising it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the first."""
        if record.exc_info and record.exc_info[1] is not None and self.found is None:
            self.found = record.exc_info[1]

    found: BaseException | None = None

    def check(self) -> None:
        """Raise what was caught since the last time."""
        found, self.found = self.found, None
        if found is not None:
            raise found


def faults() -> Faults:
    """Listen to everything that livestream logs, and silence it."""
    handler = Faults()
    logger = logging.getLogger("livestream")
    logger.addHandler(handler)
    logger.propagate = False
    return handler


def calls() -> Case:
    """Lines on the media process's socket: those of a client, and its own as a client reads them."""
    from livestream.client import BROKEN, MediaClient
    from livestream.config import Config
    from livestream.server import MediaProcess

    loop = asyncio.new_event_loop()
    handler = faults()

    async def make() -> tuple[MediaProcess, MediaClient]:
        config = Config(socket=Path("unused"), addresses=("127.0.0.1",), max_peers=4)
        return MediaProcess(config), MediaClient("unused")

    process, client = loop.run_until_complete(make())

    async def run(data: bytes) -> None:
        for line in data.split(b"\n")[:MOST_ITEMS]:
            reply = await process.control._call(line)
            assert "result" in reply or reply["error"]["status"] < 500, reply
            json.dumps(reply)
            with contextlib.suppress(*BROKEN):
                client._take(json.loads(line))
        for live, name in [(live, name) for name, live in process._rooms.items()]:
            await process._end(name, live)
        handler.check()

    return lambda data: loop.run_until_complete(run(data))


def sessions() -> Case:
    """Packets of an authentic publisher and an authentic viewer, as they come out of SRTP: length, sort, bytes."""
    from aiortc.rtcdtlstransport import RTCCertificate

    from livestream import packets, stream
    from livestream.config import Config
    from livestream.server import MediaProcess

    loop = asyncio.new_event_loop()
    handler = faults()
    # Making a key takes longer than most cases, and a viewer's feedback must name sources that are known beforehand.
    certificate = RTCCertificate.generateCertificate()
    RTCCertificate.generateCertificate = lambda: certificate
    packets.get_host_addresses = lambda **_: []
    count = itertools.count()
    stream.secrets = SimpleNamespace(randbelow=lambda most: next(count) % 2)  # type: ignore[assignment]
    offers = {name: (SEEDS / name / "offer-for-sessions").read_text() for name in ("publish", "play")}

    async def run(data: bytes) -> None:
        process = MediaProcess(Config(socket=Path("unused"), addresses=("127.0.0.1",)))
        await process.publish("room", offers["publish"])
        live = process._rooms["room"]
        live.published = True
        await process.play("room", offers["play"])
        (viewer,) = live.viewers.values()
        publisher = live.publisher
        assert publisher is not None
        viewer.join()
        doors = (publisher.peer.on_rtp, publisher.peer.on_rtcp, viewer.peer.on_rtcp, viewer.peer.on_rtp)
        position = items = 0
        try:
            while position + 3 <= len(data) and items < MOST_ITEMS:
                items += 1
                sort, length = struct.unpack_from("!BH", data, position)
                position += 3
                doors[sort % 4](data[position : position + length])
                position += length
                if sort & 0x80:
                    process.tick()
                    await asyncio.sleep(0)
        finally:
            await process.stop()
        handler.check()

    return lambda data: loop.run_until_complete(run(data))


#: A packet of a recording: sort (bits 0: sound, 1: a report, 2: marker, 3: padding), units of 10 ms since the last,
#: steps of its number and its timestamp, length of the body.
PIECE = struct.Struct("!BBbiH")


def _pieces(data: bytes) -> Iterator[tuple[int, float, int, int, bytes]]:
    position, now = 0, 1000.0
    numbers, stamps = [100, 100], [0, 0]
    for _ in range(MOST_ITEMS):
        if position + PIECE.size > len(data):
            return
        sort, passed, step, ticks, length = PIECE.unpack_from(data, position)
        position += PIECE.size
        now += passed / 100
        numbers[sort & 1] += step
        stamps[sort & 1] = (stamps[sort & 1] + ticks) & 0xFFFFFFFF
        yield sort, now, numbers[sort & 1], stamps[sort & 1], data[position : position + length]
        position += length


def pictures() -> Case:
    """H.264 that an authentic publisher sends, put in order and put together, and the parameter sets in it."""
    from livestream import cmaf, h264
    from livestream.reorder import Arrived, Reorder

    def case(data: bytes) -> None:
        order, depacketiser = Reorder(), h264.Depacketiser()
        for sort, now, number, stamp, body in _pieces(data):
            arrived = Arrived(number, stamp, bool(sort & 4), body, now)
            for packet, lost in order.push(arrived):
                for frame in depacketiser.push(packet, lost):
                    assert len(frame.data) <= 2 * len(data) + 4 * MOST_ITEMS, "a picture out of nothing"
                    with contextlib.suppress(ValueError):
                        h264.picture(frame.parameters.sps)
                        cmaf.init(frame.parameters, "opus")

    return case


def recorder() -> Case:
    """A whole recording of a hostile publisher: the clock, the sound in two forms, the files."""
    from livestream import recorder, tap
    from livestream.recording import Recording

    folder = Path(tempfile.mkdtemp(prefix="fuzz-recorder-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    handler = faults()
    tracks = {"video": {"codec": "h264", "rate": 90_000}, "audio": {"codec": "opus", "rate": 48_000}}

    def case(data: bytes) -> None:
        stream = recorder.Stream({"room": "room", "session": "s", "tracks": tracks}, folder, lambda: None, 0)
        now = 1000.0
        for sort, now, number, stamp, body in _pieces(data):
            letter = b"A" if sort & 1 else b"V"
            if sort & 2:
                stream.take(tap.CLOCK.pack(letter.lower(), (number & 0xFFFFFFFF) << 32, stamp), now)
            else:
                flags = (tap.MARKER if sort & 4 else 0) | (tap.PADDED if sort & 8 else 0)
                stream.take(tap.PACKET.pack(letter, number, stamp, flags) + body, now)
            stream.look(now)
        stream.close(now + 1)
        assert Recording(folder / "room").refresh().closed
        written = sum(path.stat().st_size for path in (folder / "room").iterdir())
        shutil.rmtree(folder / "room")
        assert written < 1_000_000, "files out of nothing"
        handler.check()

    return case


#: Each makes a case; making is not counted.
TARGETS: dict[str, Callable[[], Case]] = {
    each.__name__: each for each in (stun, rtp, rtcp, publish, play, room, calls, sessions, pictures, recorder)
}
