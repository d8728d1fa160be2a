"""Connections that keep the server waiting are closed; those that do not are left alone."""

import asyncio
import time
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from web import protocol
from web.protocol import PunctualProtocol

HEAD, BODY = 0.4, 0.8


async def slowly(request: Request) -> PlainTextResponse:
    size = len(await request.body())
    await asyncio.sleep(2 * BODY)
    return PlainTextResponse(str(size))


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())


async def closed_after(port: int, *said: bytes, pause: float = 0.2) -> float:
    """Say something piece by piece; returns the seconds from the beginning until the server hangs up."""
    # The server's clock runs from the connection, of which a busy client may hear late.
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def say() -> None:
        for each in said:
            writer.write(each)
            await asyncio.sleep(pause)

    saying = asyncio.create_task(say())
    await reader.read()
    writer.close()
    saying.cancel()
    return time.monotonic() - begun


async def serve_and(visit: Any) -> Any:
    app = Starlette(routes=[Route("/", slowly, methods=["GET", "POST"]), WebSocketRoute("/ws", echo)])
    config = uvicorn.Config(
        app, port=0, http=PunctualProtocol, ws="websockets-sansio", log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    try:
        return await asyncio.wait_for(visit(server.servers[0].sockets[0].getsockname()[1]), 20)
    finally:
        server.should_exit = True
        await running


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", HEAD)
    monkeypatch.setattr(protocol, "BODY_SECONDS", BODY)


def test_who_says_nothing_or_dribbles_is_hung_up_on() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"

    async def visit(port: int) -> list[float]:
        return await asyncio.gather(
            closed_after(port),
            closed_after(port, *[bytes([each]) for each in b"GET / HTTP/1.1\r\nHost: " + b"a" * 100]),
            closed_after(port, head),
            closed_after(port, head, b"a", b"b", b"c"),
        )

    silent, dribbling, bodiless, stopped = asyncio.run(serve_and(visit))
    assert silent >= HEAD
    # Were each byte a new beginning, it would take the 25 s of all of them; the visit may last 20.
    assert dribbling >= HEAD
    assert bodiless >= BODY
    assert stopped >= BODY + 0.4


def test_answers_may_take_longer_and_sockets_stay_open() -> None:
    async def visit(port: int) -> tuple[bytes, str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc")
        async with connect(f"ws://127.0.0.1:{port}/ws") as socket:
            answer = await reader.read()
            writer.close()
            await socket.send("still here")
            return answer, str(await socket.recv())

    answer, echoed = asyncio.run(serve_and(visit))
    assert answer.endswith(b"\r\n\r\n3")
    assert echoed == "still here"
