// What the unit says of itself: its state each second, its events as they come, and what it can do for whom.

import { askJson } from "./dom.js";
import { canWebRtc } from "./webrtc.js";

const POLL_MS = 1000;
const HEALTH_EVERY = 5; // of the polls, where the unit tells its state in one answer
const PATIENCE = 5; // answers that may be missed before what the unit can do is asked anew: another version may come up
const HEAR_AGAIN_MS = 5000;
const EVENTS = ["recording", "session", "reference", "profile"]; // each of them means: ask anew

/**
 * Tells `change` (after each answer; `state` is null while there is none), `turned` (detail: the view that the button
 * on the camera head chose), `event` (detail: {kind, data}).
 */
export class Unit extends EventTarget {
  state = null;
  health = null;
  who = null;
  frozen = false;
  strength = null;
  #routes = null;
  #known = null; // the state that came last; what is offered does not flicker with a lost answer
  #numMissed = 0;
  #events = null;
  #view = "enhanced";
  #isOld = false; // knows no /api/state
  #numPolls = 0;
  #timer = 0;
  #asking = false;

  start() {
    this.hear();
    this.poll();
  }

  /** Whether the unit answers this, such as "POST /api/freeze". */
  has(route) {
    return this.#routes?.has(route) ?? false;
  }

  /** Those that are offered, as they were told last: one lost answer takes none away. */
  get profiles() {
    return this.#known?.profiles ?? [];
  }

  /** The patient session, as it was told last. */
  get session() {
    return this.#known?.session ?? null;
  }

  /** As the unit has just answered it. */
  takeSession(session) {
    if (this.#known) this.#known.session = session;
    this.dispatchEvent(new Event("change"));
  }

  get isOperator() {
    return this.who !== null && this.who.role !== "viewer";
  }

  /** What may be offered to who looks, as words that the page's elements ask for. */
  get offers() {
    const can = this.#known?.can ?? {};
    const may = (name, is) => (this.isOperator && is ? [name] : []);
    return new Set([
      ...may("operator", true),
      ...may("freeze", this.has("POST /api/freeze")),
      ...may("profile", can.profile),
      ...may("light", can.light),
      ...may("camera_controls", can.camera_controls),
      ...may("recording", can.recording),
      ...may("before_roll", can.recording && can.before_roll),
      ...may("reference", this.has("POST /api/reference")),
      ...may("patient", this.has("POST /api/session")),
      ...may("worklist", can.worklist),
      ...may("erase", [...(this.#routes ?? [])].some((route) => route.startsWith("DELETE /api/saved/"))),
      ...may("saved", this.has("GET /api/saved")),
      ...may("sessions", this.has("GET /api/session")),
      ...(can.webrtc && canWebRtc() ? ["video"] : []),
      ...(this.has("GET /api/profiles/{name}/card") ? ["cards"] : []),
    ]);
  }

  /** Ask now, and then each second. */
  async poll() {
    if (this.#asking) return;
    this.#asking = true;
    clearTimeout(this.#timer);
    try {
      await this.#ask();
      this.#numMissed = 0;
      this.#known = this.state;
    } catch {
      this.#miss();
    }
    this.#asking = false;
    this.dispatchEvent(new Event("change"));
    this.#timer = setTimeout(() => this.poll(), POLL_MS);
  }

  #miss() {
    this.state = null;
    this.#numPolls = 0;
    this.#numMissed += 1;
    if (this.#numMissed >= PATIENCE) [this.#known, this.#routes, this.#isOld] = [null, null, false];
  }

  hear() {
    this.deafen();
    const events = (this.#events = new EventSource("events"));
    const on = (kind, react) => events.addEventListener(kind, (event) => react(JSON.parse(event.data)));
    on("state", (told) => this.#takeState(told));
    for (const kind of ["saved", "not-saved", "removed", ...EVENTS]) {
      on(kind, (data) => {
        this.dispatchEvent(new CustomEvent("event", { detail: { kind, data } }));
        if (EVENTS.includes(kind)) this.poll();
      });
    }
    events.onerror = () => {
      if (events.readyState === EventSource.CLOSED && events === this.#events) setTimeout(() => events === this.#events && this.hear(), HEAR_AGAIN_MS);
    };
  }

  /** A browser has six connections for all its pages of one unit. */
  deafen() {
    this.#events?.close();
    this.#events = null;
  }

  #takeState({ frozen, view, strength }) {
    this.frozen = frozen;
    this.strength = strength;
    if (view !== this.#view) {
      this.#view = view; // only a turn of the button turns the page; it may have another view of its own
      this.dispatchEvent(new CustomEvent("turned", { detail: view }));
    }
    this.dispatchEvent(new Event("change"));
  }

  async #ask() {
    const signal = AbortSignal.timeout(950);
    const wantsHealth = this.#isOld || this.#numPolls % HEALTH_EVERY === 0;
    const [health, state] = await Promise.all([
      wantsHealth ? askOnce("health", signal) : this.health,
      this.#isOld ? null : stateOrNull(signal),
      this.who ?? this.#askWho(signal),
    ]);
    this.#routes ??= state ? await routesOf(AbortSignal.timeout(5000)) : new Set();
    this.#isOld = state === null;
    this.health = health;
    this.state = state ?? stateOfHealth(health);
    this.#numPolls += 1;
  }

  async #askWho(signal) {
    this.who = await askOnce("api/who", signal);
  }
}

async function askOnce(address, signal) {
  const answer = await fetch(address, { cache: "no-store", signal });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.json();
}

async function stateOrNull(signal) {
  const answer = await fetch("api/state", { cache: "no-store", signal });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`api/state: ${answer.status}`);
  return answer.json();
}

async function routesOf(signal) {
  try {
    const { paths } = await askJson("openapi.json", { signal });
    return new Set(Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)));
  } catch (error) {
    return error.isMissing ? new Set() : null;
  }
}

/** As an older unit tells it: it has nothing else. */
function stateOfHealth(health) {
  return { ...health, latency_ms: health.latency_ms.p50, profiles: [], notices: [], can: {}, recording: null, session: null };
}
