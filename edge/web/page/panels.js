// Sheets that lie beside the picture, and dialogs above it.

import { $ } from "./dom.js";

const SHEETS = { adjust: "adjust-open", unit: "state" }; // sheet -> the button that opens it

/** Show or hide a sheet; one at a time, and the focus goes with it. */
export function toggleSheet(id) {
  const sheet = $(id);
  if (sheet.open) return closeSheets();
  closeSheets();
  sheet.show();
  $(SHEETS[id]).setAttribute("aria-expanded", "true");
  sheet.querySelector("input:not([hidden]), button.close").focus({ focusVisible: false });
}

/** @returns whether one was open. */
export function closeSheets() {
  const open = Object.keys(SHEETS).filter((id) => $(id).open);
  for (const id of open) {
    const hadFocus = $(id).contains(document.activeElement);
    $(id).close();
    $(SHEETS[id]).setAttribute("aria-expanded", "false");
    if (hadFocus) $(SHEETS[id]).focus({ focusVisible: false });
  }
  return open.length > 0;
}

export const hasModal = () => document.querySelector("dialog:modal") !== null;

export function wirePanels() {
  for (const [id, opener] of Object.entries(SHEETS)) $(opener).addEventListener("click", () => toggleSheet(id));
  for (const sheet of Object.keys(SHEETS)) $(sheet).querySelector(".close").addEventListener("click", closeSheets);
  for (const dialog of document.querySelectorAll("dialog.modal")) {
    dialog.querySelector(".close")?.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
  }
}

/** Show what the unit can do, and who looks may; hide the rest. */
export function offer(offers) {
  for (const element of document.querySelectorAll("[data-offer]")) element.hidden = !offers.has(element.dataset.offer);
  $("adjust-open").hidden = !offers.has("operator");
  if ($("adjust").open && !offers.has("operator")) closeSheets();
  $("gallery-open").hidden = !offers.has("saved");
}
