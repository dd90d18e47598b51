"""What is kept between runs is made anew when what it depends on has changed."""

import os
import shutil

from tests.kept import kept_folder, key_of, sources_of


def test_a_key_is_of_names_and_contents_of_the_sources_and_of_nothing_else(tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("a/one.py", "a/two.c", "b.py"):
        (tmp_path / name).write_text(name)
    sources = ("a", "b.py")
    keys = [key_of(tmp_path, sources)]
    (tmp_path / "a/notes.txt").write_text("of no matter")
    (tmp_path / "c.py").write_text("of no matter")
    assert key_of(tmp_path, sources) == keys[0]
    (tmp_path / "a/one.py").write_text("other")
    keys.append(key_of(tmp_path, sources))
    (tmp_path / "a/two.c").rename(tmp_path / "a/three.c")
    keys.append(key_of(tmp_path, sources))
    (tmp_path / "b.py").write_text("other")
    keys.append(key_of(tmp_path, sources))
    assert len(set(keys)) == 4


def test_sources_of_a_module_are_those_that_it_imports_step_by_step(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    files = {
        "a/__init__.py": "import os",
        "a/one.py": "from a.b import two\nfrom a import absent",
        "a/b/__init__.py": "",
        "a/b/two.py": "def work():\n    import a.three",
        "a/three.py": "from a.one import nothing",
        "a/other.py": "",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    found = sources_of("a.one", root=tmp_path)
    assert found == ("a/__init__.py", "a/b/__init__.py", "a/b/two.py", "a/one.py", "a/three.py")


def test_a_folder_is_there_again_and_those_of_other_sources_are_not(pytestconfig):
    cache, name = pytestconfig.cache, f"test-{os.getpid()}"
    first = kept_folder(cache, name, ("edge/cli.py",))
    (first / "made").touch()
    assert (kept_folder(cache, name, ("edge/cli.py",)) / "made").exists()
    other = kept_folder(cache, name, ("edge/check.py",))
    assert other != first and not first.exists() and list(other.iterdir()) == []
    shutil.rmtree(other.parent)
