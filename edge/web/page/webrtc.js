// Pictures by WebRTC, for networks too weak for JPEG. What each picture is stands in its own pixels: the strip in its
// lower left corner says which frame it is and whether that is live; how old it is follows from its RTP time, which is
// the unit's clock at the moment when the camera took it.

const CELL_PX = 4;
const NUM_CELLS = 48;
const STATES = ["starting", "live", "frozen", "stale", "no-signal"];
const CLOCK_EACH_MS = 2000;
const FIRST_WITHIN_MS = 15_000;
const SILENT_MS = 3000; // then the connection is given up, and another is tried
const RTP_PER_MS = 90;
const RTP_ROUND = 2 ** 32;

/** Whether this browser can show pictures this way, and tell how old they are. */
export const canWebRtc = () =>
  typeof RTCPeerConnection === "function" && "requestVideoFrameCallback" in HTMLVideoElement.prototype;

/** One connection after another to api/webrtc. Has the shape of the other ways that pictures come. */
export class VideoStream {
  #onPicture;
  #view = "enhanced";
  #again = () => {};
  #numSeen = 0;
  #numShown = 0;
  lastPartMs = -Infinity;
  isRefused = false; // the unit asks for a login
  numUnread = 0; // pictures whose strip could not be read: they are not shown

  /** @param onPicture as Transport's, with width and height. */
  constructor(onPicture) {
    this.#onPicture = onPicture;
  }

  /** What is wanted: `enhanced`, `raw` or `pair`. The size is the unit's to choose. */
  want(view) {
    if (view === this.#view) return;
    this.#view = view;
    this.#again();
  }

  /** One connection, until it ends. @returns whether it showed anything. */
  async run(signal) {
    const ending = new AbortController();
    const end = () => ending.abort();
    signal.addEventListener("abort", end);
    this.#again = end;
    const peer = new RTCPeerConnection({ iceServers: [] });
    const video = unseenVideo();
    let stream = "";
    let isShown = false;
    try {
      document.body.append(video);
      const { receiver } = peer.addTransceiver("video", { direction: "recvonly" });
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
      peer.ontrack = ({ track }) => {
        video.srcObject = new MediaStream([track]);
        video.play().catch(end);
      };
      peer.onconnectionstatechange = () => ["failed", "closed"].includes(peer.connectionState) && end();
      await peer.setLocalDescription();
      stream = await this.#offer(peer, ending.signal);
      const clock = new UnitClock(stream, ending.signal, end);
      const view = this.#view;
      let seenMs = performance.now();
      const look = (_now, about) => {
        if (ending.signal.aborted) return;
        video.requestVideoFrameCallback(look);
        seenMs = performance.now();
        if (about.rtpTimestamp === undefined) return end(); // nobody could say how old the picture is
        isShown = true;
        this.#show(video, view, clock.pageMs(about.rtpTimestamp), ending.signal);
      };
      video.requestVideoFrameCallback(look);
      const watch = setInterval(() => performance.now() - seenMs > (isShown ? SILENT_MS : FIRST_WITHIN_MS) && end(), SILENT_MS / 10);
      await new Promise((resolve) => ending.signal.addEventListener("abort", resolve));
      clearInterval(watch);
    } finally {
      signal.removeEventListener("abort", end);
      this.#again = () => {};
      ending.abort();
      peer.close();
      video.srcObject = null;
      video.remove();
      if (stream) fetch(stream, { method: "DELETE", keepalive: true }).catch(() => {});
    }
    return isShown;
  }

  /** Send the offer, take the answer. @returns the address of the stream. */
  async #offer(peer, signal) {
    const answer = await fetch(`api/webrtc?view=${this.#view}`, {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: peer.localDescription.sdp,
      signal,
    });
    this.isRefused = answer.status === 401;
    const text = await answer.text();
    if (answer.status !== 201) throw new Error(`WebRTC: ${answer.status} ${text.trim()}`);
    await peer.setRemoteDescription({ type: "answer", sdp: text });
    return new URL(answer.headers.get("Location"), document.baseURI);
  }

