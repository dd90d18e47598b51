"""`edge-enhance model install`: who must have signed, what is older, and what is a foreign graph's to do."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.basics.errors import ModelError
from edge.basics.whole_files import file_sha256
from edge.config import EngineConfig
from edge.models.bundle_file import write_sum
from edge.models.profile import SHIPPED, load_profile
from edge.models.trust import trusted_profile
from edge.pictures.geometry import FRAME_SHAPE
from export.cli import main as export_main
from export.on_unit.bundle import write_bundle
from export.on_unit.keys import new_key, read_private_key
from tests.doubles.waiting import GUARD_S
from tests.edge.updates.test_command import bundles, hospital_key, set_manifest, unit  # noqa: F401  fixtures
from tests.paths import REPOSITORY

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
SERVICE = 54321


def chosen(unit):  # noqa: F811
    """What a start would choose."""
    return trusted_profile("live", str(unit.models), str(unit.keys))


@pytest.fixture
def made(tmp_path, bundles):  # noqa: F811
    """`made(signed=..., **manifest)`: a bundle of the shipped profile with another manifest."""

    def make(*, signed=True, **manifest):
        folder = tmp_path / f"made{len(list(tmp_path.iterdir()))}" / "live"
        shutil.copytree(SHIPPED / "live", folder)
        set_manifest(folder, **manifest)
        key = hospital_key(bundles["shipped"].parent) if signed else None
        path = folder.parent / "live.bundle"
        write_bundle(load_profile("live", (folder.parent,)), path, (), key)
        return path

    return make


@pytest.mark.slow
def test_what_nobody_signed_is_refused_unless_that_is_said(unit, made):  # noqa: F811
    path = made(signed=False, version="4")
    code, _, err = unit("install", path)
    assert code == 78 and "nobody signed it" in err and "--unsigned" in err and not unit.models.exists()
    code, out, _ = unit("install", path, "--unsigned")
    assert code == 0 and "unsigned, accepted by hand" in out
    assert chosen(unit).manifest["version"] == "4"
    assert "unsigned, accepted by hand" in unit("list")[1]
    (unit.keys / "unsigned").unlink()
    with pytest.raises(ModelError, match="nobody signed it"):
        chosen(unit)


@pytest.mark.slow
def test_unsigned_accepts_those_contents_and_no_others(unit, made):  # noqa: F811
    assert unit("install", made(signed=False, version="4"), "--unsigned")[0] == 0
    code, _, err = unit("install", made(signed=False, version="5"))
    assert code == 78 and "nobody signed it" in err


@pytest.mark.slow
def test_a_record_of_what_was_accepted_that_others_may_write_is_worth_nothing(unit, made):  # noqa: F811
    assert unit("install", made(signed=False, version="4"), "--unsigned")[0] == 0
    (unit.keys / "unsigned").chmod(0o666)
    with pytest.raises(ModelError, match="may be written by others"):
        chosen(unit)


@pytest.mark.slow
def test_who_installed_what_is_in_the_audit_log(unit, made, monkeypatch):  # noqa: F811
    file = unit.folder / "audit" / "audit.jsonl"
    unit.config.write_text(f'{unit.config.read_text()}audit.file = "{file}"\n')
    monkeypatch.setattr("edge.updates.command.who_runs", lambda: "anna (sudo)")
    assert unit("install", made(signed=False, version="0.5"), "--unsigned")[0] == 0
    assert unit("install", made(version="4"))[0] == 0
    assert unit("install", made(version="0.1"), is_held_to_age=True)[0] == 78
    assert unit("rollback")[0] == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    told = [(line["event"], line["model"]) for line in lines]
    assert told[:4] == [
        ("model-accepted-unsigned", "live 0.5"),
        ("model-downgraded", "live 0.5"),
        ("model-installed", "live 0.5"),
        ("model-installed", "live 4"),
    ]
    assert [event for event, _ in told[4:]] == ["model-rolled-back"]
    assert {line["who"] for line in lines} == {"anna (sudo)"}
    assert "version 0.5 against 3" in lines[1]["reason"] and lines[2]["vouched"] == "unsigned, accepted by hand"
    assert lines[3]["vouched"].startswith("signed by hospital.pub") and lines[3]["folder"].startswith("live-")


@pytest.mark.slow
def test_a_key_that_is_taken_away_takes_its_bundles_along(unit, bundles):  # noqa: F811
    assert unit("install", bundles["other"])[0] == 0 and unit("install", bundles["shipped"])[0] == 0
    (unit.keys / "hospital.pub").rename(unit.folder / "hospital.pub")
    with pytest.raises(ModelError, match="signed by key"):
        chosen(unit)
    for argv in (("install", bundles["other"]), ("rollback",)):
        code, _, err = unit(*argv)
        assert code == 78 and "which is not in" in err
    assert "not to be used" in unit("list")[1]
    (unit.folder / "hospital.pub").rename(unit.keys / "hospital.pub")
    assert chosen(unit).name == "live"


@pytest.mark.slow
def test_a_bundle_that_another_key_signs_anew_is_taken_over_the_old_one(unit, bundles, tmp_path):  # noqa: F811
    assert unit("install", bundles["other"])[0] == 0
    private, public, _ = new_key(tmp_path / "second")
    (unit.keys / "hospital.pub").unlink()
    shutil.copy(public, unit.keys)
    profile = load_profile("live", (bundles["other"].parent / "other",))
    write_bundle(profile, tmp_path / "again.bundle", (), read_private_key(private))
    assert unit("install", tmp_path / "again.bundle")[0] == 0
    assert chosen(unit).sha256 == profile.sha256 and len(unit.versions()) == 1


def test_a_signature_of_another_bundle_is_refused(unit, bundles, tmp_path):  # noqa: F811
    """The signature of one in the place of another's: both are members of the same size."""
    whole, other = (bundles[name].read_bytes() for name in ("shipped", "other"))
    at, other_at = (content.index(b'"signature"') for content in (whole, other))
    path = tmp_path / "mixed.bundle"
    path.write_bytes(whole[:at] + other[other_at : other_at + 143] + whole[at + 143 :])
    write_sum(path)
    code, _, err = unit("install", path)
    assert code == 78 and "is not of this bundle" in err and not unit.models.exists()


