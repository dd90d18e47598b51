// The physician's page: one picture, four ways to look at it, and a cover as soon as it cannot be vouched for.

import { showCards } from "./about.js";
import { logOut, offerToStay, showAccount } from "./account.js";
import { Controls } from "./controls.js";
import { $, toast } from "./dom.js";
import { Freezing } from "./freezing.js";
import { Gallery } from "./gallery.js";
import { handle } from "./hands.js";
import { listen } from "./keys.js";
import { hasModal, offer, toggleSheet, wirePanels } from "./panels.js";
import { Patient } from "./patient.js";
import { Recorder, save } from "./saving.js";
import { showStatus } from "./status.js";
import { Transport } from "./transport.js";
import { Unit } from "./unit.js";
import { Viewer } from "./viewer.js";
import { Watchdog } from "./watchdog.js";

const IDLE_MS = 3000;

let newest = null; // {seq, mode, state, bornMs, ...} of the picture that came last
const unit = new Unit();
const transport = new Transport(show);
const viewer = new Viewer($("stage"), looked);
const watchdog = new Watchdog(transport, () => newest, comeBack, tell);
const freezing = new Freezing(unit, viewer);
const controls = new Controls();
const recorder = new Recorder(unit);
const patient = new Patient(unit);
const gallery = new Gallery(unit);

// ---- the picture

function show(picture) {
  newest = picture;
  viewer.show({ enhanced: picture.enhanced, raw: picture.raw });
  if (freezing.see(picture)) {
    if (freezing.isHeld) transport.hasten(); // it cannot be late, however slow the way is
    looked(); // of a held picture both halves are wanted at once
  }
  describe();
  watchdog.look();
}

/** The view, the part or the room has changed: so may have which pictures are needed, and how large. */
function looked() {
  if (!document.hidden) transport.want(freezing?.isHeld ? "pair" : viewer.wanted, viewer.widthWanted);
  viewer.canvas.dataset.view = viewer.wanted;
  viewer.canvas.setAttribute("aria-label", `Camera picture, ${viewer.holding ? "raw" : viewer.view}`);
  $("views").classList.toggle("holding", viewer.holding && viewer.view !== "raw");
  $("zoom").hidden = !viewer.isZoomed;
  freezing.tell();
  describe();
}

function describe() {
  if (!newest) return;
  const isRaw = (viewer.holding || viewer.view === "raw") && (newest.raw !== null || newest.mode === "raw");
  const { dataset } = viewer.canvas;
  dataset.seq = newest.seq;
  dataset.mode = isRaw || newest.enhanced === null ? "raw" : newest.mode;
  dataset.state = newest.state;
  if (!viewer.isZoomed) return;
  // the unit's own banner may be out of sight, so its words stand here too
  $("zoom-word").textContent = `${viewer.part.zoom.toFixed(1)}×`;
  $("zoom-state").textContent = `${newest.state.toUpperCase().replace("-", " ")} ${viewer.view === "split" || viewer.view === "side" ? "" : dataset.mode.toUpperCase()}`;
  $("zoom").dataset.state = newest.state;
}

function choose(view) {
  document.querySelector(`input[name=view][value=${view}]`).checked = true;
  viewer.choose(view);
}

// ---- the unit

unit.addEventListener("change", () => {
  const { offers } = unit;
  offer(offers);
  $("save").hidden = !offers.has("operator");
  tell();
  showAccount(unit.who);
  freezing.tell();
  controls.tell(unit);
  recorder.tell();
  patient.tell();
});
unit.addEventListener("turned", ({ detail }) => choose(detail));
unit.addEventListener("event", ({ detail: { kind, data } }) => {
  if (kind === "saved") toast(`Saved on the unit: ${data.name}`);
  else if (kind === "not-saved") toast(`Not saved: ${data.reason}`);
  else if (kind === "recording" && data.reason) toast(`The recording has ended: ${data.reason}`);
});

function tell() {
  showStatus(unit, newest, transport, watchdog);
}

function comeBack() {
  unit.who = null;
  unit.hear();
  unit.poll();
}

// ---- hands and keys

function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen().catch((error) => toast(`No full screen: ${error.message}`));
}

listen(
  () => (hasModal() ? gallery.viewer : viewer),
  [
    [["1"], "enhanced", () => choose("enhanced")],
    [["2"], "raw", () => choose("raw")],
    [["3"], "split", () => choose("split")],
    [["4"], "side by side", () => choose("side")],
    [["P"], "hold this picture, or let it go", () => freezing.toggle()],
    [["L"], "back to the live picture", () => freezing.goLive()],
    [["S"], "save the pair", save],
    [["R"], "record, or end the recording", () => recorder.toggle()],
    [["B"], "save what I just saw", () => recorder.keepBefore()],
    [["G"], "what was saved", () => gallery.open()],
    [["A"], "adjust", () => $("adjust-open").hidden || $("adjust-open").click()],
    [["T"], "patient session", () => patient.open()],
    [["U"], "about the unit", () => toggleSheet("unit")],
    [["F"], "full screen", toggleFull],
    [["?"], "these keys", () => $("help").showModal()],
  ],
);
handle(viewer);
wirePanels();
$("adjust-open").addEventListener("click", () => $("adjust").open && controls.look(unit.offers));
offerToStay(comeBack);
$("views").addEventListener("change", (event) => choose(event.target.value));
$("save").addEventListener("click", save);
$("full").addEventListener("click", toggleFull);
$("leave").addEventListener("click", logOut);
$("as-video").checked = transport.asVideo;
$("as-video").addEventListener("change", ({ target }) => (transport.asVideo = target.checked));
$("whole").addEventListener("click", () => viewer.reset());
for (const id of ["about-profiles", "about-running"]) $(id).addEventListener("click", () => showCards(unit, unit.state?.profile));
$("about-held").addEventListener("click", () => showCards(unit, freezing.shown ?? unit.state?.profile));
$("help-open").addEventListener("click", () => $("help").showModal());
document.addEventListener("fullscreenchange", () => {
  $("full").setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)));
});
document.addEventListener("click", (event) => {
  // a hand came here, and keys go to the picture again; who came by keys stays
  if (event.detail > 0) event.target.closest?.(".bar button, .bar input, .zoom button")?.blur();
});

function stir() {
  document.body.classList.remove("idle");
  clearTimeout(stir.timer);
  stir.timer = setTimeout(() => document.body.classList.add("idle"), IDLE_MS);
}
for (const event of ["pointermove", "pointerdown", "keydown"]) document.addEventListener(event, stir);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    transport.close();
    unit.deafen();
  } else {
    looked();
    unit.hear();
  }
  watchdog.look();
});
looked();
unit.start();
