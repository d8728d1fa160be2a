"""WHIP and WHEP over a MediaClient in their smallest form, with a page that publishes and plays, for these tests."""

import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from livestream.client import Answer, MediaClient
from livestream.errors import LiveError

PAGE = """<!doctype html><meta charset="utf-8"><title>live</title><video autoplay playsinline muted></video>
<script>
const video = document.querySelector("video");
let pc;
async function negotiate(url) {
  await pc.setLocalDescription();
  const reply = await fetch(url, {method: "POST", headers: {"Content-Type": "application/sdp"},
    body: pc.localDescription.sdp});
  if (reply.status !== 201) throw new Error(reply.status + " " + await reply.text());
  await pc.setRemoteDescription({type: "answer", sdp: await reply.text()});
  return reply.headers.get("Location");
}
async function publish(room, codec) {
  const stream = await navigator.mediaDevices.getUserMedia(
    {audio: true, video: {width: 1280, height: 720, frameRate: 30}});
  video.srcObject = stream;
  pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  for (const track of stream.getTracks()) {
    const sender = pc.addTransceiver(track, {direction: "sendonly", streams: [stream]});
    if (track.kind === "video" && codec) {
      const all = RTCRtpSender.getCapabilities("video").codecs;
      sender.setCodecPreferences(all.filter(c => c.mimeType.toLowerCase() === "video/" + codec));
    }
  }
  return negotiate("/whip/" + room);
}
async function play(room) {
  const clicked = performance.now();
  pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  const stream = new MediaStream();
  video.srcObject = stream;
  pc.addTransceiver("audio", {direction: "recvonly"});
  pc.addTransceiver("video", {direction: "recvonly"});
  pc.ontrack = event => stream.addTrack(event.track);
  const first = new Promise(resolve => video.requestVideoFrameCallback(resolve));
  await negotiate("/whep/" + room);
  const answered = performance.now() - clicked;
  await first;
  return {answered, first: performance.now() - clicked};
}
async function stats() {
  return [...(await pc.getStats()).values()].filter(
    s => ["inbound-rtp", "outbound-rtp", "transport", "remote-inbound-rtp", "codec"].includes(s.type));
}
</script>"""


def app(client: MediaClient) -> Starlette:
    """Build the application around a client."""

    def endpoint(call: Callable[[str, str], Awaitable[Answer]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                given = await call(request.path_params["room"], (await request.body()).decode())
            except LiveError as refusal:
                return JSONResponse({"code": refusal.code, "message": str(refusal)}, refusal.status)
            headers = {"Location": f"/session/{given.session}"}
            return Response(given.sdp, 201, headers, "application/sdp")

        return answer

    async def end(request: Request) -> Response:
        return Response(status_code=200 if await client.close(request.path_params["session"]) else 404)

    async def page(request: Request) -> Response:
        return HTMLResponse(PAGE)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/whip/{room}", endpoint(client.publish), methods=["POST"]),
            Route("/whep/{room}", endpoint(client.play), methods=["POST"]),
            Route("/session/{session}", end, methods=["DELETE"]),
        ]
    )


@contextlib.asynccontextmanager
async def serving(client: MediaClient) -> AsyncIterator[str]:
    """Serve the application on loopback; gives its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app(client), log_level="warning", lifespan="off"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listening])
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
