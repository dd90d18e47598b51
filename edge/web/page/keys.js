// The keyboard: one table, from which the page acts and explains itself.

import { $, make } from "./dom.js";
import { closeSheets, hasModal } from "./panels.js";

const TOUCH = [
  ["Hold the picture", "raw, while you hold"],
  ["Drag the line", "move the divider of Split"],
  ["Two fingers, wheel", "closer and away, up to 8 times"],
  ["Drag, when closer", "move about"],
  ["Tap twice", "the whole picture again"],
];
const TYPES_TEXT = 'input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]';
const SPACE_IS_ITS_OWN = "button, a, select, video, input[type=checkbox], #record-views input, #profiles input, [role=option], [role=listbox]";
const ARROWS_ARE_ITS_OWN = "input, select, video, [role=listbox], [role=slider], dialog .scroll, #keys, #cards";

/**
 * @param viewer gives the one that keys are for now: the live picture, or the gallery's.
 * @param rows [keys, what it does, function]; a function is absent where another row's keys do it.
 */
export function listen(viewer, rows) {
  const actions = new Map(rows.flatMap(([keys, , act]) => keys.map((key) => [key.toLowerCase(), act])));
  document.addEventListener("keydown", (event) => {
    const on = elementOf(event);
    if (event.ctrlKey || event.metaKey || event.altKey || on.matches(TYPES_TEXT)) return;
    if (event.key === "Escape" && !hasModal()) closeSheets();
    const looking = viewer();
    if (looking && look(looking, event)) return;
    if (hasModal() || event.repeat) return;
    const act = actions.get(event.key.toLowerCase());
    if (act) {
      event.preventDefault();
      act();
    }
  });
  document.addEventListener("keyup", (event) => event.key === " " && viewer()?.hold(false));
  explain(rows);
}

const elementOf = (event) => (event.target instanceof Element ? event.target : document.body);

/** Hold, zoom and pan: the same in every viewer. @returns whether the key was one of these. */
function look(viewer, event) {
  const on = elementOf(event);
  const moves = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
  if (event.key === " " && !on.closest(SPACE_IS_ITS_OWN)) viewer.hold(true);
  else if (event.key in moves && viewer.isZoomed && !on.closest(ARROWS_ARE_ITS_OWN)) viewer.step(moves[event.key]);
  else if (event.key === "+" || event.key === "=") viewer.step("in");
  else if (event.key === "-") viewer.step("out");
  else if (event.key === "8") viewer.step("most");
  else if (event.key === "0") viewer.reset();
  else return false;
  event.preventDefault();
  return true;
}

const NUM_VIEWS = 4;
const NAMES = { " ": "Space" };
const LOOKS = [
  [["Space"], "raw, while you hold"],
  [["+", "-"], "closer, away"],
  [["8"], "as close as can be"],
  [["←", "↑", "→", "↓"], "move about; the divider, when it has the focus"],
  [["0"], "the whole picture again"],
  [["Esc"], "close what is open"],
];

function explain(rows) {
  const line = (keys, what) => make("tr", {}, make("td", {}, ...keys.map((key) => make("kbd", {}, NAMES[key] ?? key))), make("td", {}, what));
  const table = (caption, lines) => make("table", {}, make("caption", {}, caption), make("tbody", {}, ...lines));
  const [views, deeds] = [rows.slice(0, NUM_VIEWS), rows.slice(NUM_VIEWS)];
  $("keys").replaceChildren(
    table("To do something", deeds.map(([keys, what]) => line(keys, what))),
    make("div", {},
      table("To look", [...views, ...LOOKS].map(([keys, what]) => line(keys, what))),
      table("Touch and mouse", TOUCH.map(([how, what]) => make("tr", {}, make("td", {}, how), make("td", {}, what))))),
  );
}
