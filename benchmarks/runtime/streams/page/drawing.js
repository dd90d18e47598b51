// Shows one transport on a canvas of its own, and notes how old each picture is when its pixels can be read.

const canvas = document.createElement("canvas");
const pencil = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
document.body.replaceChildren(canvas);
document.body.style = "margin: 0; background: #101318; overflow: hidden";
canvas.style = "width: 100vw; height: 100vh; object-fit: contain";

/** Draw a picture (ImageBitmap or video) and note its age. */
function show(picture, width, height, isLive = true) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  pencil.drawImage(picture, 0, 0, width, height);
  if (isLive) window.samples.push([nowMs(), ageOn(canvas)]);
  else window.notLive += 1;
}

async function showJpegs(content, cut, isLive) {
  const jpegs = cut ? [content.subarray(0, cut), content.subarray(cut)] : [content];
  const pictures = await Promise.all(jpegs.map((jpeg) => createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }))));
  show(pictures[0], pictures[0].width, pictures[0].height, isLive);
  for (const picture of pictures) picture.close();
}

/** Each is started once; one more transport is one more function here and one more line in transports.py. */
const TRANSPORTS = {
  websocket: (wish) => overWebSocket(wish, false),
  "websocket, asked ahead": (wish) => overWebSocket(wish, true),

  async mjpeg({ view, width }) {
    const answer = await fetch(`stream.mjpg?view=${view}&width=${width}`, { cache: "no-store" });
    const reader = answer.body.getReader();
    let held = new Uint8Array(0);
    let newest = null;
    let isDrawing = false;
    const draw = async () => {
      isDrawing = true;
      while (newest) {
        const { body, cut, isLive } = newest;
        newest = null;
        await showJpegs(body, cut, isLive);
      }
      isDrawing = false;
    };
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return console.error("the stream ended");
      const joined = new Uint8Array(held.length + value.length);
      joined.set(held);
      joined.set(value, held.length);
      held = joined;
      for (let part = cutPart(held); part; part = cutPart(held)) {
        held = part.rest;
        newest = part;
      }
      if (newest && !isDrawing) draw();
    }
  },
};

/**
 * Asks for the next picture when it has drawn the last; or, ahead, so much earlier that it comes when that is drawn:
 * what takes time on the way and what takes time here then go on together, and still only one picture is on its way.
 */
function overWebSocket({ view, width }, isAhead) {
  const socket = new WebSocket(new URL("stream.ws", location.href.replace(/^http/, "ws")));
  let askedMs = 0;
  let waitMs = 0; // from asking to having it
  let drawMs = 0; // from having it to having drawn it
  let drawing = Promise.resolve();
  const ask = (seq) => {
    askedMs = performance.now();
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ next: seq }));
  };
  const draw = async (data, header, size) => {
    const beginMs = performance.now();
    await showJpegs(new Uint8Array(data, 4 + size), header.enhanced_bytes, header.state === "live");
    drawMs += (performance.now() - beginMs - drawMs) / 8;
    if (!isAhead) ask(header.seq);
  };
  socket.binaryType = "arraybuffer";
  socket.onopen = () => socket.send(JSON.stringify({ want: view, width }));
  socket.onclose = ({ code, reason }) => console.error(`closed: ${code} ${reason}`);
  socket.onmessage = ({ data }) => {
    if (askedMs) waitMs += (performance.now() - askedMs - waitMs) / 8;
    const size = new DataView(data).getUint32(0);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, size)));
    drawing = drawing.then(() => {
      const earlyMs = drawMs - waitMs;
      if (isAhead && earlyMs < 2) ask(header.seq);
      else if (isAhead) setTimeout(ask, earlyMs, header.seq);
      return draw(data, header, size);
    });
  };
}

/** The first whole part of a multipart stream, and what follows it. */
function cutPart(bytes) {
  let at = bytes.findIndex((byte, i) => byte === 13 && bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10);
  if (at < 0) return null;
  const head = new TextDecoder().decode(bytes.subarray(0, at)).toLowerCase();
  const number = (name) => Number(head.match(new RegExp(`${name}: (\\d+)`))?.[1] ?? 0);
  at += 4;
  const end = at + number("content-length");
  if (bytes.length < end) return null;
  const isLive = head.includes("x-state: live");
  return { body: bytes.slice(at, end), cut: number("x-enhanced-bytes"), isLive, rest: bytes.subarray(end) };
}