@pytest.mark.slow
def test_a_version_that_was_changed_is_not_chosen(unit, bundles):  # noqa: F811
    assert unit("install", bundles["other"])[0] == 0
    folder = (unit.models / "live").resolve()
    set_manifest(folder, licence="mine")
    with pytest.raises(ModelError, match="not what was installed"):
        chosen(unit)


def test_what_was_put_there_by_hand_is_not_chosen(unit):  # noqa: F811
    shutil.copytree(SHIPPED / "live", unit.models / "live")
    with pytest.raises(ModelError, match="put there by hand"):
        chosen(unit)
    assert trusted_profile("live", str(unit.models), "").name == "live"
    assert EngineConfig().keys, "signatures are asked for where nobody says otherwise"


@pytest.mark.slow
def test_the_sha256_is_needed_where_nobody_signed(unit, made):  # noqa: F811
    for signed, code in ((True, 0), (False, 78)):
        path = made(signed=signed, version="4")
        path.with_name("live.bundle.sha256").unlink()
        assert unit("install", path, "--unsigned")[0] == code


AGES = [
    ("3", {"version": "2.9"}, "version 2.9 against 3"),
    ("3", {"version": "3", "made_at": "2020-01-01T00:00:00+00:00"}, "made at 2020-01-01T00:00:00+00:00 against"),
    ("3", {"version": "final", "made_at": "then"}, "does not tell which is newer"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("before", "manifest", "message"), AGES, ids=[age[2] for age in AGES])
def test_what_is_older_is_refused_unless_that_is_said(unit, made, before, manifest, message):  # noqa: F811
    assert load_profile("live").manifest["version"] == before
    path = made(**manifest)
    code, _, err = unit("install", path, is_held_to_age=True)
    assert code == 78 and message in err and "--downgrade" in err and not unit.versions()
    assert unit("install", path)[0] == 0
    assert unit("install", path, is_held_to_age=True)[0] == 0, "what is in use is not older than itself"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.0.1", "4", "v10", "3.10"])
def test_what_is_newer_needs_no_word(unit, made, version):  # noqa: F811
    assert unit("install", made(version=version), is_held_to_age=True)[0] == 0


# ---- foreign graphs


def endless():
    """A loop of 2**62 turns."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["still"]), helper.make_node("Identity", ["value"], ["next"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.UINT8, [1, *FRAME_SHAPE]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.UINT8, [1, *FRAME_SHAPE]),
        ],
    )
    nodes = [helper.make_node("Loop", ["turns", "yes", "frame"], ["enhanced"], body=body)]
    return nodes, {"turns": np.int64(2**62), "yes": np.bool_(True)}


def hungry():
    """Half a terabyte of zeros, of a graph of a kilobyte."""
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["zeros"]),
        helper.make_node("ReduceMax", ["zeros"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["nothing"], to=TensorProto.UINT8),
        helper.make_node("Add", ["frame", "nothing"], ["enhanced"]),
    ]
    return nodes, {"size": np.array([1 << 37], np.int64)}


@pytest.fixture
def hostile(tmp_path, bundles):  # noqa: F811
    def make(kind):
        nodes, weights = kind()
        ends = [
            helper.make_tensor_value_info(name, TensorProto.UINT8, [1, *FRAME_SHAPE]) for name in ("frame", "enhanced")
        ]
        values = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
        graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], values)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        folder = tmp_path / kind.__name__ / "live"
        shutil.copytree(SHIPPED / "live", folder)
        for name in ("dehaze.onnx", "model.fp16.onnx"):
            (folder / name).unlink()
        onnx.save(model, str(folder / "model.onnx"))
        manifest = json.loads((folder / "model.json").read_text())
        for key in ("dehaze_sha256", "precisions"):
            manifest.pop(key)
        changed = {"version": "9", "sha256": file_sha256(folder / "model.onnx")}
        (folder / "model.json").write_text(json.dumps({**manifest, **changed}))
        path = folder.parent / "live.bundle"
        key = hospital_key(bundles["shipped"].parent)
        write_bundle(load_profile("live", (folder.parent,)), path, (), key)
        return path

    return make


@pytest.mark.slow
def test_a_graph_that_never_ends_is_ended(unit, hostile):  # noqa: F811
    code, _, err = unit("install", hostile(endless), "--proof-s", "10")
    assert (
        code == 78
        and "not through after 10 s, and was ended; where the unit is slow or busy give it longer, as in --proof-s 600"
        in err
        and unit.versions() == []
    )


@pytest.mark.slow
def test_a_graph_that_takes_all_memory_does_not_get_it(unit, hostile):  # noqa: F811
    code, _, err = unit("install", hostile(hungry), "--proof-s", "60")
    assert code == 78 and unit.versions() == [] and len(err.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_proof_and_leaves_nothing(unit, hostile, number):  # noqa: F811
    command = [sys.executable, "-m", "edge.cli", "model", "install", hostile(endless), "--config", unit.config]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        until_s = time.monotonic() + GUARD_S
        while not (unit.models / "versions").exists() or not unit.versions():
            assert time.monotonic() < until_s and process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(GUARD_S) == 130
    assert unit.versions() == []


# ---- as root, among what the service's user made


@pytest.fixture
def service(unit):  # noqa: F811
    """The unit with a folder of models of its service's user, where that user gets to."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    unit.keys = shutil.copytree(unit.keys, place / "keys")
    unit.models = place / "models"
    unit.models.mkdir()
    os.chown(unit.models, SERVICE, SERVICE)
    unit.listen_on(1)
    yield unit
    shutil.rmtree(place)


@pytest.mark.slow
@as_root
def test_root_installs_as_the_folders_owner(service, bundles):  # noqa: F811
    command, options = [sys.executable, "-m", "edge.cli", "model"], ["--config", service.config]
    done = subprocess.run([*command, "install", bundles["other"], *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.lstat().st_uid for path in service.models.rglob("*")} == {SERVICE}
    listed = subprocess.run([*command, "list", *options], capture_output=True, text=True)
    assert "signed by hospital.pub" in listed.stdout, listed.stderr
    done = subprocess.run([*command, "rollback", *options], capture_output=True, text=True)
    assert done.returncode == 0 and not (service.models / "live").exists(), done.stderr


@pytest.mark.slow
@as_root
def test_root_checks_a_unit_as_its_services_user(service, bundles):  # noqa: F811
    """Its engines are code that this user may write."""
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "--check", "--config", service.config], capture_output=True, text=True
    )
    lines = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    assert lines["model"] == lines["engine"] == lines["camera"] == "ok", done
    assert all(line.endswith("is tried ...") for line in done.stderr.splitlines()), done
    (service.models / "live").mkdir()
    os.mkfifo(service.models / "live" / "model.json")
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "--check", "--config", service.config], capture_output=True, text=True
    )
    assert done.returncode == 1 and "is a named pipe, expected a plain file" in done.stdout


