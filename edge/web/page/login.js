// The login page: sends name and password once, says what came of it, and goes on to the picture.

const MOST_TRIES = 20; // while many log in at once the unit asks for a moment's patience

const $ = (id) => document.getElementById(id);

function say(text, kind = "wrong") {
  $("answer").dataset.kind = kind;
  $("answer").textContent = text;
}

function mark(wrong) {
  for (const id of ["name", "password"]) $(id).setAttribute("aria-invalid", String(wrong));
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function ask(name, password) {
  for (let tried = 1; ; tried += 1) {
    const answer = await fetch("api/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name, password }),
    });
    if (answer.status !== 503 || tried === MOST_TRIES) return answer;
    say("Many log in at this moment: waiting", "wait");
    await pause(Number(answer.headers.get("Retry-After") ?? 1));
  }
}

async function waitOut(seconds) {
  for (let left = seconds; left > 0; left -= 1) {
    say(`Too many wrong passwords: try again in ${left} s`, "wait");
    await pause(1);
  }
  say("");
}

async function enter(event) {
  event.preventDefault();
  const [name, password] = [$("name").value.trim(), $("password").value];
  if (!name || !password) {
    say("Name and password are both needed");
    $(name ? "password" : "name").focus();
    return;
  }
  $("enter").disabled = true;
  say("");
  mark(false);
  try {
    const answer = await ask(name, password);
    if (answer.ok) {
      location.replace("./");
      return;
    }
    if (answer.status === 429) {
      await waitOut(Number(answer.headers.get("Retry-After") ?? 1));
    } else if (answer.status === 409) {
      location.replace("./"); // there are no users: nobody need log in
    } else {
      mark(answer.status === 401);
      const text = (await answer.text()).trim();
      say(answer.status === 401 ? "Name or password is wrong" : `Not logged in: ${text}`);
    }
    $("password").value = "";
    $("password").focus();
  } catch {
    say("No connection to the unit: check the network");
  }
  $("enter").disabled = false;
}

$("login").addEventListener("submit", enter);
$("password").addEventListener("keyup", (event) => {
  $("caps").hidden = !event.getModifierState?.("CapsLock");
});
