// The held picture: held and let go from here, without loss where one looks closely, and enhanced anew by a slower
// profile while one waits.

import { $, ask, askJson, attempt, make, post, say } from "./dom.js";
import { synthesises } from "./status.js";

export class Freezing {
  #unit;
  #viewer;
  #picture = null; // the newest of the stream
  #lossless = {}; // {seq, enhanced, raw} of the held picture
  #asked = -1; // seq for which that was asked for last
  #made = new Map(); // profile -> {bitmap, synthesised}, of the held picture
  #running = null; // {profile, done, left_s}
  #mine = ""; // profile that this page asked for: shown as soon as it is there
  #chosen = ""; // "" is what the unit showed
  #beside = "";
  #polling = 0;

  constructor(unit, viewer) {
    this.#unit = unit;
    this.#viewer = viewer;
    $("freeze").addEventListener("click", () => this.freeze());
    $("live").addEventListener("click", () => this.goLive());
    $("beside").addEventListener("change", () => {
      this.#beside = $("beside").value;
      this.#apply();
    });
    unit.addEventListener("event", ({ detail }) => detail.kind === "reference" && this.isHeld && this.#askReferences());
  }

  get isHeld() {
    return this.#picture?.state === "frozen";
  }

  /** Of each picture that comes. */
  see(picture) {
    const was = this.isHeld && this.#picture.seq;
    this.#picture = picture;
    const is = this.isHeld && picture.seq;
    if (was !== is) {
      this.#forget();
      if (this.isHeld) this.#askReferences();
      this.tell();
    }
  }

  /** The view, the part that is looked at, or the unit has changed. */
  tell() {
    const { frozen, offers } = this.#unit;
    $("freeze").hidden = frozen || !offers.has("freeze");
    $("live").hidden = !frozen || !offers.has("operator");
    $("tray").hidden = !this.isHeld || !offers.has("reference");
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

  async #sharpen() {
    const { seq } = this.#picture;
    if (this.#asked === seq) return;
    this.#asked = seq;
    try {
      const enhanced = await ask("snapshot.png?view=enhanced");
      if (enhanced.headers.get("X-Seq") !== String(seq)) return;
      const raw = await ask(`snapshot.png?view=raw&seq=${seq}`);
      const bitmaps = await Promise.all([enhanced, raw].map(async (answer) => createImageBitmap(await answer.blob())));
      if (this.#picture.seq !== seq || !this.isHeld) return bitmaps.forEach((bitmap) => bitmap.close());
      this.#lossless = { enhanced: bitmaps[0], raw: bitmaps[1] };
      $("zoom").dataset.lossless = seq;
      this.#apply();
    } catch (error) {
      console.info(`lossless: ${error.message}`); // the stream's own picture stays
    }
  }

  #forget() {
    for (const bitmap of [this.#lossless.enhanced, this.#lossless.raw, ...[...this.#made.values()].map((one) => one.bitmap)]) bitmap?.close();
    this.#lossless = {};
    this.#made.clear();
    this.#asked = -1;
    [this.#running, this.#mine, this.#chosen, this.#beside] = [null, "", "", ""];
    delete $("zoom").dataset.lossless;
    this.#apply();
  }

  // ---- by another profile

  async #askReferences() {
    clearTimeout(this.#polling);
    if (!this.isHeld || !this.#unit.has("GET /api/reference")) return;
    const { seq } = this.#picture;
    try {
      const { running, done } = await askJson("api/reference");
      if (!this.isHeld || this.#picture.seq !== seq) return;
      this.#running = running;
      for (const one of done) if (String(one.seq) === String(seq) && !this.#made.has(one.profile)) await this.#fetch(one, seq);
      if (this.#mine && this.#made.has(this.#mine)) [this.#chosen, this.#mine] = [this.#mine, ""];
    } catch (error) {
      console.info(`reference: ${error.message}`);
    }
    this.#apply();
    if (this.isHeld) this.#polling = setTimeout(() => this.#askReferences(), this.#running ? 500 : 3000);
  }

  async #fetch({ profile, synthesised }, seq) {
    const answer = await ask(`api/reference.png?profile=${encodeURIComponent(profile)}`);
    const bitmap = await createImageBitmap(await answer.blob());
    if (this.isHeld && this.#picture.seq === seq) this.#made.set(profile, { bitmap, synthesised });
    else bitmap.close();
  }

  async #choose(profile) {
    if (profile === "" || this.#made.has(profile)) {
      this.#chosen = profile;
    } else if (this.#running?.profile === profile) {
      await attempt("Not ended", () => ask("api/reference", { method: "DELETE" }));
    } else {
      await attempt(`${profile} not begun`, async () => {
        await post("api/reference", { profile });
        this.#mine = profile;
      });
    }
    this.#apply();
    this.#askReferences();
  }

  // ---- what is drawn, and what is said of it

  #apply() {
    const viewer = this.#viewer;
    const near = this.isHeld && viewer.isZoomed ? this.#lossless : {};
    const chosen = this.isHeld ? this.#made.get(this.#chosen) : null;
    const beside = this.isHeld && viewer.view === "side" ? this.#made.get(this.#beside) : null;
    viewer.instead = { enhanced: chosen?.bitmap ?? near.enhanced, raw: near.raw, left: beside?.bitmap };
    viewer.draw();
    this.#mark(chosen, beside);
    if (!$("tray").hidden) this.#showTray();
  }

  #mark(chosen, beside) {
    const { state } = this.#unit;
    const isRaw = this.#viewer.wanted === "raw" || this.#viewer.holding;
    const made = [chosen && this.#chosen, beside && `${this.#beside} (left)`].filter(Boolean);
    const isMade = chosen?.synthesised || beside?.synthesised || (!chosen && this.#picture?.mode !== "raw" && synthesises(state, this.#picture?.profile || state?.profile));
    const words = [...made, ...(isMade ? ["synthesised detail"] : [])];
    $("mark").hidden = isRaw || words.length === 0;
    say($("mark"), words.join(" · "));
  }

  #showTray() {
    const { state } = this.#unit;
    const taken = state.frozen?.taken_at ? new Date(state.frozen.taken_at).toLocaleTimeString() : "";
    say($("held"), `Held ${taken}`.trim());
    const names = ["", ...state.can.reference];
    const focused = document.activeElement?.dataset.profile;
    const chips = names.map((name) => this.#chip(name));
    const before = [...$("references").children].map((chip) => chip.outerHTML).join();
    if (before !== chips.map((chip) => chip.outerHTML).join()) {
      $("references").replaceChildren(...chips);
      if (focused !== undefined) chips.find((chip) => chip.dataset.profile === focused)?.focus();
    }
    $("beside-label").hidden = this.#viewer.view !== "side" || this.#made.size === 0;
    const options = ["", ...this.#made.keys()];
    if ([...$("beside").options].map((option) => option.value).join() !== options.join()) {
      $("beside").replaceChildren(...options.map((name) => make("option", { value: name }, name || "raw")));
      $("beside").value = this.#beside;
    }
  }

  #chip(name) {
    const share = this.#running?.profile === name ? this.#running.done : null;
    const isMade = name === "" || this.#made.has(name);
    const words = share === null ? (isMade ? "" : "run") : `${Math.round(share * 100)}%${this.#running.left_s ? `, ${Math.ceil(this.#running.left_s)} s` : ""}`;
    const chip = make("button", { type: "button", className: "chip", data: { profile: name } }, name || this.#unit.state.profile || "as shown");
    if (words) chip.append(make("small", {}, words));
    if (this.#made.get(name)?.synthesised) chip.append(make("small", { className: "made" }, "synthesised"));
    if (share !== null) chip.append(Object.assign(make("progress", { max: 1, value: share }), { ariaLabel: `${name}: done` }));
    chip.setAttribute("aria-pressed", String(name === this.#chosen));
    chip.title = isMade ? `Show ${name || "what the unit showed"}` : share === null ? `Enhance the held picture by ${name}` : `End ${name}`;
    chip.addEventListener("click", () => this.#choose(name));
    return chip;
  }
}
