const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const PING_MILLISECONDS = 5000;
const SILENT_MILLISECONDS = 10_000;
/** Too many connections of this person, or of everybody: coming back at once would not help. */
const LATER_CODES = new Set([4429, 4503]);
/** No session, not allowed, no such room: coming back would not help. */
const FINAL_CODES = new Set([4401, 4403, 4404]);

/** The room's WebSocket (livestream/PROTOCOL.md); comes back by itself after half a second, then with doubled pauses. */
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
    const socket = this.socket;
    this.socket = null;
    socket?.close(1000);
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
    let heard = performance.now();
    /** @type {number | undefined} */
    let pinging;
    const ping = () => {
      if (this.socket !== socket) clearInterval(pinging);
      else if (performance.now() - heard > SILENT_MILLISECONDS) this.#lose(socket);
      else this.send({ type: "ping" });
    };
    socket.addEventListener("open", () => {
      this.wait = FIRST_WAIT;
      heard = performance.now();
      pinging = setInterval(ping, PING_MILLISECONDS);
      this.hearer.open(true);
    });
    socket.addEventListener("message", (event) => {
      heard = performance.now();
      this.hearer.message(JSON.parse(event.data));
    });
    socket.addEventListener("close", (event) => {
      clearInterval(pinging);
      if (FINAL_CODES.has(event.code)) this.closed = true;
      if (LATER_CODES.has(event.code)) this.wait = LONGEST_WAIT;
      this.#lose(socket);
    });
  }

  /** @param {WebSocket} socket */
  #lose(socket) {
    if (this.socket !== socket) return;
    this.socket = null;
    // A dead network answers a close only after a minute; nobody waits for it.
    socket.close();
    this.hearer.open(false);
    if (this.closed) return;
    this.timer = setTimeout(() => this.#connect(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }
}
