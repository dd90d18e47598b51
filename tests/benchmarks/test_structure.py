"""The figures of a made-up checkout whose floors and circles are known."""

import pytest

from benchmarks.structure import HEAD, circles_of, imports_of, main, modules_of, num_floors, packages_of, row_of

FILES = {
    "house/__init__.py": '"""A house."""\n',
    "house/roof.py": "import house.hall\nfrom house import attic\n",
    "house/attic.py": "def climb():\n    from house.hall import door\n    return door\n",
    "house/hall/__init__.py": "",
    "house/hall/door.py": "from . import lock\nfrom ..cellar.wine import pour\n",
    "house/hall/lock.py": "class Lock:\n    def turn(self):\n        import house.hall.door\n        return house\n",
    "house/cellar/__init__.py": "",
    "house/cellar/wine.py": "import os\nfrom house.kitchen import cook\n\n\ndef pour():\n    return cook\n",
    "house/kitchen.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.cellar.wine import pour\n",
    "house/shed.py": 'NAMES = ["house.roof"]\n',
    "empty/__init__.py": "",
    "build/__init__.py": "",
    "build/made.py": "",
    "scripts/run.py": "",
    "tests/test_house.py": "from house import roof\n",
}


@pytest.fixture
def repo(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_packages_are_those_at_the_top_that_somebody_wrote(repo):
    assert packages_of(repo) == ["house", "tests"]


def test_every_import_is_found_wherever_it_stands(repo):
    modules = modules_of(repo, "house")
    known = {module.name for module in modules}
    found = {module.name: imports_of(module, known) for module in modules if not module.is_init}
    assert found == {
        "house.roof": {"house.hall", "house.attic"},
        "house.attic": {"house.hall.door"},
        "house.hall.door": {"house.hall.lock", "house.cellar.wine"},
        "house.hall.lock": {"house.hall.door"},
        "house.cellar.wine": {"house.kitchen"},
        "house.kitchen": {"house.cellar.wine"},
        "house.shed": set(),
    }


def test_a_row_counts_what_was_built(repo):
    row = dict(zip(HEAD, row_of("house", modules_of(repo, "house")), strict=True))
    assert row == {
        "package": "house",
        "modules": 7,
        "most in a folder": "4, house/",
        "units": 6,
        # roof -> hall, roof -> attic, attic -> hall, hall -> cellar, cellar -> kitchen, kitchen -> cellar
        "arrows": 6,
        # roof, attic, hall, and cellar with kitchen
        "floors": 4,
        "circles": "cellar and kitchen; hall.door and hall.lock",
        "longest file": "6, house/cellar/wine.py",
        "longest function": "3, climb",
    }


@pytest.mark.parametrize(
    ("arrows", "floors", "circles"),
    [
        pytest.param({}, 0, [], id="nothing"),
        pytest.param({"a": set()}, 1, [], id="one"),
        pytest.param({"a": {"b"}, "b": {"c"}, "c": set(), "d": {"c"}}, 3, [], id="a way of three"),
        pytest.param({"a": {"b"}, "b": {"c"}, "c": {"a"}}, 1, [["a", "b", "c"]], id="a circle is one floor"),
        pytest.param(
            {"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"c"}}, 2, [["a", "b"], ["c", "d"]], id="two circles"
        ),
    ],
)
def test_floors_and_circles(arrows, floors, circles):
    assert num_floors(arrows) == floors
    assert circles_of(arrows) == circles


def test_a_method_goes_by_its_class(repo):
    (lock,) = (module for module in modules_of(repo, "house") if module.name == "house.hall.lock")
    assert lock.longest == (3, "Lock.turn")


def test_the_command_prints_the_table_of_another_checkout(repo, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["structure", "--repo", str(repo)])
    main()
    head, _, house, tests = capsys.readouterr().out.splitlines()
    assert head == "| " + " | ".join(HEAD) + " |"
    assert house.startswith("| house | 7 | 4, house/ | 6 | 6 | 4 |") and tests.startswith("| tests | 1 |")


def test_a_folder_without_a_package_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["structure", "--repo", str(tmp_path)])
    with pytest.raises(SystemExit):
        main()
    assert f"--repo {tmp_path}: no package in it" in capsys.readouterr().err
