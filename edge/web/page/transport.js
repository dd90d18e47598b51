// How the picture comes: by WebSocket, and where the unit or a proxy refuses that, as MJPEG by fetch. As video, by
// WebRTC, where somebody wants that for a weak network.

import { pause } from "./dom.js";
import { SocketStream } from "./socket.js";
import { PictureStream } from "./stream.js";
import { VideoStream, canWebRtc } from "./webrtc.js";

const RETRY_MS = 500;
const REFUSED_RETRY_MS = 2000; // another tab may log in again
const LEAST_WIDTH_PX = 480;
const AGAIN_MS = 60_000; // after a way was refused
const JOIN_MS = 8000; // that a video may take to begin
const KEPT_AS = "edge-as-video";

/** The newest picture of one view, again and again, whichever way it comes. */
export class Transport {
  #socket;
  #parts;
  #video;
  #abort = null;
  #view = "enhanced";
  #width = 1920;
  #noSocketUntilMs = -Infinity;
  #noVideoUntilMs = -Infinity;
  #joinsUntilMs = -Infinity;
  #easedTo = 1; // share of the width that is asked for, on a way that is too slow for all of it
  isRefused = false; // the unit asks for a login
  kind = "";

  /** @param onPicture called with {enhanced, raw, seq, mode, state, bornMs}; of a view alone one of the two is null. */
  constructor(onPicture) {
    const take = (picture) => {
      this.isRefused = false;
      onPicture(picture);
    };
    this.#socket = new SocketStream(take);
    this.#parts = new PictureStream(take);
    this.#video = new VideoStream(take);
  }

  get lastPartMs() {
    return Math.max(this.#socket.lastPartMs, this.#parts.lastPartMs, this.#video.lastPartMs);
  }

  /** Whether the picture is to come as video; this device remembers it. */
  get asVideo() {
    return canWebRtc() && localStorage.getItem(KEPT_AS) === "yes";
  }

  set asVideo(is) {
    localStorage.setItem(KEPT_AS, is ? "yes" : "no");
    this.#noVideoUntilMs = -Infinity;
    if (this.#abort) this.open();
  }

  /** Show another view, or the same at another size; what is on screen stays until its first picture is there. */
  want(view, width) {
    const isOther = view !== this.#view;
    if (!isOther && width === this.#width && this.#abort) return;
    [this.#view, this.#width] = [view, width];
    this.#socket.want(view, this.#askedWidth());
    this.#video.want(view);
    if (!this.#abort || (isOther && this.kind === "mjpeg")) this.open();
  }

  /** Begin anew, leaving behind what piled up or hangs. */
  open() {
    this.close();
    this.#abort = new AbortController();
    this.#run(this.#abort.signal);
  }

  /** The same for a way that is silent, unless it has only just begun. */
  retry() {
    if (performance.now() > this.#joinsUntilMs) this.open();
  }

  /** Fewer pixels, or fewer pictures where the size is the unit's to choose; what piled up is then left behind. */
  ease() {
    this.#easedTo /= 2;
    this.#socket.want(this.#view, this.#askedWidth());
    this.#parts.ease();
    if (this.kind === "mjpeg") this.open();
  }

  /** As much again as the window needs. */
  hasten() {
    this.#easedTo = 1;
    this.#parts.hasten();
    this.#socket.want(this.#view, this.#askedWidth());
  }

  /** Stop; the unit then need not encode for a page that nobody sees. */
  close() {
    this.#abort?.abort();
    this.#abort = null;
  }

  #askedWidth() {
    return Math.max(Math.min(LEAST_WIDTH_PX, this.#width), Math.round(this.#width * this.#easedTo));
  }

  async #run(signal) {
    while (!signal.aborted) {
      try {
        await this.#connect(signal);
      } catch (error) {
        if (!signal.aborted) console.info(`stream: ${error.message}; trying again`);
      }
      if (!signal.aborted) await pause(this.isRefused ? REFUSED_RETRY_MS : RETRY_MS);
    }
  }

  async #connect(signal) {
    if (this.asVideo && performance.now() > this.#noVideoUntilMs) {
      this.kind = "video";
      this.#joinsUntilMs = performance.now() + JOIN_MS;
      try {
        if ((await this.#video.run(signal)) || signal.aborted) return;
      } catch (error) {
        if (signal.aborted) return;
        console.info(`stream: ${error.message}; it comes as pictures for a while`);
      } finally {
        this.#joinsUntilMs = -Infinity;
      }
      this.isRefused = this.#video.isRefused;
      if (this.isRefused) return;
      this.#noVideoUntilMs = performance.now() + AGAIN_MS;
    }
    if (typeof WebSocket === "function" && performance.now() > this.#noSocketUntilMs) {
      this.kind = "socket";
      if ((await this.#socket.run(signal)) || signal.aborted) return;
      const { status } = await fetch("api/who", { signal, cache: "no-store" }); // a browser hides why a socket was refused
      this.isRefused = status === 401;
      if (this.isRefused) return;
      this.#noSocketUntilMs = performance.now() + AGAIN_MS;
    }
    this.kind = "mjpeg";
    await this.#parts.once(this.#view, signal);
    this.isRefused = this.#parts.isRefused;
  }
}
