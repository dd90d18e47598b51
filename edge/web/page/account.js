// Who is logged in, what their role leaves out, and the way out; and what everybody must know of the unit's door.

const $ = (id) => document.getElementById(id);
const NEEDS_OPERATOR = ["save", "live", "strength"];

/** Show name and role, and take away what the role may not do. @returns whether somebody may look at all. */
export async function showAccount() {
  try {
    const answer = await fetch("api/who", { cache: "no-store" });
    if (!answer.ok) return false;
    const { name, role, session } = await answer.json();
    $("account").hidden = !session;
    $("who").textContent = session ? `${name}, ${role}` : "";
    for (const id of NEEDS_OPERATOR) {
      $(id).toggleAttribute("data-forbidden", role === "viewer");
      $(id).disabled = role === "viewer";
      if (role === "viewer") $(id).title = "This takes the role operator";
    }
    return true;
  } catch {
    return false; // no connection: the cover says so
  }
}

/** What the unit says of its own door, such as that it is open to everybody. */
export function showAccess(access) {
  const text = (access?.notices ?? []).join("; ");
  if ($("access").textContent !== text) $("access").textContent = text;
}

export async function logOut() {
  try {
    await fetch("api/logout", { method: "POST" });
  } finally {
    location.replace("login");
  }
}
