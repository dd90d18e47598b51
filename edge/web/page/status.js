// How the unit is, in one quiet line; loud only where something is wrong.

import { showAccess } from "./account.js";
import { $, clock, say, size } from "./dom.js";

const WORDS = { live: "Live", frozen: "Frozen", degraded: "Not as usual", raw: "Raw only", stale: "Stale", "no-signal": "No signal", starting: "Starting" };
const EXPIRY_TOLD_S = 120;
const NONE = "–";

/** @param picture the newest, or null. Where the watchdog covers it, nothing says live. */
export function showStatus(unit, picture, transport, watchdog) {
  const { state, health } = unit;
  if (state === null) return showUnknown(transport, watchdog.isCut);
  const held = picture?.state === "frozen";
  const name = held ? "frozen" : state.state === "live" && watchdog.isCovering ? (picture ? "stale" : "starting") : state.state;
  $("state").dataset.state = name;
  say($("state-word"), WORDS[name === "degraded" && state.mode === "raw" ? "raw" : name] ?? name);
  const door = health?.access?.notices ?? []; // told above the picture
  const notices = [state.state === "live" || held ? "" : state.reason, ...(state.notices ?? []).filter((notice) => !door.includes(notice))];
  say($("reason"), notices.filter(Boolean).join("; "));
  const rate = Number.isFinite(state.fps_out) ? `${state.fps_out.toFixed(state.fps_out < 10 ? 1 : 0)}/s` : "";
  const profile = state.profile || "no profile";
  say($("quiet"), [rate, profile, synthesises(state, state.profile) ? "synthesised detail" : ""].filter(Boolean).join(" · "));
  showFigures(state, health, picture, transport);
  showRecording(state.recording);
  showExpiry(state.expires_in_s);
  showAccess(health?.access?.notices?.length ? health.access : { notices: state.insecure ? ["NOT SECURED: everybody on this network can watch"] : [] });
}

/** Whether what a profile shows was made, and not seen. */
export const synthesises = (state, name) => Boolean(state?.profiles?.find((profile) => profile.name === name)?.synthesises);

function showUnknown(transport, silent) {
  $("state").dataset.state = "offline";
  say($("state-word"), transport.isRefused ? "Logged out" : silent ? "No connection" : "State unknown");
  for (const id of ["quiet", "reason"]) say($(id), "");
  for (const id of ["fps", "latency", "profile", "dropped", "viewers", "storage"]) say($(id), NONE);
  showRecording(null);
  showExpiry(null);
}

function showFigures(state, health, picture, transport) {
  say($("fps"), `${state.fps_out.toFixed(1)} /s`);
  say($("latency"), Number.isFinite(state.latency_ms) ? `${Math.round(state.latency_ms)} ms` : NONE);
  say($("profile"), state.profile || "none");
  say($("dropped"), health?.dropped?.toLocaleString("en") ?? NONE);
  say($("viewers"), state.viewers ?? NONE);
  const free = state.storage?.free_bytes;
  say($("storage"), Number.isFinite(free) ? size(free) : NONE);
  const how = { socket: "WebSocket", video: "WebRTC" }[transport.kind] ?? "MJPEG";
  say($("transport"), picture?.width ? `${picture.width}×${picture.height}, ${how}` : how);
  say($("fit"), health?.camera?.picture?.told ?? "");
}

function showRecording(recording) {
  $("recording").hidden = !recording;
  if (recording) say($("recorded"), clock(recording.seconds));
}

function showExpiry(left) {
  const isNear = Number.isFinite(left) && left <= EXPIRY_TOLD_S;
  $("ending").hidden = !isNear;
  if (isNear) say($("ending-words"), `Login ends in ${left > 60 ? "2 minutes" : "a minute"}`);
}
