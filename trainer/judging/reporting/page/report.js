"use strict";
// Side by side: a divider between two pictures, one part of all of them enlarged, and what differs.
(() => {
  const $ = (id) => document.getElementById(id);
  const told = JSON.parse($("told").textContent);
  const numbers = Object.keys(told);
  if (numbers.length === 0) return;
  const SVG = "http://www.w3.org/2000/svg";
  const LESS = [31, 99, 214], SAME = [128, 128, 128], MORE = [224, 118, 26];
  const look = { number: numbers[0], left: "", right: "", against: "", divider: 50, x: 50, y: 50, zoom: 4, reach: 40 };
  const pixels = new Map(); // id of a picture -> promise of its pixels

  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const draw = (tag, attributes) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const within = (value, low, high) => Math.min(high, Math.max(low, value));
  const now = () => told[look.number];

  // ---- choosing

  function fill(select, names, chosen) {
    select.replaceChildren(...names.map((name) => make("option", { value: name, textContent: name })));
    select.value = names.includes(chosen) ? chosen : names[0];
    return select.value;
  }

  function open(number) {
    look.number = number;
    $("case").value = number;
    const names = Object.keys(now().methods);
    const networks = names.filter((name) => name !== "original" && name !== "hq");
    look.left = fill($("left"), names, look.left || "original");
    look.right = fill($("right"), names, look.right || networks[0] || names.at(-1));
    look.against = fill($("against"), names, look.against || "original");
    const [width, height] = now().size;
    $("whole").setAttribute("viewBox", `0 0 ${width} ${height}`);
    $("stage").style.maxWidth = `calc(66vh * ${width / height})`; // all of it is seen at once
    layTiles(names);
    show();
  }

  function step(by) {
    const place = numbers.indexOf(look.number) + by;
    open(numbers[(place + numbers.length) % numbers.length]);
  }

  // ---- drawing

  function show() {
    const [width, height] = now().size;
    const side = (name) => `#${now().methods[name].id}`;
    $("under").setAttribute("href", side(look.right));
    $("over").setAttribute("href", side(look.left));
    $("clip-box").setAttribute("width", (width * look.divider) / 100);
    $("clip-box").setAttribute("height", height);
    $("divider").style.left = `${look.divider}%`;
    $("divider").setAttribute("aria-valuenow", Math.round(look.divider));
    $("divider").setAttribute("aria-valuetext", `${Math.round(look.divider)}% ${look.left}, the rest ${look.right}`);
    $("left-tag").textContent = look.left;
    $("right-tag").textContent = look.right;
    $("whole-title").textContent = `${now().title}: ${look.left} on the left, ${look.right} on the right`;
    showPart();
  }

  function part() {
    const [width, height] = now().size;
    const [across, down] = [width / look.zoom, height / look.zoom];
    return { x: ((width - across) * look.x) / 100, y: ((height - down) * look.y) / 100, across, down };
  }

  function showPart() {
    const { x, y, across, down } = part();
    const [width, height] = now().size;
    for (const [name, value] of Object.entries({ x, y, width: across, height: down })) $("box").setAttribute(name, value);
    const hold = $("hold");
    Object.assign(hold.style, { left: `${(x / width) * 100}%`, top: `${(y / height) * 100}%`, width: `${(across / width) * 100}%`, height: `${(down / height) * 100}%` });
    hold.setAttribute("aria-valuenow", Math.round(look.x));
    hold.setAttribute("aria-valuetext", `${Math.round(look.x)}% across, ${Math.round(look.y)}% down`);
    for (const svg of $("tiles").querySelectorAll("svg")) svg.setAttribute("viewBox", `${x} ${y} ${across} ${down}`);
    $("zoom-value").textContent = `${look.zoom}×`;
  }

  function layTiles(names) {
    $("tiles").replaceChildren(
      ...names.map((name) => {
        const { id, figures } = now().methods[name];
        const svg = draw("svg", { role: "img", "aria-label": `${name}: the part, enlarged` });
        svg.append(draw("use", { href: `#${id}` }));
        const canvas = make("canvas", { width: now().size[0], height: now().size[1] });
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${name}: differences, not drawn yet`);
        canvas.dataset.method = name;
        return make("li", {}, make("b", { textContent: name }), svg, canvas, make("ul", {}, ...figures.map((one) => make("li", { textContent: one }))));
      }),
    );
    showDifferences();
  }

  // ---- differences

  function pixelsOf(id) {
    if (!pixels.has(id)) pixels.set(id, readPixels($(id)));
    return pixels.get(id);
  }

  async function readPixels(image) {
    const picture = new Image();
    picture.src = image.getAttribute("href");
    await picture.decode();
    const canvas = make("canvas", { width: picture.naturalWidth, height: picture.naturalHeight });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  }

  async function showDifferences() {
    const { number, against, reach } = look;
    $("scale-low").textContent = `−${reach}`;
    $("scale-high").textContent = `+${reach}`;
    const base = await pixelsOf(now().methods[against].id);
    for (const canvas of $("tiles").querySelectorAll("canvas")) {
      const name = canvas.dataset.method;
      const picture = await pixelsOf(told[number].methods[name].id);
      if (number !== look.number || against !== look.against || reach !== look.reach) return; // another one is wanted by now
      const [map, mean] = difference(picture, base, reach);
      [canvas.width, canvas.height] = [map.width, map.height];
      canvas.getContext("2d").putImageData(map, 0, 0);
      canvas.setAttribute("aria-label", `${name} less ${against}: ${mean.toFixed(1)} levels on average`);
      canvas.dataset.mean = mean.toFixed(2);
    }
  }

  /** Luma (Rec. 709) of one less that of the other; pictures of two sizes are compared where both are. */
  function difference(one, other, reach) {
    const width = Math.min(one.width, other.width), height = Math.min(one.height, other.height);
    const map = new ImageData(width, height);
    let sum = 0;
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const a = (y * one.width + x) * 4, b = (y * other.width + x) * 4, at = (y * width + x) * 4;
        const levels = 0.2126 * (one.data[a] - other.data[b]) + 0.7152 * (one.data[a + 1] - other.data[b + 1]) + 0.0722 * (one.data[a + 2] - other.data[b + 2]);
        sum += levels;
        const share = Math.min(1, Math.abs(levels) / reach), end = levels < 0 ? LESS : MORE;
        for (let c = 0; c < 3; c += 1) map.data[at + c] = SAME[c] + (end[c] - SAME[c]) * share;
        map.data[at + 3] = 255;
      }
    }
    return [map, sum / (width * height)];
  }

  // ---- hands and keys

  const divide = (percent) => {
    look.divider = within(percent, 0, 100);
    show();
  };
  const place = (x, y) => {
    [look.x, look.y] = [within(x, 0, 100), within(y, 0, 100)];
    showPart();
  };
  /** Where a pointer is, in percent of the picture. */
  const where = (event) => {
    const room = $("whole").getBoundingClientRect();
    return [((event.clientX - room.left) / room.width) * 100, ((event.clientY - room.top) / room.height) * 100];
  };
  const centre = (event) => {
    const inside = (percent) => (look.zoom === 1 ? 50 : ((percent - 50 / look.zoom) / (100 - 100 / look.zoom)) * 100);
    place(...where(event).map(inside));
  };
  function drag(element, move) {
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.stopPropagation();
      element.setPointerCapture(event.pointerId);
      move(event);
    });
    element.addEventListener("pointermove", (event) => element.hasPointerCapture(event.pointerId) && move(event));
  }
  drag($("divider"), (event) => divide(where(event)[0]));
  drag($("stage"), centre);

  function keys(element, table) {
    element.addEventListener("keydown", (event) => {
      const act = table[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act(event.shiftKey ? 10 : 2);
    });
  }
  keys($("divider"), {
    ArrowLeft: (by) => divide(look.divider - by), ArrowRight: (by) => divide(look.divider + by),
    ArrowDown: (by) => divide(look.divider - by), ArrowUp: (by) => divide(look.divider + by),
    PageDown: () => divide(look.divider - 10), PageUp: () => divide(look.divider + 10), Home: () => divide(0), End: () => divide(100),
  });
  keys($("hold"), {
    ArrowLeft: (by) => place(look.x - by, look.y), ArrowRight: (by) => place(look.x + by, look.y),
    ArrowUp: (by) => place(look.x, look.y - by), ArrowDown: (by) => place(look.x, look.y + by), Home: () => place(0, 0), End: () => place(100, 100),
  });

  $("case").replaceChildren(...numbers.map((number) => make("option", { value: number, textContent: told[number].title })));
  $("case").addEventListener("change", ({ target }) => open(target.value));
  $("before").addEventListener("click", () => step(-1));
  $("after").addEventListener("click", () => step(1));
  for (const side of ["left", "right"]) {
    $(side).addEventListener("change", ({ target }) => {
      look[side] = target.value;
      show();
    });
  }
  $("against").addEventListener("change", ({ target }) => {
    look.against = target.value;
    showDifferences();
  });
  $("reach").addEventListener("change", ({ target }) => {
    look.reach = Number(target.value);
    showDifferences();
  });
  $("zoom").addEventListener("input", ({ target }) => {
    look.zoom = target.valueAsNumber;
    showPart();
  });
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  for (const button of document.querySelectorAll("button[data-case]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      [look.left, look.right] = ["original", button.dataset.method];
      open(button.dataset.case);
      $("side-by-side").scrollIntoView();
      $("divider").focus({ preventScroll: true });
    });
  }
  $("side-by-side").hidden = false;
  open(numbers[0]);
})();
