// What every way of getting pictures needs: this page's place with the unit, and how old a picture really is.

const CLOCK_DRIFT = 1e-4; // ms per ms that two clocks may drift apart without being taken for a late picture

/** Opening another view is no new viewer: the unit gives this page its place again by this word. */
export const PLACE = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Two clocks, the unit's and the page's, and the way between them. */
export class Transit {
  #leastMs = Infinity;
  #seenMs = 0;

  /** When the camera took a picture, by this page's clock, counting what the way here added to the usual. */
  bornMs(sentMs, ageMs) {
    const now = performance.now();
    const transitMs = now - sentMs;
    this.#leastMs = Math.min(transitMs, this.#leastMs + (now - this.#seenMs) * CLOCK_DRIFT);
    this.#seenMs = now;
    return now - (transitMs - this.#leastMs) - ageMs;
  }
}

/** JPEGs of one moment as pictures that can be drawn; null stays null. */
export const decoded = (jpegs) =>
  Promise.all(jpegs.map((jpeg) => jpeg && createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }))));
