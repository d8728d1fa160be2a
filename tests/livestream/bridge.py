"""WHIP and WHEP over a MediaClient in their smallest form, with a page that publishes and plays, for these tests."""

import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from livestream.client import Answer, MediaClient
from livestream.errors import LiveError

LIVE = Path(__file__).parents[2] / "web" / "static" / "js" / "live"
PAGE = """<!doctype html><meta charset="utf-8"><title>live</title><video autoplay playsinline muted></video>
<script>
const video = document.querySelector("video");
let pc;
async function negotiate(url) {
  if (!pc.localDescription) await pc.setLocalDescription();
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
async function publishLayers(room) {
  const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 1280, height: 720}});
  pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  for (const track of stream.getTracks()) {
    const layers = [["h", 1], ["m", 2], ["l", 4]].map(([rid, by]) => (
      {rid, scaleResolutionDownBy: by, maxBitrate: 1200000 / by ** 2}));
    const video = track.kind === "video";
    const sender = pc.addTransceiver(
      track, {direction: "sendonly", streams: [stream], ...(video ? {sendEncodings: layers} : {})});
    const all = RTCRtpSender.getCapabilities(track.kind).codecs;
    if (video) sender.setCodecPreferences(all.filter(c => ["video/H264", "video/rtx"].includes(c.mimeType)));
  }
  return negotiate("/whip/" + room);
}
// A 32 bit clock (ms) as two rows of 16 blocks, and a steady tone.
const BLOCK = 40;
async function publishClock(room, width = 16 * BLOCK, height = 2 * BLOCK) {
  const canvas = Object.assign(document.createElement("canvas"), {width, height});
  const paint = canvas.getContext("2d");
  setInterval(() => {
    // Something that moves below the clock, if there is room.
    const place = performance.now() / 4 % width;
    paint.fillStyle = `hsl(${place / width * 360} 80% 60%)`;
    paint.fillRect(place - 60, 2 * BLOCK, 120, height - 2 * BLOCK);
    const now = Date.now() % 2 ** 32;
    for (let bit = 0; bit < 32; bit++) {
      paint.fillStyle = Math.floor(now / 2 ** bit) % 2 ? "white" : "black";
      paint.fillRect(bit % 16 * BLOCK, bit < 16 ? 0 : BLOCK, BLOCK, BLOCK);
    }
  }, 10);
  pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  const sound = await navigator.mediaDevices.getUserMedia({audio: true});
  const stream = new MediaStream([...canvas.captureStream(30).getTracks(), ...sound.getTracks()]);
  for (const track of stream.getTracks()) pc.addTransceiver(track, {direction: "sendonly", streams: [stream]});
  return negotiate("/whip/" + room);
}
async function watchClock(seconds, width = 16 * BLOCK, height = 2 * BLOCK) {
  const canvas = Object.assign(document.createElement("canvas"), {width: 16 * BLOCK, height: 2 * BLOCK});
  const paint = canvas.getContext("2d", {willReadFrequently: true});
  const delays = [], played = [];
  const end = performance.now() + seconds * 1000;
  const look = () => {
    paint.drawImage(video, 0, 0, width, height);
    let clock = 0;
    for (let bit = 0; bit < 32; bit++) {
      const [x, y] = [(bit % 16 + 0.5) * BLOCK, (bit < 16 ? 0.5 : 1.5) * BLOCK];
      if (paint.getImageData(x, y, 1, 1).data[1] > 127) clock += 2 ** bit;
    }
    delays.push(Date.now() % 2 ** 32 - clock);
    const sources = pc.getReceivers().flatMap(receiver => receiver.getSynchronizationSources());
    played.push(sources.map(({source, rtpTimestamp, timestamp}) => [source, rtpTimestamp, timestamp]));
    if (performance.now() < end) video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  await new Promise(resolve => setTimeout(resolve, seconds * 1000));
  return {delays, played};
}
// As Vitrine's player does it, or as a browser does it by itself.
async function play(room, ours = false) {
  const clicked = performance.now();
  pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  const stream = new MediaStream();
  video.srcObject = stream;
  pc.addTransceiver("audio", {direction: "recvonly"});
  pc.addTransceiver("video", {direction: "recvonly"});
  pc.ontrack = event => stream.addTrack(event.track);
  const first = new Promise(resolve => video.requestVideoFrameCallback(resolve));
  if (ours) await likeThePlayer(pc);
  await negotiate("/whep/" + room);
  const answered = performance.now() - clicked;
  await first;
  return {answered, first: performance.now() - clicked};
}
async function likeThePlayer(own) {
  const {Cushion} = await import("/live/cushion.js"), {tellClock} = await import("/live/signalling.js");
  await own.setLocalDescription({type: "offer", sdp: tellClock((await own.createOffer()).sdp)});
  const cushion = new Cushion();
  const timer = setInterval(async () => {
    if (own.connectionState === "closed") return clearInterval(timer);
    for (const each of (await own.getStats()).values()) {
      if (each.type !== "inbound-rtp" || each.kind !== "video") continue;
      const counted = {received: each.packetsReceived, repaired: each.retransmittedPacketsReceived ?? 0,
        lost: each.packetsLost};
      const target = cushion.weigh(counted, performance.now());
      for (const receiver of own.getReceivers()) receiver.jitterBufferTarget = target;
    }
  }, 500);
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
            Mount("/live", StaticFiles(directory=LIVE)),
            Route("/whip/{room}", endpoint(client.publish), methods=["POST"]),
            Route("/whep/{room}", endpoint(client.play), methods=["POST"]),
            Route("/session/{session}", end, methods=["DELETE"]),
        ]
    )


@contextlib.asynccontextmanager
async def serving(client: MediaClient) -> AsyncIterator[str]:
    """Serve the application on loopback; gives its URL."""
    server = uvicorn.Server(uvicorn.Config(app(client), log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listening])
            try:
                yield f"http://127.0.0.1:{listening.getsockname()[1]}"
            finally:
                server.should_exit = True
