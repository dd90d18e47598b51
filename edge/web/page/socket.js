// Pictures over a WebSocket: one is drawn, then the next is asked for, in the size that the window needs. So a slow
// browser is live at a lower rate, and nothing piles up on the way.

import { decoded, PLACE, Transit } from "./transit.js";

const OPEN = 1; // as WebSocket.OPEN, which a browser may lack altogether
const DRAW_WITHIN_MS = 200; // a window that is covered by others is not painted, and still has to ask

export class SocketStream {
  #onPicture;
  #socket = null;
  #newest = null;
  #decoding = false;
  #wish = {};
  lastPartMs = -Infinity;

  /** @param onPicture as PictureStream's, with `profile`, `width` and `height` as well. */
  constructor(onPicture) {
    this.#onPicture = onPicture;
  }

  /** What is wanted from the next picture on: `enhanced`, `raw` or `pair`, as many pixels wide. */
  want(view, width) {
    this.#wish = { want: view, width, place: PLACE };
    this.#tell(this.#wish);
  }

  /** One connection, until it ends. @returns whether it was ever open. */
  run(signal) {
    return new Promise((resolve) => {
      const socket = new WebSocket(new URL("stream.ws", document.baseURI.replace(/^http/, "ws")));
      const transit = new Transit(); // the unit's clock starts anew when it does
      let wasOpen = false;
      this.#socket = socket;
      this.#newest = null;
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        wasOpen = true;
        this.#tell(this.#wish);
      };
      socket.onmessage = ({ data }) => this.#take(data, transit, socket);
      socket.onclose = () => resolve(wasOpen);
      signal.addEventListener("abort", () => {
        socket.close();
        resolve(wasOpen); // a network that is gone answers no goodbye
      });
    });
  }

  #tell(record) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(record));
  }

  #take(data, transit, socket) {
    if (socket !== this.#socket) return;
    this.lastPartMs = performance.now();
    const headBytes = new DataView(data).getUint32(0);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, headBytes)));
    const body = new Uint8Array(data, 4 + headBytes);
    this.#newest = { head, body, socket, bornMs: transit.bornMs(head.sent_ms, head.age_ms ?? 0) };
    if (!this.#decoding) this.#decode();
  }

  async #decode() {
    this.#decoding = true;
    while (this.#newest) {
      const { head, body, socket, bornMs } = this.#newest;
      this.#newest = null;
      const cut = head.view === "raw" ? 0 : head.enhanced_bytes || body.length;
      try {
        const [enhanced, raw] = await decoded([body.subarray(0, cut), body.subarray(cut)].map((jpeg) => (jpeg.length ? jpeg : null)));
        await painted();
        const { seq, mode, state, profile, width, height } = head;
        if (socket === this.#socket) this.#onPicture({ enhanced, raw, seq: seq ?? "", mode, state, profile, width, height, bornMs });
      } catch (error) {
        console.warn(`stream: a picture could not be decoded: ${error.message}`);
      }
      if (socket === this.#socket) this.#tell({ next: head.seq ?? 0 });
    }
    this.#decoding = false;
  }
}

/** Until the browser paints, so that no more is asked for than can be seen. */
function painted() {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, DRAW_WITHIN_MS);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
