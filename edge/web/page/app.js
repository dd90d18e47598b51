// The physician's page: one picture, three views, and a cover as soon as the picture cannot be vouched for.

import { logOut, showAccess, showAccount } from "./account.js";
import { PictureStream } from "./stream.js";

const SILENT_MS = 800; // the unit sends something at least every 600 ms, also while nothing is live
const OLD_MS = 500; // as the unit itself: an older picture is not live
const IDLE_MS = 3000;
const EASE_AFTER_MS = 3000; // between two steps down in rate, so that the last one can show what it did
const MOST_TRIES = 8; // a second apart, within the ten for which the unit keeps a pair
const STREAM_VIEWS = { enhanced: "enhanced", raw: "raw", split: "pair" };

const $ = (id) => document.getElementById(id);
const canvas = $("picture");
const context = canvas.getContext("2d", { alpha: false });
const stream = new PictureStream(show);

let view = "enhanced";
let holding = false;
let at = 0.5;
let shown = null; // the newest picture: {enhanced, raw, seq, mode, state, bornMs}
let streaming = "";

// ---- the picture

function show(picture) {
  shown?.enhanced.close();
  shown?.raw?.close();
  shown = picture;
  draw();
  watch();
}

function draw() {
  if (!shown) return;
  const { enhanced, raw } = shown;
  if (canvas.width !== enhanced.width || canvas.height !== enhanced.height) {
    canvas.width = enhanced.width;
    canvas.height = enhanced.height;
  }
  context.drawImage(enhanced, 0, 0);
  const cut = Math.round((holding ? 1 : at) * canvas.width);
  if (raw && cut > 0) context.drawImage(raw, 0, 0, cut, canvas.height, 0, 0, cut, canvas.height);
  canvas.dataset.seq = shown.seq;
  canvas.dataset.mode = raw && holding ? "raw" : shown.mode;
  canvas.dataset.state = shown.state;
}

/** Open the stream that the view needs; in split both pictures are already here, so holding needs no other. */
function watchView() {
  const wanted = holding && view === "enhanced" ? "raw" : STREAM_VIEWS[view];
  $("hint-hand").hidden = view === "split";
  $("divider").hidden = view !== "split" || holding;
  $("views").classList.toggle("holding", holding && view !== "raw");
  canvas.setAttribute("aria-label", `Camera picture, ${holding ? "raw" : view}`);
  draw();
  if (wanted === streaming) return;
  streaming = wanted;
  canvas.dataset.view = wanted;
  stream.open(wanted);
}

function choose(next) {
  view = next;
  document.querySelector(`input[value=${next}]`).checked = true;
  watchView();
}

function hold(on) {
  if (holding === on) return;
  holding = on;
  watchView();
}

// ---- the cover: a picture that cannot be vouched for is not shown

function watch() {
  const now = performance.now();
  const silentMs = now - stream.lastPartMs;
  const late = shown?.state === "live" && now - shown.bornMs > OLD_MS;
  const cover = $("cover");
  if (stream.isRefused) return sayLoggedOut();
  if (!$("again").hidden) comeBack();
  if (!shown && silentMs === Infinity) return;
  if (silentMs > SILENT_MS) {
    say("NO CONNECTION – picture is not live", `nothing has come for ${seconds(silentMs)}: check the network; trying again`);
    if (silentMs > 3000 && Math.floor(now / 3000) !== watch.retried) {
      watch.retried = Math.floor(now / 3000);
      stream.open(streaming); // a connection that hangs never ends by itself
    }
  } else if (late && silentMs > OLD_MS) {
    say("STALE – picture is not live", `no new picture has come for ${seconds(silentMs)}: check the network`);
  } else if (late) {
    say("STALE – picture is not live", `this device or its network is too slow, ${seconds(now - shown.bornMs)} behind: fewer pictures are asked for`);
    if (now - (watch.easedMs ?? -Infinity) > EASE_AFTER_MS) {
      watch.easedMs = now;
      stream.ease();
    }
  } else if (!cover.hidden) {
    cover.hidden = true;
  }
}

function say(title, detail) {
  if ($("cover-title").textContent !== title) $("cover-title").textContent = title;
  $("cover-detail").textContent = detail;
  delete $("cover").dataset.kind;
  $("cover").hidden = false;
}

