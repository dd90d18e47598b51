// Reads the time of day that the source stamped into a picture (time_code.py) back from a canvas.

const CELL_PX = 16;
const NUM_CELLS = 48;
const LEFT_PX = 576;
const TOP_PX = 800;

/** [time of day in ms, age in ms or null where it cannot be read] of each picture that was drawn; those not live. */
window.samples = [];
window.notLive = 0;
window.covered = 0;

const nowMs = () => performance.timeOrigin + performance.now();

function crc16(bytes) {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let i = 0; i < 8; i += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

/** Age in ms of the picture that fills a canvas; null where it has no readable time. */
function ageOn(canvas) {
  const scale = canvas.width / 1920;
  const y = Math.round((TOP_PX + CELL_PX / 2) * scale);
  const x = Math.round(LEFT_PX * scale);
  const pencil = canvas.getContext("2d");
  if (!pencil) return null;
  const row = pencil.getImageData(x, y, Math.ceil(NUM_CELLS * CELL_PX * scale), 1).data;
  const greys = Array.from({ length: NUM_CELLS }, (_, i) => row[4 * Math.floor((i + 0.5) * CELL_PX * scale) + 1]);
  const middle = (Math.min(...greys) + Math.max(...greys)) / 2;
  const bytes = [0, 1, 2, 3, 4, 5].map((i) => greys.slice(8 * i, 8 * i + 8).reduce((sum, grey) => 2 * sum + (grey > middle), 0));
  if (crc16(bytes.slice(0, 4)) !== bytes[4] * 256 + bytes[5]) return null;
  const taken = ((bytes[0] * 256 + bytes[1]) * 256 + bytes[2]) * 256 + bytes[3];
  return (Math.floor(nowMs()) - taken) % 2 ** 32;
}