  async #show(video, view, bornMs, signal) {
    const { videoWidth: width, videoHeight: height } = video;
    const half = width / 2;
    const parts = view === "pair" ? [createImageBitmap(video, half, 0, half, height), createImageBitmap(video, 0, 0, half, height)] : [createImageBitmap(video)];
    const strip = readStrip(video); // in the same task: of the same picture
    const number = (this.#numSeen += 1);
    const [first, second = null] = await Promise.all(parts);
    if (signal.aborted || number < this.#numShown) return; // a later one was there sooner
    this.#numShown = number;
    if (!strip) {
      this.numUnread += 1;
      return;
    }
    this.lastPartMs = performance.now();
    const [enhanced, raw] = view === "raw" ? [null, first] : [first, second];
    const size = { width: view === "pair" ? half : width, height };
    this.#onPicture({ enhanced, raw, ...strip, ...size, bornMs: strip.state === "live" ? bornMs : this.lastPartMs });
  }
}

/** What a browser paints alone has callbacks for its pictures: it is part of the page, and nobody sees it. */
function unseenVideo() {
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, ariaHidden: "true" });
  Object.assign(video.style, { position: "fixed", left: 0, bottom: 0, width: "1px", height: "1px", opacity: 0.01, pointerEvents: "none" });
  return video;
}

/** The unit's monotonic clock by this page's: the quickest answer counts, as long as clocks need to drift apart. */
class UnitClock {
  #offsetMs = null; // the unit's clock less this page's
  #leastMs = Infinity;

  constructor(stream, signal, onRefused) {
    const ask = async () => {
      const askedMs = performance.now();
      const answer = await fetch(stream, { signal, cache: "no-store" });
      if (!answer.ok) return onRefused(); // logged out, or the unit has ended it
      const { now_ms: unitMs } = await answer.json();
      const tookMs = performance.now() - askedMs;
      this.#leastMs *= 1.05;
      if (tookMs > this.#leastMs) return;
      this.#leastMs = tookMs;
      this.#offsetMs = unitMs - askedMs - tookMs / 2;
    };
    const timer = setInterval(() => ask().catch(() => {}), CLOCK_EACH_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    ask().catch(() => {});
  }

  /** When a picture was taken, by this page's clock; long ago while the unit's is not known. */
  pageMs(rtpTime) {
    if (this.#offsetMs === null) return -Infinity;
    const unitNowMs = performance.now() + this.#offsetMs;
    const sinceRtp = (Math.round(unitNowMs * RTP_PER_MS) - rtpTime) % RTP_ROUND;
    const ageRtp = sinceRtp > RTP_ROUND / 2 ? sinceRtp - RTP_ROUND : sinceRtp;
    return performance.now() - Math.max(0, ageRtp / RTP_PER_MS);
  }
}

const canvas = document.createElement("canvas");
[canvas.width, canvas.height] = [NUM_CELLS * CELL_PX, CELL_PX];
const pen = canvas.getContext("2d", { willReadFrequently: true });

/** What the strip of a picture says (docs/interfaces.md); null where it cannot be read for certain. */
export function readStrip(picture) {
  const [width, height] = [picture.videoWidth ?? picture.width, picture.videoHeight ?? picture.height];
  if (width < canvas.width || height < CELL_PX) return null;
  pen.drawImage(picture, 0, height - CELL_PX, canvas.width, CELL_PX, 0, 0, canvas.width, CELL_PX);
  const { data } = pen.getImageData(0, 0, canvas.width, CELL_PX);
  const bytes = new Uint8Array(NUM_CELLS / 8);
  for (let cell = 0; cell < NUM_CELLS; cell += 1) {
    let light = 0; // of the four pixels in the middle, three colours each
    for (const row of [1, 2]) {
      const at = 4 * (row * canvas.width + cell * CELL_PX + 1);
      for (const place of [at, at + 1, at + 2, at + 4, at + 5, at + 6]) light += data[place];
    }
    const mean = light / 12;
    if (mean > 96 && mean < 160) return null;
    bytes[cell >> 3] |= (mean >= 160) << (7 - (cell & 7));
  }
  const state = bytes[3] & 7;
  if (crc16(bytes.subarray(0, 4)) !== ((bytes[4] << 8) | bytes[5]) || state >= STATES.length) return null;
  const seq = (bytes[0] << 20) | (bytes[1] << 12) | (bytes[2] << 4) | (bytes[3] >> 4);
  return { seq, state: STATES[state], mode: bytes[3] & 8 ? "enhanced" : "raw" };
}

/** CRC-16/CCITT-FALSE. */
function crc16(bytes) {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