/** The picture that was shown last stays beneath the cover: a word and a way back, not a blank screen. */
function sayLoggedOut() {
  if (!$("again").hidden) return;
  say("LOGGED OUT – picture is not live", "the login ended: log in to go on");
  $("again").hidden = false;
  $("again").focus();
}

function comeBack() {
  $("again").hidden = true;
  showAccount();
  hear();
}

const seconds = (ms) => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;

// ---- the state of the unit

const WORDS = { live: "Live", frozen: "Frozen", degraded: "Not as usual", raw: "Raw only", stale: "Stale", "no-signal": "No signal", starting: "Starting" };

async function poll() {
  try {
    const answer = await fetch("health", { cache: "no-store", signal: AbortSignal.timeout(950) });
    if (answer.status === 401) throw new Error("logged out");
    tell(await answer.json());
  } catch {
    const cut = performance.now() - stream.lastPartMs > SILENT_MS;
    setState("offline", stream.isRefused ? "Logged out" : cut ? "No connection" : "State unknown", "");
    for (const id of ["fps", "latency", "profile", "dropped"]) $(id).textContent = "–";
  }
  setTimeout(poll, 1000);
}

function tell(health) {
  const held = shown?.state === "frozen";
  const state = held ? "frozen" : health.state;
  const word = WORDS[state === "degraded" && health.mode === "raw" ? "raw" : state];
  setState(state, word, state === "live" || held ? "" : health.reason);
  const latency = health.latency_ms.p50;
  $("fps").textContent = `${health.fps_out.toFixed(1)} /s`;
  $("latency").textContent = latency === null ? "–" : `${Math.round(latency)} ms`;
  $("profile").textContent = health.profile || "none";
  $("dropped").textContent = health.dropped.toLocaleString("en");
  showAccess(health.access);
  $("fit").textContent = health.camera?.picture?.told ?? "";
}

function setState(state, word, reason) {
  $("state").dataset.state = state;
  if ($("state-word").textContent !== word) $("state-word").textContent = word;
  $("reason").textContent = reason;
}

// ---- saving

/** Ask, and ask again while the unit is busy with others (503). */
async function askUntilFree(address, options) {
  for (let tries = 1; ; tries += 1) {
    const answer = await fetch(address, options);
    if (answer.ok) return answer;
    if (answer.status !== 503 || tries === MOST_TRIES) throw new Error((await answer.text()).trim());
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function fetchPicture(query) {
  const answer = await askUntilFree(`snapshot.png?${query}`, { cache: "no-store" });
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))[1];
  return { name, blob: await answer.blob() };
}

async function save() {
  if ($("save").disabled) return; // the key comes here too while a pair is on its way
  $("save").disabled = true;
  try {
    const answer = await askUntilFree("api/save", { method: "POST" }); // as the unit's button does; `saved` tells when
    const { seq, views } = await answer.json();
    const pictures = [];
    for (const kept of views) pictures.push(await fetchPicture(`view=${kept}&seq=${seq}`));
    for (const { name, blob } of pictures) {
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }
    const what = views.length > 1 ? "enhanced and raw" : "raw alone: nothing was enhanced";
    toast(`Copied to this device: picture ${seq}, ${what}`);
  } catch (error) {
    toast(`Not saved: ${error.message}`);
  }
  $("save").disabled = $("save").hasAttribute("data-forbidden");
}

function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => $("toast").classList.remove("shown"), 4000);
}

// ---- the button on the camera head: the unit freezes, saves and turns raw and enhanced about

let unitView = "enhanced";
let events = null;

function hear() {
  events?.close();
  events = new EventSource("events");
  const on = (kind, react) => events.addEventListener(kind, (event) => react(JSON.parse(event.data)));
  on("state", (unit) => {
    $("live").hidden = !unit.frozen;
    unitStrength = Math.round(unit.strength * 100);
    if (!sliding && !asking) showStrength(unitStrength);
    if (unit.view !== unitView) {
      unitView = unit.view; // only a turn of the button turns the page; it may have another view of its own
      choose(unit.view);
    }
  });
  on("saved", ({ name }) => toast(`Saved on the unit: ${name}`));
  on("not-saved", ({ reason }) => toast(`Not saved: ${reason}`));
}

// ---- how much of the enhancement is shown, to everybody who watches

let unitStrength = 100;
let sliding = false; // a hand is on the slider: it shows what the hand wants
let asking = false;

