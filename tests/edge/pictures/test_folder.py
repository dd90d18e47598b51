"""Which files of a folder are pictures."""

from collections import Counter

import pytest

from edge.basics.errors import InputOutputError
from edge.pictures.folder import pictures_below


def test_pictures_of_subfolders_too_and_others_counted(tmp_path):
    for name in ("b/two.PNG", "a/one.jpg", "a/notes.txt", "b/phone.MOV", "README", ".hidden/no.png", "a/.no.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = pictures_below(tmp_path)
    assert found == (["a/one.jpg", "b/two.PNG"], Counter({".txt": 1, ".mov": 1, "no suffix": 1}))


@pytest.mark.parametrize(
    ("name", "message"), [(".", "no picture in it"), ("gone", "no such folder")], ids=["empty", "missing"]
)
def test_a_folder_of_none_is_refused(tmp_path, name, message):
    with pytest.raises(InputOutputError, match=message):
        pictures_below(tmp_path / name)
