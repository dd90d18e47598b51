// One picture after the other. A click counts when the study's computer has it on its disk; until then it is sent again.

const QUESTIONS = {
  quality: "Quality: how good is this picture for diagnosis?",
  reproducibility: "Reproducibility: how well does it keep the original’s structure, texture and colour?",
};
const WORDS = ["bad", "poor", "fair", "good", "excellent"];
const RETRY_MS = 700;
const MOST_ZOOM = 1.1;

const $ = (id) => document.getElementById(id);
let token = "";
let held = ""; // the last token of this window: with it the place is this window's own
let screenPx = [0, 0];
let at = null; // what the unit of study says of the place that is shown
let aspect = "";
let shownMs = 0;
let isSending = false;
let isPaused = false;
const loaded = new Map(); // name -> promise of an image that is decoded

// ---- asking

class Refused extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

async function ask(what, body) {
  const answer = await fetch(`api/${what}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Refused(answer.status, (await answer.text()).trim());
  return answer.json();
}

/** Ask until there is an answer: a network that is away for a while loses nothing. */
async function askUntilHeard(what, body) {
  let wasAway = false;
  while (true) {
    try {
      if (wasAway) await beginAgain();
      const answer = await ask(what, { ...body, token });
      hideTrouble();
      return answer;
    } catch (error) {
      if (error instanceof Refused && error.status !== 503) throw error;
      wasAway = true;
      const why = error instanceof Refused ? error.message : "the study’s computer does not answer";
      cover("Not kept yet", `${why}. Your click is sent again until it is kept: leave this page open.`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** A server that was started again knows no window; unless another one rates by now, this one goes on. */
async function beginAgain() {
  const begun = await ask("begin", { code: $("code").value, token: held });
  token = held = begun.token;
}

// ---- the monitor

function monitorTrouble() {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(innerWidth * ratio), Math.round(innerHeight * ratio)];
  const zoom = Math.max(visualViewport?.scale ?? 1, outerWidth > 0 ? outerWidth / innerWidth : 1);
  if (width < screenPx[0] || height < screenPx[1])
    return `The window has ${width}x${height} pixels; this study needs ${screenPx[0]}x${screenPx[1]}: use full screen, or a larger monitor.`;
  if (zoom > MOST_ZOOM) return `The page is zoomed to ${Math.round(zoom * 100)}%: set it to 100% (Ctrl 0) and close side panels.`;
  if (outerWidth > 0 && innerWidth / outerWidth > MOST_ZOOM) return "The page is zoomed out: set it to 100% (Ctrl 0).";
  return "";
}

function watchMonitor() {
  if (!token || isPaused || isSending) return;
  const trouble = monitorTrouble();
  if (trouble) cover("This monitor is not right", trouble, "Look again");
  else if ($("cover").dataset.kind === "monitor") hideTrouble();
  if (trouble) $("cover").dataset.kind = "monitor";
}

// ---- covers

function cover(title, words, resume = "") {
  $("cover-title").textContent = title;
  $("cover-words").textContent = words;
  $("resume").hidden = !resume;
  $("resume").textContent = resume;
  $("cover").hidden = false;
  $("cover").dataset.kind = "";
  if (resume) $("resume").focus();
}

function hideTrouble() {
  $("cover").hidden = true;
}

function pause() {
  if (!token || isPaused) return;
  isPaused = true;
  cover("Paused", `${at.done} of ${at.total} pictures are rated and kept. You can close this page and go on later with your code.`, "Go on");
}

$("resume").addEventListener("click", () => {
  isPaused = false;
  hideTrouble();
  shownMs = performance.now();
  watchMonitor();
});

// ---- pictures

function image(name) {
  if (!loaded.has(name)) {
    const made = new Image();
    made.src = `picture/${name}.png?token=${token}`;
    loaded.set(name, made.decode().then(() => made.src));
    loaded.get(name).catch(() => loaded.delete(name));
    while (loaded.size > 12) loaded.delete(loaded.keys().next().value);
  }
  return loaded.get(name);
}

async function put(element, name) {
  element.classList.add("waiting"); // never the picture before under this one's question
  element.dataset.item = name;
  const src = await image(name);
  if (element.dataset.item !== name) return;
  element.src = src;
  await element.decode();
  element.classList.remove("waiting");
}

async function show(next) {
  at = next;
  if (!at.item) {
    cover("Thank you", `All ${at.total} pictures are rated, and kept.`);
    return;
  }
  const open = at.aspects.filter((name) => !(name in at.scores));
  aspect = open[0] ?? at.aspects[0];
  const isCompared = aspect === "reproducibility";
  $("original").hidden = $("caption").hidden = !isCompared;
  $("question").textContent = QUESTIONS[aspect];
  $("count").textContent = `${Math.min(at.place + 1, at.total)} of ${at.total}`;
  $("bar").value = at.done / at.total;
  $("back").disabled = at.place === 0 && aspect === at.aspects[0];
  paintScores();
  const pictures = [put($("picture"), at.item)];
  if (isCompared) pictures.push(put($("reference"), at.reference));
  try {
    await Promise.all(pictures);
  } catch {
    if ((await reachable()) && at === next) return lost("a picture could not be loaded");
  }
  shownMs = performance.now();
  document.body.dataset.shown = `${at.place}/${aspect}`;
  for (const one of [{ item: at.item, reference: at.reference }, ...at.ahead]) {
    image(one.item);
    if (one.reference) image(one.reference);
  }
}

async function reachable() {
  try {
    await askUntilHeard("place", { place: at.place });
    return true;
  } catch (error) {
    lost(error.message);
    return false;
  }
}

function paintScores() {
  for (const button of $("scores").children) button.setAttribute("aria-pressed", String(at.scores[aspect] === Number(button.dataset.score)));
}

// ---- clicks

async function score(value) {
  const isShown = document.body.dataset.shown === `${at?.place}/${aspect}`;
  if (!token || isSending || isPaused || !isShown || !$("cover").hidden) return;
  isSending = true;
  const click = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const screen = [innerWidth, innerHeight, window.devicePixelRatio || 1];
  try {
    const told = { click, place: at.place, aspect, score: value, ms: Math.round(performance.now() - shownMs), screen };
    const kept = await askUntilHeard("click", told);
    const isLast = aspect === at.aspects.at(-1);
    isSending = false;
    await show(isLast ? await askUntilHeard("place", { place: at.place + 1 }) : { ...kept, scores: withoutLater(kept) });
  } catch (error) {
    isSending = false;
    lost(error.message);
  }
}

/** Of a picture that is rated again, the aspects behind the one that was just scored are asked again too. */
function withoutLater(kept) {
  const until = kept.aspects.indexOf(aspect);
  return Object.fromEntries(Object.entries(kept.scores).filter(([name]) => kept.aspects.indexOf(name) <= until));
}

async function back() {
  if (!token || isSending || !$("cover").hidden) return;
  const isSecond = at.aspects.indexOf(aspect) > 0;
  try {
    const place = isSecond ? at.place : at.place - 1;
    if (place < 0) return;
    await show({ ...(await askUntilHeard("place", { place })), scores: {} });
  } catch (error) {
    lost(error.message);
  }
}

function lost(why) {
  token = "";
  loaded.clear();
  $("rating").hidden = true;
  hideTrouble();
  $("start").hidden = false;
  $("trouble").textContent = `${why[0].toUpperCase()}${why.slice(1)}`;
}

// ---- begin

async function begin(take) {
  $("trouble").textContent = "";
  $("take").hidden = true;
  try {
    const begun = await ask("begin", { code: $("code").value, token: held, take });
    screenPx = begun.screen_px;
    token = held = begun.token;
    const trouble = monitorTrouble();
    if (trouble) {
      token = "";
      $("trouble").textContent = trouble;
      return;
    }
    document.title = begun.title;
    $("start").hidden = true;
    $("rating").hidden = false;
    await show(begun);
  } catch (error) {
    if (!(error instanceof Refused)) console.warn(error);
    $("trouble").textContent = error instanceof Refused ? error.message : "The study’s computer does not answer: check the network, then begin again.";
    $("take").hidden = error.status !== 409;
  }
}

for (const [index, word] of WORDS.entries()) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.score = String(index + 1);
  const number = document.createElement("b");
  number.textContent = String(index + 1);
  const words = document.createElement("small");
  words.textContent = word;
  button.append(number, words);
  button.addEventListener("click", () => score(index + 1));
  $("scores").append(button);
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  begin(false);
});
$("take").addEventListener("click", () => begin(true));
$("back").addEventListener("click", back);
$("pause").addEventListener("click", pause);
$("full").addEventListener("click", fullScreen);
function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => {});
}
document.addEventListener("keydown", (event) => {
  if (!token || event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (/^[1-5]$/.test(event.key)) score(Number(event.key));
  else if (event.key === "Backspace") back();
  else if (event.key === "p" || event.key === "P") pause();
  else if (event.key === "f" || event.key === "F") fullScreen();
});
addEventListener("resize", watchMonitor);
visualViewport?.addEventListener("resize", watchMonitor);
