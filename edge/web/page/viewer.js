// A picture and its other half, looked at in one of four ways, as near as one likes. The live picture is one such
// viewer, and the gallery has another.

import { around, held, MOST_ZOOM, panesOf, pannedBy, pictureWidth, placed, WHOLE, zoomedAt } from "./layout.js";

const MOST_WIDTH_PX = 1920;
const ZOOM_STEP = 1.25;
const LEAST_MAP_PX = 200;

export class Viewer {
  view = "enhanced";
  holding = false;
  at = 0.5;
  part = WHOLE;
  pictures = { enhanced: null, raw: null }; // bitmaps of one moment
  instead = {}; // what is drawn in their place: without loss, of another profile
  #stage;
  #frame;
  #canvas;
  #context;
  #divider;
  #map;
  #room = { width: 0, height: 0 };
  #dpr = 1;
  #onLook;

  /**
   * @param stage element that the picture may fill; it holds a `.frame` with a canvas and a `.divider`, and may hold a
   *   `.map`.
   * @param onLook called when the view, the part or the room has changed.
   */
  constructor(stage, onLook = () => {}) {
    this.#stage = stage;
    this.#frame = stage.querySelector(".frame");
    this.#canvas = this.#frame.querySelector("canvas");
    this.#context = this.#canvas.getContext("2d", { alpha: false });
    this.#divider = this.#frame.querySelector(".divider");
    this.#map = stage.querySelector(".map");
    this.#onLook = onLook;
    this.#measure();
    new ResizeObserver(() => {
      this.#measure();
      this.look();
    }).observe(stage);
    this.#divider.addEventListener("keydown", (event) => this.#divide(event));
  }

  get canvas() {
    return this.#canvas;
  }

  get stage() {
    return this.#stage;
  }

  get frame() {
    return this.#frame;
  }

  get isZoomed() {
    return this.part.zoom > 1;
  }