@pytest.mark.slow
@as_root
def test_no_process_of_roots_looks_at_a_foreign_graph(service, hostile):
    command = [sys.executable, "-m", "edge.cli", "model", "install", hostile(endless), "--config", service.config]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        until_s, seen = time.monotonic() + GUARD_S, {}
        while time.monotonic() < until_s and seen.get("NoNewPrivs") != ["1"]:
            for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                with contextlib.suppress(OSError):  # it has just ended
                    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                    seen = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
            time.sleep(0.05)
        assert seen["Uid"] == seen["Gid"] == [str(SERVICE)] * 4 and seen["Groups"] == [str(SERVICE)]
        assert seen["NoNewPrivs"] == ["1"] and set(seen["CapEff"]) == {"0" * 16}
        own = Path(f"/proc/{process.pid}/status").read_text()
        assert f"Uid:\t{SERVICE}\t{SERVICE}\t{SERVICE}\t{SERVICE}" in own
        process.send_signal(signal.SIGINT)
        assert process.wait(GUARD_S) == 130
    assert service.versions() == []


@pytest.mark.slow
@as_root
@pytest.mark.parametrize("name", ["models", "models/versions"])
def test_root_follows_no_link_of_the_services_user(unit, bundles, name):  # noqa: F811
    theirs, goal = unit.folder / "state", unit.folder / "goal"
    (goal / "live-0123456789abcdef").mkdir(parents=True)
    (goal / "live-0123456789abcdef" / "bundle.json").write_bytes(b"{}")
    theirs.mkdir()
    unit.models = theirs / "models"
    unit.listen_on(1)
    link = theirs / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(goal)
    for path in (theirs, theirs / "models", link):
        os.chown(path, SERVICE, SERVICE, follow_symlinks=False)
    command = [sys.executable, "-m", "edge.cli", "model", "install", bundles["other"], "--config", unit.config]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 74 and ("link" in done.stderr), done.stderr
    assert sorted(path.name for path in goal.rglob("*")) == ["bundle.json", "live-0123456789abcdef"]


