// Who is logged in, the way to stay, and the way out; and what everybody must know of the unit's door.

import { $, attempt, post, toast } from "./dom.js";

/** What the unit says of its own door, such as that it is open to everybody. */
export function showAccess(access) {
  const text = (access?.notices ?? []).join("; ");
  if ($("access").textContent !== text) $("access").textContent = text;
}

export function showAccount(who) {
  const isIn = Boolean(who?.session);
  $("account").hidden = !isIn;
  $("who").textContent = isIn ? `${who.name}, ${who.role}` : "";
  $("stay-name").value = isIn ? who.name : "";
}

export async function logOut() {
  try {
    await fetch("api/logout", { method: "POST" });
  } finally {
    location.replace("login");
  }
}

/** A new login before the old one ends: the picture goes on. */
export function offerToStay(onStayed) {
  const dialog = $("stay-dialog");
  $("stay").addEventListener("click", () => {
    $("stay-password").value = "";
    dialog.showModal();
    $("stay-password").focus();
  });
  $("stay-cancel").addEventListener("click", () => dialog.close());
  $("stay-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const [name, password] = [$("stay-name").value, $("stay-password").value];
    $("stay-password").value = "";
    await attempt("Not logged in again", async () => {
      await post("api/login", { name, password });
      dialog.close();
      toast("Logged in again");
      onStayed();
    });
  });
}
