// Whose pictures these are: chosen, told large for as long as a session is open, and closed.

import { $, askJson, attempt, post, say, toast } from "./dom.js";
import { Worklist, about } from "./worklist.js";

const COUNTED = ["saved", "recording", "removed", "session"];

export class Patient {
  #unit;
  #worklist = new Worklist((key) => this.#begin({ worklist: key }));
  #saved = ""; // how much this session has, in words

  constructor(unit) {
    this.#unit = unit;
    const click = (id, act) => $(id).addEventListener("click", act);
    for (const id of ["patient", "pt-choose"]) click(id, () => this.open());
    for (const id of ["pt-emergency", "patient-emergency"]) click(id, () => this.#begin({ emergency: true }));
    for (const id of ["pt-close", "patient-close"]) click(id, () => this.#close());
    $("patient-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const label = $("patient-label").value.trim();
      if (label) this.#begin({ label });
      else $("patient-label").focus();
    });
    unit.addEventListener("event", ({ detail }) => COUNTED.includes(detail.kind) && this.#count());
  }

  get session() {
    return this.#unit.session;
  }

  tell() {
    const { session } = this;
    const { offers } = this.#unit;
    const may = offers.has("patient");
    const isShown = may && Boolean(session || offers.has("worklist") || this.#unit.health?.pacs);
    $("pt").hidden = !isShown;
    $("patient").hidden = isShown || (!may && !session);
    $("patient").disabled = !may;
    say($("patient"), session ? "A patient session is open" : "No patient");
    if ($("pt").dataset.id !== (session?.id ?? "")) this.#count();
    $("pt").dataset.id = session?.id ?? "";
    $("pt").classList.toggle("emergency", Boolean(session?.patient?.is_emergency));
    say($("pt-name"), session?.label ?? "No patient");
    say($("pt-about"), session?.patient ? about(session.patient) : "");
    say($("pt-saved"), session ? this.#fate : this.#sending);
    say($("pt-choose"), session ? "Change" : "Choose");
    $("pt-close").hidden = !session;
    $("pt-emergency").hidden = Boolean(session);
  }

  open() {
    const { offers } = this.#unit;
    if (!offers.has("patient") || $("patient-dialog").open) return;
    $("patient-label").value = "";
    $("worklist-find").value = "";
    $("worklist").hidden = !offers.has("worklist");
    $("patient-close").hidden = !this.session;
    say($("patient-now"), this.session ? `Open: ${this.session.label}. ${this.#fate}` : "What is saved while a session is open belongs to it.");
    $("patient-dialog").showModal();
    $(offers.has("worklist") ? "worklist-find" : "patient-label").focus();
    if (offers.has("worklist")) this.#worklist.ask();
  }

  /** What becomes of what this session has. */
  get #fate() {
    const isSent = this.#unit.health?.pacs && this.session?.patient;
    return `${this.#saved}${isSent ? ", sent to the PACS when closed" : ", kept on the unit"}`;
  }

  /** What closed sessions still have to send, and how far the last one is. */
  get #sending() {
    const { waiting, failed, session } = this.#unit.health?.pacs ?? {};
    const words = { waiting: "waiting", sent: "sent", committed: "kept", failed: "refused" };
    const last = Object.keys(words).filter((key) => session?.[key]).map((key) => `${session[key]} ${words[key]}`);
    return [waiting && `${waiting} on the way to the PACS`, failed && `${failed} not sent`, last.length && `last session: ${last.join(", ")}`].filter(Boolean).join(", ");
  }

  #begin(whom) {
    return this.#ask("Session not opened", () => post("api/session", { ...whom, instead_of: this.session?.id ?? "" }));
  }

  async #close() {
    const { session } = this;
    const told = `Closed: ${this.#fate.replace(/, sent.*/, ", on the way to the PACS")}`;
    if (await this.#ask("Session not closed", () => post(`api/session?only=${session.id}`, undefined, "DELETE"))) toast(told);
  }

  async #ask(what, work) {
    const answer = await attempt(what, work);
    if (answer && this.#unit.state) {
      $("patient-dialog").close();
      this.#unit.takeSession(answer.session);
    }
    this.#unit.poll();
    return answer;
  }

  async #count() {
    const { session } = this;
    this.#saved = "";
    if (!session || !this.#unit.offers.has("saved")) return;
    const { items, more } = await askJson(`api/saved?session=${session.id}&num=200`).catch(() => ({ items: [] }));
    if (session.id !== this.session?.id) return;
    this.#saved = `${items.length}${more ? " and more" : ""} saved`;
    this.tell();
  }
}
