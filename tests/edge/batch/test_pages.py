"""Pages, frames and damaged pictures in a batch: a result for each page, and a mark on what was damaged."""

from __future__ import annotations

import numpy as np
import pytest

from edge.pictures.files import read_picture
from edge.pictures.reading.picture_file import DamagedPicture
from tests.doubles.files_bench import Bench
from tests.doubles.icc_profiles import ADOBE_RGB, codes_in, matrix_profile
from tests.doubles.picture_files import png, tiff


def flat(*rgb: int) -> np.ndarray:
    return np.full((54, 96, 3), rgb, np.uint8)


def test_each_page_has_a_result_of_its_own_name(bench: Bench) -> None:
    (bench.originals / "series.tif").write_bytes(tiff([flat(60 * number, 30, 90) for number in range(1, 4)]))
    bench.picture("series-p002.png")  # would take a page's name
    report = bench.run()
    assert report.exit_code == 0 and len(report.done) == 4
    assert [name for name in bench.written() if name.endswith("-raw.png")] == [
        "series-p001-raw.png",
        "series-p002_png-raw.png",
        "series-p002_tif-raw.png",
        "series-p003-raw.png",
    ]
    assert read_picture(bench.output / "series-p003-raw.png")[9, 9].tolist() == [180, 30, 90]
    record = bench.sidecar("series-p003-enhanced.png.json")
    assert record["picture"] == {"format": "TIFF", "bits": 8, "channels": 3, "page": 3, "pages": 3}
    assert report.summary() == "4 enhanced; changed: pages of a file 3"
    assert bench.run(resume=True).done == []


def test_a_page_that_is_damaged_does_not_cost_the_others(bench: Bench) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (54, 96, 3), np.uint8)
    content = bytearray(tiff([flat(1, 2, 3), noise, flat(7, 8, 9)], deflate=True))
    at = content.index(b"\x78\x9c", len(content) - 16_000)
    content[at + 3000] ^= 0xFF
    (bench.originals / "series.tif").write_bytes(content)
    report = bench.run()
    assert len(report.done) == 2 and report.exit_code == 1
    assert "series.tif: page 2 of 3: damaged TIFF" in str(report.failed[0].error)


def test_a_damaged_picture_is_refused_and_told_how_to_be_kept(bench: Bench) -> None:
    path = bench.originals / "torn.png"
    path.write_bytes(png(flat(200, 40, 40))[:-30])
    with pytest.raises(DamagedPicture, match=r"torn\.png: damaged PNG.*--keep-damaged") as caught:
        bench.run(path)
    assert caught.value.exit_code == 1
    assert bench.written() == []


def test_a_damaged_picture_that_is_kept_is_marked(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    (bench.originals / "torn.png").write_bytes(png(np.tile(flat(200, 40, 40), (40, 1, 1)))[:-30])
    bench.picture("sound.png")
    report = bench.run(keep_damaged=True)
    assert report.exit_code == 0 and "damaged, kept 1" in report.summary()
    assert bench.sidecar("torn-enhanced.png.json")["picture"]["damaged"]
    assert "damaged" not in bench.sidecar("sound-enhanced.png.json")["picture"]
    assert "torn.png: damaged, what could be read of it is enhanced" in caplog.text


def test_a_converted_profile_is_told_in_the_sidecar(bench: Bench) -> None:
    stored = codes_in(ADOBE_RGB, flat(200, 40, 40))
    (bench.originals / "wide.png").write_bytes(png(stored, icc=matrix_profile(ADOBE_RGB)))
    assert "colours converted 1" in bench.run().summary()
    assert bench.sidecar("wide-enhanced.png.json")["picture"]["colour"] == "converted to sRGB from Adobe RGB (1998)"
    np.testing.assert_allclose(read_picture(bench.output / "wide-raw.png")[9, 9], (200, 40, 40), atol=4)


def test_a_picture_is_known_by_its_content_where_its_ending_says_nothing(bench: Bench) -> None:
    path = bench.originals / "IMG_0001"
    path.write_bytes(png(flat(1, 2, 3)))
    assert bench.run(path).exit_code == 0
    assert "IMG_0001-enhanced.png" in bench.written()
