// What was saved on the unit: pair by pair and recording by recording, to look at, to fetch, to delete.

import { $, ask, askJson, attempt, clock, make, say, size, toast } from "./dom.js";
import { handle } from "./hands.js";
import { Viewer } from "./viewer.js";

const NUM_AT_ONCE = 60;

export class Gallery {
  #unit;
  #viewer;
  #items = [];
  #more = false;
  #chosen = null;
  #asked = 0; // counts what is fetched, so that what comes late is not shown
  #fills = 0; // the same of the film
  #sessions = new Map(); // id -> label, as far as seen

  constructor(unit) {
    this.#unit = unit;
    $("gallery-open").addEventListener("click", () => this.open());
    $("gallery-of").addEventListener("change", () => this.#fill());
    $("saved-views").addEventListener("change", (event) => this.chooseView(event.target.value));
    $("film").addEventListener("keydown", (event) => this.#walk(event));
    $("film").addEventListener("scroll", () => this.#isNearEnd() && this.#fillMore());
    $("erase").addEventListener("click", () => this.#askToErase());
    $("erase-not").addEventListener("click", () => $("erase-sure").close());
    $("erase-yes").addEventListener("click", () => this.#erase());
    $("gallery").addEventListener("close", () => this.#leave());
    document.addEventListener("keydown", (event) => this.#key(event));
    unit.addEventListener("event", ({ detail }) => $("gallery").open && ["saved", "recording", "removed"].includes(detail.kind) && this.#refill());
  }

  /** Where keys go while it is open; null where it is closed, or shows a recording. */
  get viewer() {
    return $("gallery").open && !$("erase-sure").open && this.#chosen?.kind === "pair" ? this.#viewer : null;
  }

  async open() {
    if ($("gallery-open").hidden || $("gallery").open) return;
    $("gallery").showModal();
    this.#viewer ??= this.#newViewer();
    $("film").focus();
    await this.#fill();
  }

  chooseView(view) {
    document.querySelector(`input[name=saved-view][value=${view}]`).checked = true;
    if (this.#chosen?.kind === "recording") this.#play(view === "raw" ? "raw" : "enhanced");
    this.#viewer.choose(view);
  }

  #newViewer() {
    const viewer = new Viewer($("saved-stage"), () => viewer.canvas.setAttribute("aria-label", `Saved picture, ${viewer.holding ? "raw" : viewer.view}`));
    handle(viewer);
    return viewer;
  }

  // ---- the film

  async #fill() {
    this.#items = [];
    await this.#refill();
  }

  /** What is looked at stays, however far down and whatever others save; where it is gone, what followed it is next. */
  async #refill() {
    const [items, at] = [this.#items, this.#items.findIndex((item) => item.name === this.#chosen?.name)];
    const followers = items.slice(Math.max(0, at)).map((item) => item.name);
    const number = (this.#fills += 1);
    this.#items = [];
    do await this.#fillMore();
    while (number === this.#fills && this.#more && this.#items.length < items.length);
    if (number !== this.#fills) return;
    this.#showSessions();
    const kept = new Map(this.#items.map((item) => [item.name, item]));
    if (kept.has(this.#chosen?.name)) return this.#markChosen();
    const follower = followers.find((name) => kept.has(name));
    await this.#choose(kept.get(follower) ?? (at > 0 ? this.#items.at(-1) : this.#items[0]) ?? null);
  }

  async #fillMore() {
    const number = this.#fills;
    const before = this.#items.at(-1)?.name;
    const query = new URLSearchParams({ num: NUM_AT_ONCE, ...(before && { before }), ...($("gallery-of").value && { session: $("gallery-of").value }) });
    this.#more = false;
    await attempt("What was saved cannot be shown", async () => {
      const { items, more } = await askJson(`api/saved?${query}`);
      if (number !== this.#fills) return;
      this.#items.push(...items.filter((item) => !this.#items.some((known) => known.name === item.name)));
      this.#more = more;
    });
    if (number !== this.#fills) return;
    for (const { session } of this.#items) if (session) this.#sessions.set(session.id, session.label);
    this.#showFilm();
  }

  #showFilm() {
    const groups = [];
    let last = null;
    for (const item of this.#items) {
      const title = [dayOf(item), item.session?.label].filter(Boolean).join(" · ");
      if (title !== last) groups.push(make("p", { className: "day", role: "presentation" }, title));
      last = title;
      groups.push(this.#frameOf(item));
    }
    $("film").replaceChildren(...groups);
    $("gallery-nothing").hidden = this.#items.length > 0;
    say($("gallery-nothing"), this.#items.length ? "" : "Nothing is saved yet");
  }

  #frameOf(item) {
    const image = make("img", { src: `api/saved/${encodeURIComponent(item.name)}/small.jpg`, alt: "", loading: "lazy", width: 160, height: 90 });
    image.addEventListener("error", () => image.classList.add("missing"));
    const words = make("span", {}, timeOf(item));
    if (item.kind === "recording") words.append(make("small", {}, ` ▶ ${clock(item.duration_s ?? 0)}`));
    const frame = make("div", { className: "saved", id: `saved-${item.name}`, data: { name: item.name }, role: "option" }, image, words);
    frame.setAttribute("aria-label", `${item.kind === "recording" ? "Recording" : "Picture"}, ${timeOf(item)}`);
    frame.setAttribute("aria-selected", "false");
    frame.addEventListener("click", () => this.#choose(item));
    return frame;
  }

  #showSessions() {
    const open = this.#unit.state?.session;
    if (open) this.#sessions.set(open.id, open.label);
    const chosen = $("gallery-of").value;
    const options = [...this.#sessions].map(([id, label]) => make("option", { value: id }, label));
    $("gallery-of").replaceChildren(make("option", { value: "" }, "everybody"), ...options);
    $("gallery-of").value = chosen;
  }

  #isNearEnd() {
    const film = $("film");
    return this.#more && film.scrollTop + film.clientHeight > film.scrollHeight - 400 && film.scrollLeft + film.clientWidth > film.scrollWidth - 400;
  }

  #walk(event) {
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: 6, PageUp: -6, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || this.#items.length === 0) return;
    event.preventDefault();
    const at = this.#items.findIndex((item) => item.name === this.#chosen?.name);
    this.#choose(this.#items[Math.min(this.#items.length - 1, Math.max(0, at + steps[event.key]))]);
  }

  #markChosen() {
    for (const frame of $("film").querySelectorAll(".saved")) {
      const is = frame.dataset.name === this.#chosen?.name;
      frame.setAttribute("aria-selected", String(is));
      if (!is) continue;
      $("film").setAttribute("aria-activedescendant", frame.id);
      frame.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  // ---- one of them

  async #choose(item) {
    this.#chosen = item;
    this.#asked += 1;
    this.#markChosen();
    $("saved-video").hidden = item?.kind !== "recording";
    $("saved-video").removeAttribute("src");
    this.#frame.hidden = true; // till its own picture is here: the one before is not of these words
    this.#caption(item);
    if (item?.kind === "pair") await this.#showPair(item);
    else if (item) this.#play(document.querySelector("input[name=saved-view]:checked").value === "raw" ? "raw" : "enhanced");
  }

  async #showPair(item) {
    const number = this.#asked;
    await attempt("Not shown", async () => {
      const bitmap = async (file) => (file ? createImageBitmap(await (await ask(addressOf(file))).blob()) : null);
      const [enhanced, raw] = await Promise.all([bitmap(item.files.enhanced), bitmap(item.files.raw)]);
      if (number !== this.#asked) return [enhanced, raw].forEach((one) => one?.close());
      this.#viewer.canvas.dataset.name = item.name;
      this.#frame.hidden = false;
      this.#viewer.show({ enhanced, raw });
      this.#viewer.reset();
    });
  }

  /** The other half goes on at the same moment. */
  #play(half) {
    const video = $("saved-video");
    const file = this.#chosen.files[half] ?? this.#chosen.files.enhanced ?? this.#chosen.files.raw;
    const [at, plays] = [video.src ? video.currentTime : 0, video.src !== "" && !video.paused];
    video.src = addressOf(file);
    video.setAttribute("aria-label", `Recording, ${file === this.#chosen.files.raw ? "raw" : "enhanced"}`);
    video.currentTime = at;
    if (plays) video.play();
  }

  #caption(item) {
    const words = item && [
      new Date(item.taken_at).toLocaleString(), item.kind === "recording" ? clock(item.duration_s ?? 0) : "", ...madeBy(item),
      item.session?.label, item.ended, item.bytes ? size(item.bytes) : "",
    ];
    say($("caption"), words?.filter(Boolean).join(" · ") ?? "");
    for (const half of ["raw", "enhanced"]) {
      const file = item?.files[half];
      $(`get-${half}`).hidden = !file;
      if (!file) continue;
      $(`get-${half}`).href = addressOf(file);
      $(`get-${half}`).download = file;
      $(`get-${half}`).setAttribute("aria-label", `Download ${half}`);
    }
    $("erase").hidden = !item || !this.#unit.offers.has("erase");
  }

  get #frame() {
    return $("saved-stage").querySelector(".frame");
  }

  #askToErase() {
    const item = this.#chosen;
    if (!item || $("erase").hidden) return;
    const what = item.kind === "recording" ? "The recording" : "Both pictures";
    say($("erase-what"), `${what} of ${new Date(item.taken_at).toLocaleString()}${item.session ? `, ${item.session.label},` : ""} will be gone from the unit.`);
    $("erase-sure").showModal();
  }

  async #erase() {
    const { name } = this.#chosen;
    $("erase-sure").close();
    await attempt("Not deleted", async () => {
      await ask(`api/saved/${encodeURIComponent(name)}?confirm=${encodeURIComponent(name)}`, { method: "DELETE" });
      const at = this.#items.findIndex((item) => item.name === name);
      this.#items.splice(at, 1);
      this.#showFilm();
      await this.#choose(this.#items[Math.min(at, this.#items.length - 1)] ?? null);
      $("film").focus();
      toast("Deleted");
    });
  }

  #key(event) {
    if (!$("gallery").open || $("erase-sure").open || event.ctrlKey || event.metaKey || event.altKey) return;
    const views = { 1: "enhanced", 2: "raw", 3: "split", 4: "side" };
    if (event.key in views) this.chooseView(views[event.key]);
    else if (event.key === "Delete") this.#askToErase();
  }

  #leave() {
    $("saved-video").pause();
    $("saved-video").removeAttribute("src");
    $("saved-video").load();
    this.#asked += 1;
    this.#chosen = null;
    this.#viewer.show({ enhanced: null, raw: null });
  }
}

const addressOf = (file) => `api/saved/${encodeURIComponent(file)}`;
/** Under whichever view one looks: a raw picture alone is shown in the place of an enhanced one. */
function madeBy({ views, profile, synthesised }) {
  const words = views.includes("enhanced") ? [profile, synthesised ? "synthesised detail" : ""] : [];
  return views.length === 1 ? [`${views[0]} alone`, ...words] : words;
}

const dayOf = (item) => new Date(item.taken_at).toLocaleDateString(undefined, { weekday: "short", day: "numeric", month: "short" });
const timeOf = (item) => new Date(item.taken_at).toLocaleTimeString();
