// The worklist: asked when its dialog opens, narrowed by what one types, and one of it chosen.

import { $, askJson, make, say } from "./dom.js";

/** What tells one patient from another of the same name. */
export const about = ({ birth_date: born, id, sex }) => [born && `born ${born.replace(/(....)(..)(..)/, "$1-$2-$3")}`, id, sex].filter(Boolean).join(" · ");
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

export class Worklist {
  #choose;
  #items = [];
  #more = false;
  #asked = 0;

  /** @param choose is called with the key of an answer. */
  constructor(choose) {
    this.#choose = choose;
    $("worklist-find").addEventListener("input", () => this.#show());
    $("worklist-again").addEventListener("click", () => this.ask());
    $("worklist").addEventListener("keydown", (event) => this.#walk(event));
  }

  async ask() {
    const number = (this.#asked += 1);
    $("worklist-rows").replaceChildren();
    say($("worklist-said"), "Asking the worklist…");
    this.#items = [];
    try {
      const { items, more } = await askJson("api/worklist");
      if (number !== this.#asked) return;
      [this.#items, this.#more] = [items, more];
      this.#show();
    } catch (error) {
      if (number === this.#asked) say($("worklist-said"), `${error.message}. A label and Emergency do without it.`);
    }
  }

  #show() {
    const words = plain($("worklist-find").value).split(/\s+/);
    const found = this.#items.filter((one) => words.every((word) => plain(Object.values({ ...one, key: "" }).join(" ")).includes(word)));
    const names = this.#items.map((one) => one.name);
    $("worklist-rows").replaceChildren(...found.map((one) => rowOf(one, names.indexOf(one.name) !== names.lastIndexOf(one.name))));
    for (const row of this.#rows) row.addEventListener("click", () => row.dataset.key && this.#choose(row.dataset.key));
    const all = `${this.#items.length} scheduled${this.#more ? ", and more than are shown: narrow the worklist by its settings" : ""}`;
    say($("worklist-said"), found.length < this.#items.length ? `${found.length} of ${all}` : all);
  }

  get #rows() {
    return [...$("worklist-rows").children];
  }

  #walk(event) {
    const all = [$("worklist-find"), ...this.#rows];
    const at = all.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && at >= 0) {
      event.preventDefault();
      all[Math.min(all.length - 1, Math.max(0, at + step))].focus();
    } else if (event.key === "Enter" && at === 0 && all.length === 2) all[1].click(); // the only one that is left
  }
}

function rowOf(one, isDouble) {
  const told = [about(one), one.accession_number, one.description, one.starts].filter(Boolean).join(" · ");
  const row = make("button", { type: "button", data: { key: one.key } }, make("b", { dir: "auto" }, one.name), make("span", { dir: "auto" }, told));
  const notes = [one.reason && `Cannot be chosen: ${one.reason}`, one.remark, isDouble && "Another has the same name"].filter(Boolean);
  if (notes.length) row.append(make("small", {}, notes.join(". ")));
  row.setAttribute("aria-disabled", String(!one.key));
  return row;
}
