// Where pictures lie in a window: one or two panes, each with the same part of its picture. All in device pixels.

export const ASPECT = 16 / 9;
export const MOST_ZOOM = 8;
const GAP_PX = 4;
const CLEARLY = 1.25;

/** The part that is looked at: `zoom` from 1 (all of it) to 8, and the point of the picture in the pane's middle. */
export const WHOLE = { zoom: 1, x: 0.5, y: 0.5 };

const fit = (width, height) => Math.min(width, height * ASPECT);

/** One pane, or two: side by side, or one above the other where that shows clearly more. */
export function panesOf(width, height, areTwo) {
  if (!areTwo) return [{ x: 0, y: 0, width, height }];
  const half = { width: (width - GAP_PX) >> 1, height: (height - GAP_PX) >> 1 };
  if (fit(half.width, height) * CLEARLY >= fit(width, half.height)) {
    return [0, width - half.width].map((x) => ({ x, y: 0, width: half.width, height }));
  }
  return [0, height - half.height].map((y) => ({ x: 0, y, width, height: half.height }));
}

/** Width of the whole picture as it lies in a pane, seen or not. */
export const pictureWidth = (pane, zoom) => fit(pane.width, pane.height) * zoom;

/** The nearest part to the one wished for that leaves no gap where the picture could fill it. */
export function held(pane, { zoom, x, y }) {
  const factor = Math.min(MOST_ZOOM, Math.max(1, zoom));
  const width = pictureWidth(pane, factor);
  const within = (share, room, length) => {
    const margin = room / 2 / length;
    return margin >= 0.5 ? 0.5 : Math.min(1 - margin, Math.max(margin, share));
  };
  return { zoom: factor, x: within(x, pane.width, width), y: within(y, pane.height, width / ASPECT) };
}

/** Where the picture lies (`all`, it may reach beyond the pane) and what of it is seen (`seen`). */
export function placed(pane, part) {
  const width = Math.round(pictureWidth(pane, part.zoom));
  const height = Math.round(width / ASPECT);
  const all = {
    x: Math.round(pane.x + pane.width / 2 - part.x * width),
    y: Math.round(pane.y + pane.height / 2 - part.y * height),
    width,
    height,
  };
  const left = Math.max(all.x, pane.x);
  const top = Math.max(all.y, pane.y);
  const right = Math.min(all.x + width, pane.x + pane.width);
  const bottom = Math.min(all.y + height, pane.y + pane.height);
  return { all, seen: { x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) } };
}

export function around(boxes) {
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x, y, width: right - x, height: bottom - y };
}

/** The part after zooming by a factor, with what lies beneath a point staying there. */
export function zoomedAt(pane, part, factor, point) {
  const zoom = Math.min(MOST_ZOOM, Math.max(1, part.zoom * factor));
  const before = pictureWidth(pane, part.zoom);
  const after = pictureWidth(pane, zoom);
  const shift = (share, offset, scale) => share + offset * scale * (1 / before - 1 / after);
  const x = shift(part.x, point.x - pane.x - pane.width / 2, 1);
  const y = shift(part.y, point.y - pane.y - pane.height / 2, ASPECT);
  return held(pane, { zoom, x, y });
}

/** The part after the picture was drawn along by so many pixels. */
export function pannedBy(pane, part, dx, dy) {
  const width = pictureWidth(pane, part.zoom);
  return held(pane, { ...part, x: part.x - dx / width, y: part.y - (dy / width) * ASPECT });
}
