"""How soon a video's first bytes come: `GET /v/{id}.mp4` with `Range: bytes=0-262143` at a fixed rate.

`python -m benchmarks.delivery [--quick] [--rate N] [--json FILE]`. The real application under uvicorn has one core, the
generator of requests the other one. Requests are sent when they are due, whether or not others were answered. The time
at the server runs from the parsed request to the first bytes handed to the socket.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvicorn

from benchmarks import growth
from storage import accounts, broker, schema
from storage.clock import utcnow
from storage.database import Database
from storage.media import Media
from storage.messages import Messages
from storage.settings import Settings
from video_assembly import videos
from web import demo, logs
from web.app import create_app
from web.media_processes import MediaProcesses
from web.protocol import PunctualProtocol
from web.services import Services

FIRST = 262_144
SERVER_CORE, GENERATOR_CORE = 0, 1
Figures = dict[str, float]


class Timed:
    """The application, and how long each answer to a range took to its first bytes, in milliseconds."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.times: list[float] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass everything on; `/times` empties the list."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] == "/times":
            body, self.times = json.dumps(self.times).encode(), []
            head = [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            await send({"type": "http.response.body", "body": body})
            return
        start, waiting = time.perf_counter(), True

        async def timed(message: Any) -> None:
            nonlocal waiting
            await send(message)
            if waiting and message["type"] == "http.response.body" and message.get("body"):
                waiting = False
                self.times.append(1e3 * (time.perf_counter() - start))

        await self.app(scope, receive, timed)


def serve(folder: Path, pipe: Connection) -> None:
    """Be the server's process: say port, session and videos through the pipe, and go when it closes."""
    os.sched_setaffinity(0, {SERVER_CORE})
    settings = Settings(data_dir=folder, demo=False, log_level="warning")
    settings.prepare()
    logs.configure("web", settings.log_level, settings.log_format)
    valkey = subprocess.Popen(broker.command(settings), stdout=subprocess.DEVNULL)
    messages = Messages(broker.url(settings))
    while not messages.ping():
        time.sleep(0.05)
    database = Database(settings.resolved_database_url, publish=messages.publish)
    schema.upgrade(database)
    media = Media(settings.media_dir)
    demo.load(database, media, utcnow())
    with database.writing() as tx:
        viewer = demo.people(tx)[demo.catalogue()["personas"][0]["handle"]]
        page = videos.feed(tx, viewer, limit=50, now=utcnow())
        session = accounts.open_session(tx, viewer, utcnow())
    app = Timed(create_app(Services(settings, database, media, messages, MediaProcesses(settings.media_sockets))))
    config = uvicorn.Config(
        app,
        "127.0.0.1",
        0,
        loop="asyncio",
        http=PunctualProtocol,
        access_log=False,
        log_config=None,
        # A connection that the generator has left over must not be closed under it.
        timeout_keep_alive=120,
    )
    server = uvicorn.Server(config)

    async def run() -> None:
        running = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        pipe.send((port, session, [each.id for each in page.videos]))
        while not pipe.poll():
            await asyncio.sleep(0.1)
        server.should_exit = True
        await running

    try:
        asyncio.run(run())
    finally:
        valkey.terminate()
        valkey.wait()


async def ask(port: int, head: bytes, idle: list[Any]) -> tuple[float, float]:
    """Ask once over a connection of its own at that moment; milliseconds to the first and to the last byte."""
    start = time.perf_counter()
    reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(head)
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 206", b"HTTP/1.1 200")), answer
    length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    first = 0.0
    while length:
        block = await reader.read(length)
        assert block, "the server hung up"
        first = first or 1e3 * (time.perf_counter() - start)
        length -= len(block)
    idle.append((reader, writer))
    return first, 1e3 * (time.perf_counter() - start)


async def generate(port: int, session: str, ids: list[str], rate: float, seconds: float) -> Figures:
    """Send the requests and return what the server and the client measured."""
    dice, idle = random.Random(1), []  # type: random.Random, list[Any]

    def head(path: str, more: str = "") -> bytes:
        lines = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: session={session}\r\n{more}\r\n"
        return lines.encode()

    wanted = f"Range: bytes=0-{FIRST - 1}\r\n"
    for each in ids:
        await ask(port, head(f"/v/{each}.mp4", wanted), idle)
    await ask(port, head("/times"), idle)
    begin, tasks = time.perf_counter(), []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(ask(port, head(f"/v/{dice.choice(ids)}.mp4", wanted), idle)))
    answers = await asyncio.gather(*tasks)
    took = time.perf_counter() - begin
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    writer.write(head("/times"))
    answer = await reader.readuntil(b"\r\n\r\n")
    times = json.loads(await reader.readexactly(int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])))
    for _, each in [*idle, (reader, writer)]:
        each.close()
    figures: Figures = {"requests": len(answers), "requests_per_s": len(answers) / took}
    for name, values in (
        ("server_first_byte", times),
        ("client_first_byte", [first for first, _ in answers]),
        ("client_last_byte", [last for _, last in answers]),
    ):
        shares = statistics.quantiles(values, n=100)
        figures |= {f"{name}_p50_ms": shares[49], f"{name}_p95_ms": shares[94], f"{name}_p99_ms": shares[98]}
    return figures


def measure(rate: float, seconds: float) -> Figures:
    """Start the server, measure, stop it."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        server = context.Process(target=serve, args=(Path(name), theirs), daemon=False)
        server.start()
        try:
            theirs.close()
            assert ours.poll(120), "the server did not start"
            port, session, ids = ours.recv()
            os.sched_setaffinity(0, {GENERATOR_CORE})
            ticks = _cpu(server.pid or 0)
            figures = asyncio.run(generate(port, session, ids, rate, seconds))
            figures["server_cpu_ms_per_request"] = 1e3 * (_cpu(server.pid or 0) - ticks) / figures["requests"]
            return {name: round(value, 3) for name, value in figures.items()}
        finally:
            ours.close()
            server.join(20)
            if server.is_alive():
                server.terminate()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Prints the table and writes the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delivery")
    parser.add_argument("--quick", action="store_true", help="5 s instead of 30")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures = measure(given.rate, 5.0 if given.quick else 30.0)
    for name, value in figures.items():
        print(f"{name:<32}{value:>12.2f}")
    if given.json:
        result = {"name": "delivery", "commit": growth.commit(), "figures": figures}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
