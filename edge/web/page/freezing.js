// The held picture: held and let go from here, without loss where one looks closely, and made anew by a slower
// profile while one waits. What the unit then shows everybody sees.

import { $, ask, askJson, attempt, make, post, say, toast } from "./dom.js";
import { synthesises } from "./status.js";

const ASK_MS = { running: 500, idle: 3000 };
const NOTHING = { profiles: [], running: null, done: [], failed: [], shown: null };

export class Freezing {
  #unit;
  #viewer;
  #picture = null; // the newest of the stream
  #record = NOTHING; // of /api/reference
  #mine = ""; // profile that this page asked for: shown as soon as it is there
  #beside = { profile: "", bitmap: null }; // what lies to the left of it, in place of raw
  #lossless = { key: "", enhanced: null, raw: null };
  #asked = ""; // key of what was asked for last
  #timer = 0;

  constructor(unit, viewer) {
    this.#unit = unit;
    this.#viewer = viewer;
    $("freeze").addEventListener("click", () => this.freeze());
    $("live").addEventListener("click", () => this.goLive());
    $("beside").addEventListener("change", () => attempt("Not shown", () => this.#putBeside($("beside").value)));
    unit.addEventListener("event", ({ detail }) => detail.kind === "reference" && this.#askReferences());
  }

  get isHeld() {
    return this.#picture?.state === "frozen";
  }

  /** The profile that the held picture is shown by, in place of the live one; null for none. */
  get shown() {
    return this.#record.shown;
  }

  /** Of each picture that comes. @returns whether another one is held now, or none any more. */
  see(picture) {
    const before = this.isHeld ? this.#picture.seq : null;
    this.#picture = picture;
    if (before === (this.isHeld ? picture.seq : null)) return false;
    this.#forget();
    this.#askReferences();
    return true;
  }

  /** The view, the part that is looked at, or the unit has changed. */
  tell() {
    const { frozen, offers } = this.#unit;
    $("freeze").hidden = frozen || !offers.has("freeze");
    $("live").hidden = !frozen || !offers.has("operator");
    if (this.isHeld && this.#viewer.isZoomed) this.#sharpen();
    this.#apply();
  }

  async freeze() {
    if ($("freeze").hidden) return;
    await attempt("Not held", () => post("api/freeze"));
  }

  async goLive() {
    if ($("live").hidden) return;
    await attempt("Still frozen", () => post("api/live"));
  }

  toggle() {
    return $("live").hidden ? this.freeze() : this.goLive();
  }

  // ---- without loss

  get #key() {
    return this.isHeld ? `${this.#picture.seq} ${this.#record.shown ?? ""}` : "";
  }

  async #sharpen() {
    const key = this.#key;
    if (this.#asked === key) return;
    this.#asked = key;
    try {
      const enhanced = await ask("snapshot.png?view=enhanced");
      const seq = enhanced.headers.get("X-Seq");
      if (seq !== String(this.#picture.seq) || enhanced.headers.get("X-State") !== "frozen") return;
      const raw = await ask(`snapshot.png?view=raw&seq=${seq}`);
      const bitmaps = await Promise.all([enhanced, raw].map(async (answer) => createImageBitmap(await answer.blob())));
      if (this.#key !== key) return bitmaps.forEach((bitmap) => bitmap.close());
      this.#dropLossless();
      this.#lossless = { key, enhanced: bitmaps[0], raw: bitmaps[1] };
      this.#viewer.canvas.dataset.lossless = seq;
      this.#apply();
    } catch (error) {
      console.info(`lossless: ${error.message}`); // the stream's own picture stays
    }
  }

  #dropLossless() {
    this.#lossless.enhanced?.close();
    this.#lossless.raw?.close();
    this.#lossless = { key: "", enhanced: null, raw: null };
    delete this.#viewer.canvas.dataset.lossless;
  }

  #forget() {
    this.#dropLossless();
    this.#beside.bitmap?.close();
    this.#beside = { profile: "", bitmap: null };
    [this.#asked, this.#mine, this.#record] = ["", "", NOTHING];
  }

  // ---- by another profile

  async #askReferences() {
    clearTimeout(this.#timer);
    if (!this.isHeld || !this.#unit.has("GET /api/reference")) return this.tell();
    const { seq } = this.#picture;
    try {
      const record = await askJson("api/reference");
      if (!this.isHeld || this.#picture.seq !== seq) return;
      this.#record = { ...NOTHING, ...record };
      await this.#showMine();
    } catch (error) {
      console.info(`reference: ${error.message}`);
    }
    this.tell();
    this.#timer = setTimeout(() => this.#askReferences(), this.#record.running ? ASK_MS.running : ASK_MS.idle);
  }

  /** What this page asked for, as soon as it is there. */
  async #showMine() {
    const failed = this.#record.failed.find((one) => one.profile === this.#mine);
    if (failed) toast(`${this.#mine}: ${failed.reason}`);
    else if (!this.#isDone(this.#mine)) return;
    const profile = this.#mine;
    this.#mine = "";
    if (!failed) await this.#show(profile);
  }

  #isDone(profile) {
    return this.#record.done.some((one) => one.profile === profile);
  }

  async #show(profile) {
    this.#record = { ...NOTHING, ...(await post(`api/reference/show?profile=${encodeURIComponent(profile)}`)) };
  }

  async #choose(profile) {
    if (profile === "" || this.#isDone(profile)) {
      await attempt("Not shown", () => this.#show(profile));
    } else if (this.#record.running?.profile === profile) {
      await attempt("Not ended", () => ask("api/reference", { method: "DELETE" }));
    } else {
      await attempt(`${profile} not begun`, async () => {
        await post("api/reference", { profile });
        this.#mine = profile;
      });
    }
    this.#askReferences();
  }

  async #putBeside(profile) {
    const { seq } = this.#picture;
    const blob = profile && (await (await ask(`api/reference.png?profile=${encodeURIComponent(profile)}`)).blob());
    const bitmap = blob ? await createImageBitmap(blob) : null;
    if (!this.isHeld || this.#picture.seq !== seq) return bitmap?.close();
    this.#beside.bitmap?.close();
    this.#beside = { profile, bitmap };
    this.#apply();
  }

  // ---- what is drawn, and what is said of it

  #apply() {
    const viewer = this.#viewer;
    const isNear = this.isHeld && viewer.isZoomed && this.#lossless.key === this.#key;
    const { enhanced, raw } = isNear ? this.#lossless : {};
    viewer.instead = { enhanced, raw, left: viewer.view === "side" ? this.#beside.bitmap : null };
    viewer.draw();
    this.#mark();
    this.#showTray();
  }

  /** Whether what a profile shows of the held picture was made, and not seen. */
  #isSynthesised(profile) {
    const one = this.#record.profiles.find(({ name }) => name === profile);
    return one ? one.synthesised : synthesises(this.#unit.state, profile);
  }

  #mark() {
    const viewer = this.#viewer;
    const isRaw = viewer.holding || viewer.view === "raw" || this.#picture?.mode === "raw";
    const { state } = this.#unit;
    const profile = this.isHeld ? (this.#record.shown ?? this.#picture.profile) : this.#picture?.profile;
    const words = [];
    if (this.isHeld && this.#isDone(profile)) words.push(profile);
    if (this.#isSynthesised(profile || state?.profile)) words.push("synthesised detail");
    const beside = viewer.instead.left ? [`left: ${this.#beside.profile}`, this.#isSynthesised(this.#beside.profile) ? "synthesised detail" : ""] : [];
    $("mark").hidden = isRaw || words.length + beside.length === 0;
    say($("mark"), [...beside, ...words].filter(Boolean).join(" · "));
  }

  #showTray() {
    const { offers, state } = this.#unit;
    const { profiles, done, shown } = this.#record;
    $("tray").hidden = !this.isHeld || !offers.has("reference") || profiles.length === 0;
    if ($("tray").hidden) return;
    const taken = state?.frozen?.taken_at ? new Date(state.frozen.taken_at).toLocaleTimeString() : "";
    say($("held"), `Held ${taken}`.trim());
    const focused = document.activeElement?.dataset.profile;
    const chips = ["", ...profiles.map((one) => one.name)].map((name) => this.#chip(name, shown));
    if ([...$("references").children].map((chip) => chip.outerHTML).join() !== chips.map((chip) => chip.outerHTML).join()) {
      $("references").replaceChildren(...chips);
      if (focused !== undefined) chips.find((chip) => chip.dataset.profile === focused)?.focus();
    }
    const advice = this.#adviceOf(shown);
    $("tray-advice").hidden = !advice;
    say($("tray-advice"), advice);
    $("beside-label").hidden = this.#viewer.view !== "side" || done.length === 0;
    const options = ["", ...done.map((one) => one.profile)];
    if ([...$("beside").options].map((option) => option.value).join() !== options.join()) {
      $("beside").replaceChildren(...options.map((name) => make("option", { value: name }, name || "raw")));
      $("beside").value = this.#beside.profile;
    }
  }

  #adviceOf(profile) {
    return this.#unit.profiles.find((one) => one.name === profile)?.advice ?? "";
  }

  #chip(name, shown) {
    const { running } = this.#record;
    const isRunning = name !== "" && running?.profile === name;
    const isDone = name === "" || this.#isDone(name);
    const chip = make("button", { type: "button", className: "chip", data: { profile: name } }, name || "as live");
    if (isRunning) chip.append(make("small", {}, `${Math.round(running.done * 100)}%${running.left_s ? `, ${Math.ceil(running.left_s)} s` : ""}`));
    else if (!isDone) chip.append(make("small", {}, "make"));
    if (name && this.#isSynthesised(name)) chip.append(make("small", { className: "made" }, "synthesised detail"));
    if (isRunning) chip.append(Object.assign(make("progress", { max: 1, value: running.done }), { ariaLabel: `${name}: how much is done` }));
    chip.setAttribute("aria-pressed", String(name === "" ? !this.#isDone(shown) : isDone && name === shown));
    const advice = this.#adviceOf(name);
    chip.title = isDone ? `Show it ${name ? `by ${name}` : "as it was live"}` : isRunning ? `End ${name}` : `Make the held picture by ${name}`;
    if (advice) chip.title += `; ${advice}`;
    chip.addEventListener("click", () => this.#choose(name));
    return chip;
  }
}
