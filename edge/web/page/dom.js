// What every part of the page leans on: elements, requests to the unit, and a word in passing.

const MOST_TRIES = 8; // a second apart, within the ten for which the unit keeps a pair

export const $ = (id) => document.getElementById(id);

/** An element with properties, and children that are elements or text. */
export function make(tag, properties = {}, ...children) {
  const { data = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, data);
  element.append(...children);
  return element;
}

/** Change a text only where it differs, so that a screen reader says it once. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The unit said no; `status` is its number, and the message its line of text. */
export class Refused extends Error {
  constructor(status, text) {
    super(text || `the unit answered ${status}`);
    this.status = status;
  }

  /** An older unit, or one where this is switched off. */
  get isMissing() {
    return this.status === 404 || this.status === 405;
  }
}

/** Ask, and ask again while the unit is busy with others (503). @returns the answer, which is good. */
export async function ask(address, options = {}) {
  for (let tries = 1; ; tries += 1) {
    const answer = await fetch(address, { cache: "no-store", ...options });
    if (answer.ok) return answer;
    if (answer.status !== 503 || tries === MOST_TRIES) throw new Refused(answer.status, (await answer.text()).trim());
    await pause(1000);
  }
}

export const askJson = async (address, options) => (await ask(address, options)).json();

/** Send JSON, or nothing. @returns what came back as JSON; null where nothing did. */
export async function post(address, record, method = "POST") {
  const body = record === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(record) };
  const text = await (await ask(address, { method, ...body })).text();
  return text.startsWith("{") ? JSON.parse(text) : null;
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A word in passing; it goes by itself. */
export function toast(text) {
  const home = document.querySelector("dialog[open] .toast-home") ?? $("stage"); // above an open dialog, not beneath it
  if ($("toast").parentElement !== home) home.append($("toast"));
  $("toast").textContent = text;
  $("toast").classList.add("shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => $("toast").classList.remove("shown"), 4000);
}

/** Do what a button asks for; where the unit refuses, say so. */
export async function attempt(what, work) {
  try {
    return await work();
  } catch (error) {
    toast(`${what}: ${error.message}`);
    return undefined;
  }
}

export function keep(address, name) {
  make("a", { href: address, download: name }).click();
}

export const seconds = (ms) => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;

export function clock(total) {
  const whole = Math.max(0, Math.floor(total));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function size(bytes) {
  const steps = ["B", "kB", "MB", "GB", "TB"];
  const step = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** step).toFixed(step < 2 ? 0 : 1)} ${steps[step]}`;
}
