"""Chromium for pages, and as a player: how far a clip on the disk can be seen in it."""

from __future__ import annotations

import shutil
from pathlib import Path

CHROMIUM = shutil.which("chromium")
FOR_PAGES = shutil.which("chromium-headless-shell") or CHROMIUM or ""
"""The same engine without a desktop's window around each page: the window costs 1.4 s of processor time, more than the
page. "" where there is none."""
_PLAYS = """
async name => {
  const video = document.createElement("video");
  const heard = kind => new Promise((done, fail) => {
    video.addEventListener(kind, done, { once: true });
    video.addEventListener("error", () => fail(new Error(video.error.message)), { once: true });
  });
  const loaded = heard("loadeddata");
  video.muted = true; video.src = name; document.body.append(video);
  await loaded;
  const seeked = heard("seeked");
  video.currentTime = 1e6;
  await seeked;
  return video.readyState >= 2 ? video.currentTime : 0;
}
"""


_PLAYS_ON = """
async name => {
  const video = document.createElement("video");
  video.muted = true; video.src = name; document.body.append(video);
  video.playbackRate = 4;
  let seen = 0, quiet = 0;
  video.play().catch(() => {});
  while (!video.ended && !video.error && quiet < 30) {
    await new Promise(done => setTimeout(done, 100));
    quiet = video.currentTime > seen ? 0 : quiet + 1;
    seen = Math.max(seen, video.currentTime);
  }
  return Math.max(seen, video.currentTime);
}
"""


def played_s(clips: list[Path], *, from_the_beginning: bool = False) -> list[float]:
    """Up to which second each clip of one folder can be shown.

    Args:
        from_the_beginning: plays it, to its end or to what cannot be decoded; else the end is looked for, which raises
            where it cannot be decoded.
    """
    from playwright.sync_api import sync_playwright

    page_file = clips[0].with_name("player.html")
    page_file.write_text("<!doctype html><title>player</title><body>")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            page = browser.new_page()
            page.goto(page_file.as_uri())
            look = _PLAYS_ON if from_the_beginning else _PLAYS
            return [float(page.evaluate(look, clip.name)) for clip in clips]
        finally:
            browser.close()
            page_file.unlink()
