// Keeping what is seen: the pair of this moment, a recording, and what was just seen.

import { $, ask, askJson, attempt, keep, post, toast } from "./dom.js";

const KEPT_CHOICES = "record";

async function fetchPicture(query) {
  const answer = await ask(`snapshot.png?${query}`);
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))[1];
  return { name, blob: await answer.blob() };
}

/** Save on the unit, as its button does, and copy the pair to this device. */
export async function save() {
  if ($("save").disabled || $("save").hidden) return; // the key comes here too while a pair is on its way
  $("save").disabled = true;
  await attempt("Not saved", async () => {
    const { seq, views } = await askJson("api/save", { method: "POST" }); // `saved` tells when it is on the disk
    const pictures = [];
    for (const view of views) pictures.push(await fetchPicture(`view=${view}&seq=${seq}`));
    for (const { name, blob } of pictures) {
      const address = URL.createObjectURL(blob);
      keep(address, name);
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    }
    const what = views.length > 1 ? "enhanced and raw" : "raw alone: nothing was enhanced";
    toast(`Copied to this device: picture ${seq}, ${what}`);
  });
  $("save").disabled = false;
}

/** Begin a recording on the unit, or end the one that runs. */
export class Recorder {
  #unit;
  #asking = false;

  constructor(unit) {
    this.#unit = unit;
    const { views = "raw enhanced", before = false } = JSON.parse(localStorage.getItem(KEPT_CHOICES) ?? "{}");
    const choice = document.querySelector(`input[name=record-views][value="${views}"]`);
    if (choice) choice.checked = true;
    $("record-before").checked = before;
    for (const id of ["record-views", "record-before"]) $(id).addEventListener("change", () => this.#remember());
    $("record").addEventListener("click", () => this.toggle());
    $("keep").addEventListener("click", () => this.keepBefore());
  }

  get isRunning() {
    return Boolean(this.#unit.state?.recording);
  }

  /** Show what can be recorded, and whether something is. */
  tell() {
    const { offers } = this.#unit;
    $("record").hidden = !offers.has("recording");
    $("keep").hidden = !offers.has("before_roll");
    $("record").setAttribute("aria-pressed", String(this.isRunning));
    $("record").classList.toggle("running", this.isRunning);
    $("record-word").textContent = this.isRunning ? "Stop" : "Record";
    $("record").title = this.isRunning ? "End the recording (R)" : "Record (R)";
  }

  async toggle() {
    if ($("record").hidden || this.#asking) return;
    const [running, { views, before }] = [this.isRunning, this.#choices()];
    await this.#ask(running ? "Recording not ended" : "Not recording", async () => {
      if (running) await post("api/recording/stop");
      else await post("api/recording/start", { views: views.split(" "), before: before && !$("keep").hidden });
      toast(running ? "Recording saved on the unit" : "Recording");
    });
  }

  async keepBefore() {
    const { offers } = this.#unit;
    if (offers.has("recording") && !offers.has("before_roll")) toast("Nothing is kept of what was just seen: [recording] before_s = 0");
    if ($("keep").hidden || this.#asking) return;
    await this.#ask("Not kept", async () => {
      await post("api/recording/keep");
      toast("What you just saw is saved on the unit");
    });
  }

  async #ask(what, work) {
    this.#asking = true;
    await attempt(what, work);
    this.#asking = false;
    this.#unit.poll();
  }

  #choices() {
    return { views: document.querySelector("input[name=record-views]:checked").value, before: $("record-before").checked };
  }

  #remember() {
    localStorage.setItem(KEPT_CHOICES, JSON.stringify(this.#choices()));
  }
}
