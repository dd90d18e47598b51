// What turns something on the unit for everybody: profile, strength, ring light, the camera's own controls.

import { warnings } from "./about.js";
import { $, askJson, attempt, make, post, say, toast } from "./dom.js";

const ECHO_MS = 2000;

/** A slider for a value of the unit. It shows what the hand wants while one is on it, else what the unit has. */
export class Knob {
  #input;
  #output;
  #send;
  #words;
  #what;
  #told = null;
  #sliding = false;
  #asking = false;
  #echo = null; // what was asked last: what the unit tells before it is of what was asked earlier
  #echoUntil = 0;

  /** @param send async, given the number; @param words the number as people read it. */
  constructor({ what, input, output, send, words }) {
    [this.#what, this.#input, this.#output, this.#send, this.#words] = [what, input, output, send, words];
    input.addEventListener("input", () => this.#turn());
    input.addEventListener("pointerdown", () => (this.#sliding = true));
    for (const end of ["pointerup", "pointercancel"]) {
      input.addEventListener(end, () => {
        this.#sliding = false;
        input.blur(); // keys go to the picture again; who came here by keys stays
        this.#rest();
      });
    }
  }

  /** What the unit has now. */
  tell(value) {
    if (value !== this.#echo && performance.now() < this.#echoUntil) return;
    this.#echoUntil = 0;
    this.#told = value;
    if (!this.#asking) this.#rest();
  }

  #rest() {
    if (this.#sliding || this.#asking || !Number.isFinite(this.#told)) return;
    this.#input.value = this.#told;
    this.#show();
  }

  #show() {
    const words = this.#words(this.#input.valueAsNumber);
    say(this.#output, words);
    this.#input.setAttribute("aria-valuetext", words);
  }

  /** One request at a time, and then the newest value: two on the way at once may arrive in the other order. */
  async #turn() {
    this.#show();
    if (this.#asking) return;
    this.#asking = true;
    await attempt(`${this.#what} not changed`, async () => {
      for (let asked = null; asked !== this.#input.valueAsNumber; ) {
        this.#echo = asked = this.#input.valueAsNumber;
        this.#echoUntil = Infinity;
        await this.#send(asked);
        if (this.#echoUntil) this.#echoUntil = performance.now() + ECHO_MS;
        this.#told = asked;
      }
    });
    if (this.#echoUntil === Infinity) this.#echoUntil = 0; // refused
    this.#asking = false;
    this.#rest();
  }
}

const percent = (value) => `${Math.round(value)}%`;

/** Wires the sheet; `tell(unit)` then keeps it as the unit is. */
export class Controls {
  #strength = new Knob({
    what: "Strength", input: $("strength"), output: $("strength-value"), words: percent,
    send: (value) => post(`api/strength?value=${value / 100}`),
  });
  #light = new Knob({
    what: "Ring light", input: $("light"), output: $("light-value"), words: percent,
    send: (value) => post("api/light", { percent: value }),
  });
  #camera = new Map();
  #profiles = "";
  #choosing = false;

  tell(unit) {
    const { state, strength, offers } = unit;
    if (state === null) return;
    const share = strength ?? state.strength;
    if (Number.isFinite(share)) this.#strength.tell(Math.round(share * 100));
    if (Number.isFinite(state.light_percent)) this.#light.tell(state.light_percent);
    if (offers.has("profile")) this.#showProfiles(state);
  }

  #showProfiles({ profiles, profile }) {
    const live = profiles.filter((one) => one.is_live);
    const known = JSON.stringify(live);
    if (known !== this.#profiles) {
      this.#profiles = known;
      $("profiles").replaceChildren(...live.map((one) => this.#profileChoice(one)));
    }
    if (this.#choosing) return;
    for (const input of $("profiles").querySelectorAll("input")) input.checked = input.value === profile;
  }

  #profileChoice(profile) {
    const { name, title } = profile;
    const input = make("input", { type: "radio", name: "profile", value: name });
    input.addEventListener("change", () => this.#choose(name));
    const words = make("span", {}, make("b", {}, name));
    if (title && title !== name) words.append(make("small", {}, title));
    words.append(...warnings(profile));
    return make("label", {}, input, words);
  }

  async #choose(name) {
    this.#choosing = true;
    await attempt("Profile not changed", async () => {
      await post(`api/profile?name=${encodeURIComponent(name)}`);
      toast(`Profile ${name}`);
    });
    this.#choosing = false;
  }

  /** What is only asked when somebody looks: the camera's controls as they are now, and how bright the light may be. */
  async look(offers) {
    if (offers.has("camera_controls")) this.askCamera();
    if (!offers.has("light")) return;
    try {
      const { percent, limit_percent: limit } = await askJson("api/light");
      if (Number.isFinite(limit)) $("light").max = limit;
      this.#light.tell(percent);
    } catch {
      // the head is gone: the next state says so
    }
  }

  async askCamera() {
    try {
      this.#showCamera(await askJson("api/camera-controls"));
    } catch {
      $("camera").hidden = true; // the camera is gone, or has none: there is nothing to turn
    }
  }

  #showCamera(controls) {
    const names = Object.keys(controls);
    if (names.join() !== [...this.#camera.keys()].join()) {
      this.#camera = new Map();
      $("camera-knobs").replaceChildren(...names.map((name) => this.#cameraKnob(name, controls[name])));
    }
    for (const name of names) {
      this.#camera.get(name).tell(controls[name].now);
      $(`camera-${name}`).disabled = controls[name].active === false; // such as exposure while it is automatic
    }
  }

  #cameraKnob(name, { low, high, step, default: usual, now }) {
    const id = `camera-${name}`;
    const input = make("input", { type: "range", id, min: low, max: high, step: step || 1, value: now });
    const output = make("output", {});
    output.htmlFor = id;
    const isSwitch = low === 0 && high === 1;
    const words = (value) => `${isSwitch ? (value ? "on" : "off") : value}${value === usual ? " (usual)" : ""}`;
    const send = async (value) => this.#showCamera(await post("api/camera-controls", { [name]: value }));
    this.#camera.set(name, new Knob({ what: titled(name), input, output, words, send }));
    return make("label", { className: "knob" }, make("span", {}, titled(name)), output, input);
  }
}

const titled = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