# ---- making them


def test_the_command_signs_and_says_where_nobody_did(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert export_main(["key", "new", "hospital"]) == 0
    assert export_main(["bundle", "live", "-o", "live.bundle", "--sign", "hospital.key"]) == 0
    assert "nobody signed" not in capsys.readouterr().err
    assert b'"signature"' in (tmp_path / "live.bundle").read_bytes()
    assert export_main(["bundle", "live", "-o", "live.bundle"]) == 0
    assert "nobody signed it" in capsys.readouterr().err
    assert export_main(["bundle", "live", "-o", "x.bundle", "--sign", "hospital.pub"]) == 2
    assert not (tmp_path / "x.bundle").exists()


@pytest.mark.slow
def test_the_recipe_of_the_page_leads_from_a_key_to_a_unit(unit, tmp_path, monkeypatch):  # noqa: F811
    """Every command of "Ship a model to units" in docs/ml-engineer.md, in order."""
    page = (
        (REPOSITORY / "docs" / "ml-engineer.md")
        .read_text()
        .partition("## Ship a model to units")[2]
        .partition("\n## ")[0]
    )
    lines = [re.split(r"\s{3,}", line.strip())[0] for line in page.splitlines() if line.startswith("    ")]
    monkeypatch.chdir(tmp_path)
    shutil.copytree(SHIPPED / "live", tmp_path / "models" / "live")
    shutil.rmtree(unit.keys)
    done = []
    for words in map(shlex.split, lines):
        words = [word for word in words if word != "sudo"]
        done.append(Path(words[0]).name)
        if words[0] == "edge-export":
            assert export_main(words[1:]) == 0
        elif words[0] == "install":
            assert words[-1] == "/etc/edge-enhance/keys/"
            unit.keys.mkdir(mode=0o755)
            subprocess.run([*words[:-1], unit.keys], check=True)
        else:
            unit.models = tmp_path / "unit"
            unit.listen_on(1)
            code, out, err = unit(*words[2:])
            assert code == 0 and "signed by hospital-2026.pub" in out, err
    assert done == ["edge-export", "install", "edge-export", "edge-enhance"]
    assert chosen(unit).name == "live"
