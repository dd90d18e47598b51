// What is to be known of a profile before one trusts its pictures: the cards of those that are offered.

import { $, askJson, make } from "./dom.js";

const INVENTS = "draws detail that the camera did not see";
const FACTS = [
  ["For", (card) => card.purpose],
  ["Detail", (card) => card.draws],
  ["Use", (card) => card.use],
  ["Never shown", (card) => card.never_shown.join(", ")],
  ["Trained on", (card) => card.data],
  ["Training", (card) => card.training.join("; ")],
  ["Networks", (card) => card.networks.join("; ")],
  ["Licence", (card) => card.licence],
  ["Golden frame", (card) => card.golden],
  ["Version", (card) => `${card.version} of ${card.made_at.slice(0, 10)}`],
  ["SHA-256", (card) => card.sha256.slice(0, 16)],
];

/** What must be said of a profile wherever it can be chosen. @returns elements, none for one that draws nothing. */
export function warnings({ advice, synthesises }) {
  const words = [advice, synthesises ? INVENTS : ""].filter(Boolean);
  return words.map((one) => make("small", { className: "made" }, one));
}

export async function showCards(unit, name = "") {
  const cards = await Promise.all(unit.profiles.map(async (profile) => section(profile, await cardOf(profile.name), profile.name === unit.state?.profile)));
  $("cards").replaceChildren(...cards);
  if (!$("about").open) $("about").showModal();
  cards.find((card) => card.dataset.profile === name)?.scrollIntoView({ block: "start" });
}

async function cardOf(name) {
  try {
    return await askJson(`api/profiles/${encodeURIComponent(name)}/card`);
  } catch (error) {
    return error;
  }
}

function section(profile, card, isRunning) {
  const head = make("h3", {}, profile.name, isRunning ? make("small", {}, " runs now") : "");
  const parts = [head, make("p", {}, profile.title), ...warnings(profile).map((one) => make("p", {}, one))];
  if (card instanceof Error) parts.push(make("p", {}, `No card: ${card.message}`));
  else parts.push(facts(card), ...(card.figures.length ? [figures(card.figures)] : []));
  return make("section", { data: { profile: profile.name } }, ...parts);
}

function facts(card) {
  const told = FACTS.map(([name, of]) => [name, of(card)]).filter(([, text]) => text);
  return make("dl", {}, ...told.map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text))));
}

function figures(all) {
  const rows = all.map(({ name, value, low, high, unit }) => {
    const interval = low === null || high === null ? "" : ` (${digits(low)} to ${digits(high)})`;
    return make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, `${digits(value)}${interval} ${unit}`.trim()));
  });
  return make("table", {}, make("caption", {}, "Judged on pictures that it was not trained on"), make("tbody", {}, ...rows));
}

const digits = (value) => value.toFixed(Math.abs(value) >= 1 ? 2 : 3);