  /** How many pixels of a picture can be seen across: all of them where one looks closely. */
  get widthWanted() {
    return this.isZoomed ? MOST_WIDTH_PX : Math.min(MOST_WIDTH_PX, Math.max(1, Math.round(pictureWidth(this.#panes()[0], 1))));
  }

  /** Which pictures the view needs: `enhanced`, `raw` or `pair`. */
  get wanted() {
    if (this.view === "split" || this.view === "side") return "pair";
    return this.holding ? "raw" : this.view;
  }

  choose(view) {
    this.view = view;
    this.look();
  }

  hold(on) {
    if (this.holding === on) return;
    this.holding = on;
    this.look();
  }

  /** Show other pictures; those before are let go. */
  show(pictures) {
    const { enhanced, raw } = this.pictures;
    this.pictures = pictures;
    for (const before of [enhanced, raw]) if (before !== pictures.enhanced && before !== pictures.raw) before?.close();
    this.draw();
  }

  divide(share) {
    this.at = Math.min(1, Math.max(0, share));
    this.#divider.style.left = `${this.at * 100}%`;
    this.#divider.setAttribute("aria-valuenow", Math.round(this.at * 100));
    this.#divider.setAttribute("aria-valuetext", `${Math.round(this.at * 100)} percent raw`);
    this.draw();
  }

  // ---- looking closer; points are those of pointer events

  zoom(factor, point) {
    const { pane, spot } = this.#under(point);
    this.part = zoomedAt(pane, this.part, factor, spot);
    this.look();
  }

  pan(dx, dy) {
    this.part = pannedBy(this.#panes()[0], this.part, dx * this.#dpr, dy * this.#dpr);
    this.look();
  }

  /** A step by key: `in`, `out`, or a direction by a tenth of what is seen. */
  step(where) {
    const { width, height } = this.#panes()[0];
    const [across, down] = [width / this.#dpr / 10, height / this.#dpr / 10];
    const steps = {
      in: () => this.zoom(ZOOM_STEP), out: () => this.zoom(1 / ZOOM_STEP), most: () => this.zoom(MOST_ZOOM),
      left: () => this.pan(across, 0), right: () => this.pan(-across, 0), up: () => this.pan(0, down), down: () => this.pan(0, -down),
    };
    steps[where]();
  }

  reset() {
    this.part = WHOLE;
    this.look();
  }

  /** Lay everything out anew, and draw. */
  look() {
    if (this.#room.width > 0) this.part = held(this.#panes()[0], this.part);
    this.#divider.hidden = this.view !== "split" || this.holding;
    this.#stage.classList.toggle("zoomed", this.isZoomed);
    this.draw();
    this.#onLook();
  }

  draw() {
    if (this.#room.width === 0) return;
    const pictures = this.#shown();
    const spots = this.#panes().map((pane) => placed(pane, this.part));
    const box = around(spots.map(({ seen }) => seen));
    this.#fitTo(box);
    const paint = (picture, { all, seen }, width = seen.width) => this.#paint(picture, all, { ...seen, width }, box);
    if (spots.length === 2) {
      this.#context.fillStyle = "#07090c";
      this.#context.fillRect(0, 0, box.width, box.height);
      paint(pictures.left, spots[0]);
      paint(pictures.right, spots[1]);
    } else {
      paint(pictures.right, spots[0]);
      const cut = Math.round(this.at * box.width);
      if (this.view === "split" && !this.holding && pictures.left !== pictures.right && cut > 0) paint(pictures.left, spots[0], cut);
    }
    if (this.isZoomed && this.#map) this.#drawMap(pictures.right, spots.at(-1));
  }

  /** Share of the frame's width at which a pointer is. */
  shareOf(event) {
    const box = this.#frame.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  }

  #shown() {
    const { enhanced: main, raw: plain } = this.pictures;
    const raw = this.instead.raw ?? plain ?? main;
    const enhanced = this.instead.enhanced ?? main ?? plain;
    const left = this.instead.left ?? raw;
    if (this.holding || this.view === "raw") return { left: raw, right: raw };
    return { left, right: enhanced };
  }

  #panes() {
    return panesOf(this.#room.width, this.#room.height, this.view === "side");
  }

  #measure() {
    const box = this.#stage.getBoundingClientRect();
    this.#dpr = window.devicePixelRatio || 1;
    this.#room = { width: Math.round(box.width * this.#dpr), height: Math.round(box.height * this.#dpr) };
  }

  #under(point) {
    const panes = this.#panes();
    if (!point) return { pane: panes[0], spot: { x: panes[0].x + panes[0].width / 2, y: panes[0].y + panes[0].height / 2 } };
    const box = this.#stage.getBoundingClientRect();
    const spot = { x: (point.clientX - box.left) * this.#dpr, y: (point.clientY - box.top) * this.#dpr };
    const beyond = panes[1] && (spot.x >= panes[1].x && spot.y >= panes[1].y);
    return { pane: beyond ? panes[1] : panes[0], spot };
  }

  #fitTo(box) {
    if (this.#canvas.width !== box.width || this.#canvas.height !== box.height) {
      this.#canvas.width = box.width;
      this.#canvas.height = box.height;
    }
    const css = { left: box.x, top: box.y, width: box.width, height: box.height };
    for (const [side, length] of Object.entries(css)) this.#frame.style[side] = `${length / this.#dpr}px`;
  }

  /** Pixel by pixel where one looks closely; smooth where the picture is made smaller, or just fitted. */
  #paint(picture, all, seen, box) {
    if (!picture || seen.width <= 0 || seen.height <= 0) return;
    const scale = all.width / picture.width;
    const isWhole = picture.width >= MOST_WIDTH_PX && Number.isInteger(scale);
    this.#context.imageSmoothingEnabled = scale < 1 || !(this.isZoomed || isWhole);
    const source = [(seen.x - all.x) / scale, (seen.y - all.y) / scale, seen.width / scale, seen.height / scale];
    this.#context.drawImage(picture, ...source, seen.x - box.x, seen.y - box.y, seen.width, seen.height);
  }

  #drawMap(picture, { all, seen }) {
    if (!picture) return;
    const map = this.#map;
    const width = Math.round((map.clientWidth || LEAST_MAP_PX) * this.#dpr);
    [map.width, map.height] = [width, Math.round((width * 9) / 16)];
    const context = map.getContext("2d");
    const scale = width / all.width;
    context.drawImage(picture, 0, 0, map.width, map.height);
    context.lineWidth = 2 * this.#dpr;
    context.strokeStyle = "#fff";
    context.strokeRect((seen.x - all.x) * scale, (seen.y - all.y) * scale, seen.width * scale, seen.height * scale);
  }

  #divide(event) {
    const step = event.shiftKey ? 0.1 : 0.02;
    const targets = {
      ArrowLeft: this.at - step, ArrowDown: this.at - step, ArrowRight: this.at + step, ArrowUp: this.at + step,
      PageDown: this.at - 0.1, PageUp: this.at + 0.1, Home: 0, End: 1,
    };
    if (!(event.key in targets)) return;
    event.preventDefault();
    event.stopPropagation();
    this.divide(targets[event.key]);
  }
}
