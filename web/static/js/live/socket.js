const FIRST_WAIT = 1000;
const LONGEST_WAIT = 8000;
const PING_MILLISECONDS = 20_000;
/** The room is over, was left for good, or does not take this visitor: coming back would not help. */
const FINAL_CODES = new Set([4401, 4403, 4404]);

/** The room's WebSocket (livestream/PROTOCOL.md); comes back by itself after 1, 2, 4, then every 8 seconds. */
export class RoomSocket {
  /**
   * @param {string} path
   * @param {{ message: (message: any) => void, open: (open: boolean) => void }} hearer
   */
  constructor(path, hearer) {
    this.url = Object.assign(new URL(path, location.href), { protocol: location.protocol.replace("http", "ws") }).href;
    this.hearer = hearer;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.wait = FIRST_WAIT;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.closed = false;
  }

  /** Connect and stay connected. */
  start() {
    this.closed = false;
    this.#connect();
  }

  /** Leave for good. */
  stop() {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket?.close(1000);
  }

  /**
   * Send a message; false when there is no connection.
   * @param {object} message
   */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  #connect() {
    const socket = (this.socket = new WebSocket(this.url));
    /** @type {number | undefined} */
    let pinging;
    socket.addEventListener("open", () => {
      this.wait = FIRST_WAIT;
      pinging = setInterval(() => this.send({ type: "ping" }), PING_MILLISECONDS);
      this.hearer.open(true);
    });
    socket.addEventListener("message", (event) => this.hearer.message(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => {
      clearInterval(pinging);
      this.hearer.open(false);
      if (this.closed || FINAL_CODES.has(event.code)) return;
      this.timer = setTimeout(() => this.#connect(), this.wait);
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    });
  }
}
