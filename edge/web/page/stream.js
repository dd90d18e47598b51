// Reads /stream.mjpg by fetch, so that the page knows the age of every picture; an <img> would hide it.

import { decoded, PLACE, Transit } from "./transit.js";

const HEAD_END = [13, 10, 13, 10];
const RETRY_MS = 500;
const REFUSED_RETRY_MS = 2000; // another tab may log in again
const MOST_FPS = 30;
const LEAST_FPS = 4;

/** The newest picture of one view, again and again; older ones that were not decoded yet are let go. */
export class PictureStream {
  #onPicture;
  #abort = null;
  #newest = null;
  #decoding = false;
  #view = "";
  #fps = MOST_FPS;
  lastPartMs = -Infinity;
  isRefused = false; // the unit asks for a login

  /** @param onPicture as Transport's. */
  constructor(onPicture) {
    this.#onPicture = onPicture;
  }

  /** Show another view; what is on screen stays until its first picture is there. */
  async open(view) {
    if (view !== this.#view) this.#fps = MOST_FPS;
    this.#view = view;
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    while (!abort.signal.aborted) {
      try {
        await this.once(view, abort.signal);
      } catch (error) {
        if (!abort.signal.aborted) console.info(`stream: ${error.message}; trying again`);
      }
      if (!abort.signal.aborted) await new Promise((resolve) => setTimeout(resolve, this.isRefused ? REFUSED_RETRY_MS : RETRY_MS));
    }
  }

  /** One connection, until it ends or is given up. */
  async once(view, signal) {
    this.#newest = null;
    const url = `stream.mjpg?view=${view}&fps=${this.#fps}&place=${PLACE}`;
    const answer = await fetch(url, { signal, cache: "no-store" });
    this.isRefused = answer.status === 401;
    if (answer.ok) await this.#read(answer.body.getReader(), view, signal);
  }

  ease() {
    this.#fps = Math.max(LEAST_FPS, this.#fps / 2);
  }

  /** As many pictures as there are, from the next connection on. */
  hasten() {
    this.#fps = MOST_FPS;
  }

  async #read(reader, view, signal) {
    const parts = new PartReader();
    const transit = new Transit(); // the unit's clock starts anew when it does
    while (true) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      for (const part of parts.feed(value)) {
        this.lastPartMs = performance.now();
        const bornMs = transit.bornMs(Number(part.headers["x-sent-ms"]), Number(part.headers["x-age-ms"] ?? 0));
        this.#newest = { ...part, view, signal, bornMs };
      }
      if (this.#newest && !this.#decoding) this.#decode();
    }
  }

  async #decode() {
    this.#decoding = true;
    while (this.#newest) {
      const { headers, body, view, signal, bornMs } = this.#newest;
      this.#newest = null;
      const cut = Number(headers["x-enhanced-bytes"] ?? (view === "raw" ? 0 : body.length));
      const halves = [body.subarray(0, cut), body.subarray(cut)].map((jpeg) => (jpeg.length ? jpeg : null));
      try {
        const [enhanced, raw] = await decoded(halves);
        if (signal.aborted) {
          enhanced?.close();
          raw?.close();
          continue;
        }
        const { "x-seq": seq = "", "x-mode": mode, "x-state": state } = headers;
        this.#onPicture({ enhanced, raw, seq, mode, state, bornMs });
      } catch (error) {
        console.warn(`stream: a picture could not be decoded: ${error.message}`);
      }
    }
    this.#decoding = false;
  }
}

/** Cuts multipart bytes into parts by their Content-Length. */
export class PartReader {
  #bytes = new Uint8Array(1 << 20);
  #begin = 0;
  #end = 0;

  /** @returns the parts that are complete now, oldest first: [{headers, body}]. */
  feed(chunk) {
    this.#append(chunk);
    const parts = [];
    for (let part = this.#cut(); part; part = this.#cut()) parts.push(part);
    return parts;
  }

  #append(chunk) {
    const held = this.#end - this.#begin;
    if (this.#end + chunk.length > this.#bytes.length) {
      const needed = held + chunk.length;
      const next = needed > this.#bytes.length ? new Uint8Array(2 * needed) : this.#bytes;
      next.set(this.#bytes.subarray(this.#begin, this.#end));
      [this.#bytes, this.#begin, this.#end] = [next, 0, held];
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  #cut() {
    const bytes = this.#bytes;
    let at = this.#begin;
    while (at + 4 <= this.#end && !HEAD_END.every((byte, i) => bytes[at + i] === byte)) at += 1;
    if (at + 4 > this.#end) return null;
    const head = new TextDecoder().decode(bytes.subarray(this.#begin, at));
    const lines = head.split("\r\n").filter((line) => line.includes(": "));
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]),
    );
    const length = Number(headers["content-length"] ?? 0);
    if (at + 4 + length > this.#end) return null;
    this.#begin = at + 4 + length;
    return { headers, body: bytes.slice(at + 4, this.#begin) };
  }
}
