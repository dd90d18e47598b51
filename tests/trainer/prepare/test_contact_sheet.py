"""Contact sheets: every picture once on each, in order of score, readable."""

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from trainer.prepare import contact_sheet
from trainer.prepare.contact_sheet import Tile, contact_sheets, draw_sheet, thumbnail
from trainer.prepare.screening import Scores

SHADES = [40, 80, 120, 160, 200, 240]


def tile(number: int, haze: float, focus: float, shade: int = 100, name: str = "a.jpg", domain: str = "unsorted"):
    return Tile(number, name, Scores(haze, focus), domain, thumbnail(np.full((90, 120, 3), shade, np.uint8)))


def shades_of(sheet: np.ndarray) -> list[int]:
    """Grey level in the middle of each tile of the first row."""
    cell = sheet.shape[1] // contact_sheet.COLUMNS
    return [int(sheet[140, column * cell + cell // 2, 0]) for column in range(contact_sheet.COLUMNS)]


def read(path):
    return cv2.imread(str(path))[..., ::-1]


def test_orders(tmp_path):
    haze, focus = [0.3, 0.1, 0.6, 0.2, 0.5, 0.4], [0.1, 0.6, 0.3, 0.5, 0.2, 0.4]
    tiles = [tile(n, h, f, s) for n, (h, f, s) in enumerate(zip(haze, focus, SHADES, strict=True))]
    paths = contact_sheets(tiles, tmp_path / "new" / "sheets")
    assert [path.name for path in paths] == ["haze-001.png", "focus-001.png"]
    by_haze = [SHADES[index] for index in np.argsort(haze)[::-1]]
    by_focus = [SHADES[index] for index in np.argsort(focus)]
    np.testing.assert_allclose(shades_of(read(paths[0])), by_haze, atol=2)
    np.testing.assert_allclose(shades_of(read(paths[1])), by_focus, atol=2)


def test_pages_hold_every_picture_and_old_ones_go(tmp_path):
    tiles = [tile(n, 0.1, 0.5) for n in range(65)]
    names = [path.name for path in contact_sheets(tiles, tmp_path)]
    assert names == [f"{name}-{page:03d}.png" for name in ("haze", "focus") for page in (1, 2, 3)]
    first, last = read(tmp_path / "haze-001.png"), read(tmp_path / "haze-003.png")
    assert (first.shape[0] - last.shape[0]) % 4 == 0 and last.shape[0] < first.shape[0] / 3  # 30 + 30 + 5
    (tmp_path / "haze-notes.txt").write_text("mine")
    contact_sheets(tiles[:30], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["focus-001.png", "haze-001.png", "haze-notes.txt"]


@pytest.mark.parametrize("width, height", [(1920, 1080), (100, 400), (30, 20), (3000, 10)])
def test_thumbnails_fit_and_keep_their_shape(width, height):
    small = cv2.imdecode(np.frombuffer(thumbnail(np.zeros((height, width, 3), np.uint8)), np.uint8), cv2.IMREAD_COLOR)
    across, down = small.shape[1] / contact_sheet.THUMB_WIDTH_PX, small.shape[0] / contact_sheet.THUMB_HEIGHT_PX
    assert max(across, down) == pytest.approx(1, abs=0.01)
    assert small.shape[1] == pytest.approx(max(1, small.shape[0] * width / height), rel=0.3, abs=1)


def test_colours_are_right_on_the_sheet():
    red = np.zeros((186, 248, 3), np.uint8)
    red[..., 0] = 200
    sheet = draw_sheet([Tile(1, "red.png", Scores(0, 1), "hq", thumbnail(red))], "title")
    assert sheet[140, 130, 0] > 180 and sheet[140, 130, 2] < 20


def orange(sheet: np.ndarray) -> int:
    wide = sheet.astype(int)
    return int(((wide[..., 0] - wide[..., 2]) > 100).sum())


@pytest.mark.parametrize("haze, focus, marked", [(0.05, 0.7, 0), (0.3, 0.7, 1), (0.05, 0.3, 1), (0.3, 0.3, 2)])
def test_scores_past_the_cut_are_marked(haze, focus, marked):
    one = orange(draw_sheet([tile(1, 0.3, 0.7)], ""))
    assert one > 20
    assert orange(draw_sheet([tile(1, haze, focus)], "")) == pytest.approx(marked * one, rel=0.3)


def test_text_stays_in_its_tile():
    """A long name is cut in front: where the next tile begins, the ground is untouched."""
    long = tile(12345, 0.3, 0.3, name="hospital/patient_17/recording_2024/" * 3 + "frame_0001.jpg", domain="lq")
    sheet = draw_sheet([long], "")
    cell = sheet.shape[1] // contact_sheet.COLUMNS
    below = sheet[44 + contact_sheet.THUMB_HEIGHT_PX + 10 :]
    assert below[:, :cell].max() > 200
    assert (below[:, cell - 4 :] == below[-1, -1]).all()
    short = draw_sheet([tile(12345, 0.3, 0.3, name="frame_0002.jpg", domain="lq")], "")
    assert (sheet != short).any()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputOutputError, match=r"file/sheets: cannot be written \(.*\); give another folder"):
        contact_sheets([tile(1, 0, 1)], tmp_path / "file" / "sheets")
