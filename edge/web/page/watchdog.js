// The cover: a picture that cannot be vouched for is not shown.

import { $, say, seconds } from "./dom.js";

const SILENT_MS = 800; // the unit sends something at least every 600 ms, also while nothing is live
const OLD_MS = 500; // as the unit itself: an older picture is not live
const HUNG_MS = 3000;
const EASE_AFTER_MS = 3000; // between two steps down, so that the last one can show what it did
const HASTEN_AFTER_MS = 20_000; // without a late picture; a way that was slow for a moment need not stay so
const LOOK_MS = 100;

export class Watchdog {
  #transport;
  #newest;
  #onBack;
  #onTurn;
  #easedMs = Infinity; // never yet
  #retried = 0;

  /**
   * @param newest gives the picture that came last, null before the first.
   * @param onBack called when somebody is logged in again.
   * @param onTurn called when the cover comes or goes.
   */
  constructor(transport, newest, onBack, onTurn) {
    this.#transport = transport;
    this.#newest = newest;
    this.#onBack = onBack;
    this.#onTurn = onTurn;
    $("cover").dataset.kind = "connecting";
    setInterval(() => this.look(), LOOK_MS);
  }

  get silentMs() {
    return performance.now() - this.#transport.lastPartMs;
  }

  get isCut() {
    return this.silentMs > SILENT_MS;
  }

  get isCovering() {
    return !$("cover").hidden;
  }

  look() {
    const was = this.isCovering;
    this.#judge();
    if (was !== this.isCovering) this.#onTurn();
  }

  #judge() {
    const now = performance.now();
    const { silentMs } = this;
    const shown = this.#newest();
    const late = shown?.state === "live" && now - shown.bornMs > OLD_MS;
    if (this.#transport.isRefused) return this.#sayLoggedOut();
    if (!$("again").hidden) this.#comeBack();
    if (!shown && silentMs === Infinity) return;
    if (this.isCut) {
      this.#cover("NO CONNECTION – picture is not live", `nothing has come for ${seconds(silentMs)}: check the network; trying again`);
      if (silentMs > HUNG_MS && Math.floor(now / HUNG_MS) !== this.#retried) {
        this.#retried = Math.floor(now / HUNG_MS);
        this.#transport.retry(); // a connection that hangs never ends by itself
      }
    } else if (late) {
      const isSilent = silentMs > OLD_MS;
      const why = isSilent
        ? `no new picture has come for ${seconds(silentMs)}: check the network`
        : `this device or its network is too slow, ${seconds(now - shown.bornMs)} behind: less is asked for`;
      this.#cover("STALE – picture is not live", why);
      if (!isSilent || this.#transport.kind === "socket") this.#ease(now); // over a socket the next waits for the last
    } else {
      if (!$("cover").hidden) $("cover").hidden = true;
      if (now - this.#easedMs > HASTEN_AFTER_MS) {
        this.#easedMs = Infinity;
        this.#transport.hasten();
      }
    }
  }

  #ease(now) {
    if (this.#easedMs !== Infinity && now - this.#easedMs < EASE_AFTER_MS) return;
    this.#easedMs = now;
    this.#transport.ease();
  }

  #cover(title, detail) {
    say($("cover-title"), title);
    $("cover-detail").textContent = detail;
    delete $("cover").dataset.kind;
    $("cover").hidden = false;
  }

  /** The picture that was shown last stays beneath the cover: a word and a way back, not a blank screen. */
  #sayLoggedOut() {
    if (!$("again").hidden) return;
    this.#cover("LOGGED OUT – picture is not live", "the login ended: log in to go on");
    $("again").hidden = false;
    for (const open of document.querySelectorAll("dialog[open]")) open.close(); // nothing lies over what must be seen
    $("again").focus();
  }

  #comeBack() {
    $("again").hidden = true;
    this.#onBack();
  }
}
