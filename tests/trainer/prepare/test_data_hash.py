"""The hash of a set of files."""

import pytest

from edge.basics.errors import InputOutputError
from trainer.prepare.data_hash import sha256_of_files


def test_it_is_the_hash_of_sorted_lines(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    names = ["b/z.jpg", "a/a.jpg", "a/c.jpg", "b/a.jpg", "a/f.jpg", "a/e.jpg"]
    paths = [tmp_path / name for name in names]
    for path, name in zip(paths, names, strict=True):
        path.write_text(name)
    # coreutils: for n in b/z.jpg ...; do echo "$n $(printf $n | sha256sum | cut -d' ' -f1)"; done
    #            | LC_ALL=C sort | sha256sum
    expected = "1e5591af39e80b20fa5082490a72bf4953527b5bb307e890bba88d17712fe82e"
    assert sha256_of_files(paths) == expected
    assert sha256_of_files([*reversed(paths), paths[0]]) == expected
    assert sha256_of_files(paths[1:]) != expected
    paths[1].write_text("altered")
    assert sha256_of_files(paths) != expected


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputOutputError, match=r"gone\.jpg") as caught:
        sha256_of_files([tmp_path / "gone.jpg"])
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 74
