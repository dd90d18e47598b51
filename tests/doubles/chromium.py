"""Chromium as a player: how far a clip on the disk can be seen in it."""

from __future__ import annotations

import shutil
from pathlib import Path

CHROMIUM = shutil.which("chromium")
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


def played_s(clips: list[Path]) -> list[float]:
    """Up to which second each clip of one folder can be shown; raises where one cannot be decoded."""
    from playwright.sync_api import sync_playwright

    page_file = clips[0].with_name("player.html")
    page_file.write_text("<!doctype html><title>player</title><body>")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            page = browser.new_page()
            page.goto(page_file.as_uri())
            return [float(page.evaluate(_PLAYS, clip.name)) for clip in clips]
        finally:
            browser.close()
            page_file.unlink()
