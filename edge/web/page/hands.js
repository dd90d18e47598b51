// Fingers, mouse and wheel upon a viewer: hold for raw, draw the divider, pinch and pan, tap twice for the whole.

const MOVED_PX = 6;
const HOLD_AFTER_MS = { touch: 110, zoomed: 220 }; // a second finger, or a pan, may come
const TWICE_WITHIN_MS = 320;
const TWICE_WITHIN_PX = 30;
const TAP_MS = 250;

export function handle(viewer) {
  const { stage } = viewer;
  const isOfOthers = (event) => {
    const other = event.target.closest("a, button, select, dialog, input, label, .floating");
    return other !== null && other !== stage && stage.contains(other);
  };
  const down = new Map(); // pointerId -> {clientX, clientY}
  let doing = ""; // "divide", "press", "pan", "pinch"
  let began = { x: 0, y: 0, atMs: 0 };
  let tapped = { x: 0, y: 0, atMs: -Infinity };
  let timer = 0;

  const middle = () => {
    const [one, two] = [...down.values()];
    return { clientX: (one.clientX + two.clientX) / 2, clientY: (one.clientY + two.clientY) / 2 };
  };
  const apart = () => {
    const [one, two] = [...down.values()];
    return Math.max(1, Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY));
  };

  function press(event) {
    began = { x: event.clientX, y: event.clientY, atMs: performance.now() };
    const onDivider = Boolean(event.target.closest(".divider"));
    if (viewer.view === "split" && (onDivider || !viewer.isZoomed)) {
      doing = "divide";
      viewer.divide(viewer.shareOf(event));
      return;
    }
    doing = "press";
    const after = viewer.isZoomed ? HOLD_AFTER_MS.zoomed : event.pointerType === "touch" ? HOLD_AFTER_MS.touch : 0;
    if (after) timer = setTimeout(() => doing === "press" && viewer.hold(true), after);
    else viewer.hold(true);
  }

  function letGo() {
    clearTimeout(timer);
    viewer.hold(false);
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || isOfOthers(event) || down.size === 2) return;
    stage.setPointerCapture(event.pointerId);
    down.set(event.pointerId, event);
    if (down.size === 1) return press(event);
    letGo();
    doing = "pinch";
  });

  stage.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    if (doing === "pinch" && down.size === 2) {
      const [was, wide] = [middle(), apart()];
      down.set(event.pointerId, event);
      const now = middle();
      viewer.pan(now.clientX - was.clientX, now.clientY - was.clientY);
      viewer.zoom(apart() / wide, now);
      return;
    }
    down.set(event.pointerId, event);
    const hasMoved = Math.hypot(event.clientX - began.x, event.clientY - began.y) > MOVED_PX;
    if (doing === "divide") viewer.divide(viewer.shareOf(event));
    else if (doing === "press" && viewer.isZoomed && hasMoved && !viewer.holding) {
      clearTimeout(timer);
      doing = "pan";
      viewer.pan(event.clientX - began.x, event.clientY - began.y);
    } else if (doing === "pan") viewer.pan(event.clientX - before.clientX, event.clientY - before.clientY);
  });

  function up(event) {
    if (!down.delete(event.pointerId)) return;
    const now = performance.now();
    const isTap = doing === "press" && event.type === "pointerup" && now - began.atMs < TAP_MS;
    const isSecond = now - tapped.atMs < TWICE_WITHIN_MS && Math.hypot(event.clientX - tapped.x, event.clientY - tapped.y) < TWICE_WITHIN_PX;
    letGo();
    doing = "";
    if (isTap && isSecond && viewer.isZoomed) viewer.reset();
    tapped = isTap && !isSecond ? { x: event.clientX, y: event.clientY, atMs: now } : { ...tapped, atMs: -Infinity };
  }
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, up);

  stage.addEventListener("wheel", (event) => {
    if (isOfOthers(event)) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    viewer.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), event);
  }, { passive: false });
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  window.addEventListener("blur", letGo);
}