function showStrength(percent) {
  $("strength").value = percent;
  $("strength-value").textContent = `${percent}%`;
}

/** One request at a time, and then the newest value: two on the way at once may arrive in the other order. */
async function setStrength() {
  showStrength($("strength").valueAsNumber);
  if (asking) return;
  asking = true;
  try {
    for (let asked = null; asked !== $("strength").valueAsNumber; ) {
      asked = $("strength").valueAsNumber;
      const answer = await fetch(`api/strength?value=${asked / 100}`, { method: "POST" });
      if (!answer.ok) throw new Error((await answer.text()).trim());
      unitStrength = asked;
    }
  } catch (error) {
    toast(`Strength not changed: ${error.message}`);
  }
  asking = false;
  if (!sliding) showStrength(unitStrength);
}

async function goLive() {
  if ($("live").hidden || $("live").disabled) return;
  try {
    const answer = await fetch("api/live", { method: "POST" });
    if (!answer.ok) throw new Error((await answer.text()).trim());
  } catch (error) {
    toast(`Still frozen: ${error.message}`);
  }
}

// ---- hands

function moveDivider(share) {
  at = Math.min(1, Math.max(0, share));
  const divider = $("divider");
  divider.style.left = `${at * 100}%`;
  divider.setAttribute("aria-valuenow", Math.round(at * 100));
  divider.setAttribute("aria-valuetext", `${Math.round(at * 100)} percent raw`);
  draw();
}

const shareOf = (event) => {
  const box = $("frame").getBoundingClientRect();
  return (event.clientX - box.left) / box.width;
};

$("frame").addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || event.target === $("again")) return;
  $("frame").setPointerCapture(event.pointerId);
  if (view === "split") moveDivider(shareOf(event));
  else hold(true);
});
$("frame").addEventListener("pointermove", (event) => {
  if (view === "split" && $("frame").hasPointerCapture(event.pointerId)) moveDivider(shareOf(event));
});
for (const end of ["pointerup", "pointercancel"]) $("frame").addEventListener(end, () => hold(false));
$("frame").addEventListener("contextmenu", (event) => event.preventDefault());

$("divider").addEventListener("keydown", (event) => {
  const step = event.shiftKey ? 0.1 : 0.02;
  const targets = {
    ArrowLeft: at - step, ArrowDown: at - step, ArrowRight: at + step, ArrowUp: at + step,
    PageDown: at - 0.1, PageUp: at + 0.1, Home: 0, End: 1,
  };
  if (!(event.key in targets)) return;
  event.preventDefault();
  moveDivider(targets[event.key]);
});

function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen().catch((error) => toast(`No full screen: ${error.message}`));
}

const KEYS = {
  1: () => choose("enhanced"), 2: () => choose("raw"), 3: () => choose("split"), s: save, f: toggleFull, l: goLive,
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && event.target.tagName !== "BUTTON") {
    event.preventDefault();
    hold(true);
  } else if (!event.repeat) {
    KEYS[event.key.toLowerCase()]?.();
  }
});
document.addEventListener("keyup", (event) => event.key === " " && hold(false));
window.addEventListener("blur", () => hold(false));

$("views").addEventListener("change", (event) => choose(event.target.value));
$("strength").addEventListener("input", setStrength);
$("strength").addEventListener("pointerdown", () => (sliding = true));
for (const end of ["pointerup", "pointercancel"]) {
  $("strength").addEventListener(end, () => {
    sliding = false;
    $("strength").blur(); // keys go to the picture again; who came here by keys stays
    if (!asking) showStrength(unitStrength);
  });
}
$("save").addEventListener("click", save);
$("full").addEventListener("click", toggleFull);
$("live").addEventListener("click", goLive);
$("leave").addEventListener("click", logOut);
document.addEventListener("fullscreenchange", () => {
  $("full").setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)));
});

function stir() {
  document.body.classList.remove("idle");
  clearTimeout(stir.timer);
  stir.timer = setTimeout(() => document.body.classList.add("idle"), IDLE_MS);
}
for (const event of ["pointermove", "pointerdown", "keydown"]) document.addEventListener(event, stir);

$("cover").dataset.kind = "connecting";
watchView();
setInterval(watch, 100);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stream.close();
    events?.close(); // a browser has six connections for all its pages of one unit
  } else {
    stream.open(streaming);
    hear();
  }
  watch();
});
showAccount();
poll();
hear();
