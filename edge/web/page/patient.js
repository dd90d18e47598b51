// The patient session: while it is open, what is saved carries its label. The label is shown here and goes nowhere else.

import { $, attempt, post, say } from "./dom.js";

export class Patient {
  #unit;

  constructor(unit) {
    this.#unit = unit;
    const dialog = $("patient-dialog");
    $("patient").addEventListener("click", () => this.open());
    $("patient-cancel").addEventListener("click", () => dialog.close());
    $("patient-close").addEventListener("click", () => this.#ask("Session not ended", () => post("api/session", undefined, "DELETE")));
    $("patient-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const label = $("patient-label").value.trim();
      if (label) this.#ask("Session not opened", () => post("api/session", { label }));
      else $("patient-label").focus();
    });
  }

  get session() {
    return this.#unit.state?.session ?? null;
  }

  tell() {
    const may = this.#unit.offers.has("patient");
    $("patient").hidden = !may && !this.session;
    $("patient").disabled = !may;
    $("patient").classList.toggle("open", Boolean(this.session));
    say($("patient"), this.session ? `Patient ${this.session.label}` : "No patient");
  }

  open() {
    if ($("patient").hidden || $("patient").disabled) return;
    $("patient-label").value = this.session?.label ?? "";
    $("patient-close").hidden = !this.session;
    say($("patient-open"), this.session ? "Open another" : "Open");
    $("patient-dialog").showModal();
    $("patient-label").select();
  }

  async #ask(what, work) {
    await attempt(what, async () => {
      await work();
      $("patient-dialog").close();
    });
    this.#unit.poll();
  }
}
