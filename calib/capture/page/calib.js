// The calibration page: the unit's raw picture, what is found in it, and what keeps it from being taken.

import { showAccess } from "./account.js";
import { PictureStream } from "./stream.js";

const ASK_MS = 200;
const OLD_MS = 1500;
const ACCESS_MS = 5000;

const $ = (id) => document.getElementById(id);
const picture = $("picture").getContext("2d", { alpha: false });
const overlay = $("overlay").getContext("2d");
const TITLES = {
  dark: "Dark frames", flat: "Flat field", white: "White balance", chart: "Colour chart", lens: "Lens", scenes: "Scenes",
};

let bornMs = 0;
let taken = -1;
let complete = false;

new PictureStream((shown) => {
  picture.drawImage(shown.raw, 0, 0, 1920, 1080);
  shown.raw.close();
  bornMs = shown.bornMs;
}).open("raw");

function cover(title, detail) {
  $("cover").hidden = !title;
  $("cover").dataset.kind = title === "NO CONNECTION" ? "lost" : "connecting";
  $("cover-title").textContent = title;
  $("cover-detail").textContent = detail;
}

function drawFound({ points, covered }) {
  const { width, height } = overlay.canvas;
  overlay.clearRect(0, 0, width, height);
  covered.forEach((row, y) => row.forEach((is, x) => {
    if (is) return;
    overlay.fillStyle = "rgb(255 184 28 / .14)";
    overlay.fillRect((x * width) / row.length, (y * height) / covered.length, width / row.length, height / covered.length);
  }));
  overlay.fillStyle = "#40d680";
  for (const [x, y] of points) {
    overlay.beginPath();
    overlay.arc(x * width, y * height, 3.2, 0, 7);
    overlay.fill();
  }
}

function showChecks(checks) {
  $("checks").replaceChildren(...checks.map(({ name, ok, measured }) => {
    const line = document.createElement("li");
    line.dataset.ok = ok;
    const [label, value] = [name, measured].map((text) => Object.assign(document.createElement("span"), { textContent: text }));
    value.className = "measured";
    line.append(label, value);
    return line;
  }));
}

function show(record) {
  $("target").textContent = TITLES[record.target] + (record.purpose ? ` for ${record.purpose}` : "");
  $("what").textContent = record.what;
  $("unit").textContent = record.unit;
  $("advice").textContent = record.words;
  $("advice").dataset.ready = record.ready || record.complete;
  $("taken").textContent = record.taken;
  $("wanted").textContent = record.wanted;
  $("progress").max = record.wanted;
  $("progress").value = record.taken;
  if (taken >= 0 && record.taken > taken) {
    $("frame").classList.add("flash");
    setTimeout(() => $("frame").classList.remove("flash"), 250);
  }
  ({ taken, complete } = record);
  showChecks(record.checks);
  drawFound(record);
}

async function ask() {
  try {
    const answer = await fetch("guidance", { cache: "no-store" });
    if (answer.status === 401) return loggedOut();
    show(await answer.json());
    if (performance.now() - bornMs > OLD_MS) cover("STALE", "no new picture from the unit");
    else cover("", "");
  } catch {
    if (complete) cover("COMPLETE", `${taken} frames are saved; this page can be closed`);
    else cover("NO CONNECTION", "the capture has stopped; run the same command to go on");
  }
  setTimeout(ask, ASK_MS);
}

function loggedOut() {
  cover("LOGGED OUT", "the login ended: taking you to the login page");
  setTimeout(() => location.replace("login"), 2000);
}

async function askAccess() {
  try {
    showAccess((await (await fetch("health", { cache: "no-store" })).json()).access);
  } catch {
    // the cover says that nothing answers
  }
  setTimeout(askAccess, ACCESS_MS);
}

ask();
askAccess();
