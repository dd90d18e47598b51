// Watches the unit's own page: each picture that it draws, and whether it covers the last one.

function watch() {
  let seq = "";
  const look = () => {
    const picture = document.getElementById("picture");
    const cover = document.getElementById("cover");
    if (cover && !cover.hidden) window.covered += 1;
    if (picture?.dataset.seq && picture.dataset.seq !== seq) {
      seq = picture.dataset.seq;
      if (picture.dataset.state === "live") window.samples.push([nowMs(), ageOn(picture)]);
      else window.notLive += 1;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
