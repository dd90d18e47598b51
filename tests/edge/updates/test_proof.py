"""A bundle with an engine, on a unit with a GPU: what proves it, and what an engine of the version before comes to."""

import pytest

from edge.basics.errors import ModelError
from edge.models.bundle import BUNDLE_NAME, read_contents
from edge.updates.command import main
from edge.updates.proof import prove
from export.on_unit import bundle as bundles
from tests.doubles.gpu_unit import gpu, graph, libcuda, of_before, pycuda_part, unit  # noqa: F401  fixtures

pytestmark = pytest.mark.usefixtures("gpu")
CALIBRATION = {"unit": "A-1", "camera_mode": "1920x1080 demo", "made_at": "2026-03-01T00:00:00+00:00"}
"""A profile that is corrected for one unit is not held to the demo throat, of which the double's makes a negative."""


def prove_here(confined, folder, config, say, origin):
    contents = read_contents((folder / BUNDLE_NAME).read_bytes(), origin)
    try:
        for line in prove(folder, contents, config):
            say(line.replace(str(folder), str(origin)))
    except ModelError as error:
        raise ModelError(str(error).replace(str(folder), str(origin))) from error


@pytest.fixture
def install(unit, tmp_path, monkeypatch, capsys):  # noqa: F811
    """Installs the profile with a plan, whatever the bundle's maker would say of that; exit code, lines, error."""
    unit.set_manifest(calibration=CALIBRATION)
    engines, models, bundle = tmp_path / "built", tmp_path / "installed", tmp_path / "live.bundle"
    config = tmp_path / "edge.toml"
    config.write_text(
        f'web.listen = "127.0.0.1:1"\nengine.models = "{models}"\nengine.engines = "{engines}"\nunit.serial = "A-1"\n'
        'engine.keys = ""\n'
    )
    monkeypatch.setattr("edge.updates.command.prove_in", prove_here)  # another process does not see the double

    def run(plan):
        monkeypatch.setattr(bundles, "read_plan", lambda path, rebuild: (b"", {"model_sha256": unit.profile.sha256}))
        bundles.write_bundle(unit.profile, bundle, [plan])
        code = main(["install", str(bundle), "--downgrade", "--config", str(config)])
        told = capsys.readouterr()
        lines = [line for line in told.out.splitlines() if not line.endswith("may take a minute ...")]  # a slow machine
        return code, lines, told.err

    return run


def test_an_engine_in_the_bundle_is_proven_by_the_manifests_golden_frame(unit, install):  # noqa: F811
    code, lines, _ = install(unit.put_plan())
    assert code == 0
    assert lines[0].startswith("live: Host Memory Double, tensorrt 10.3.0, fp16")
    assert lines[0].endswith("golden frame at 99.0 dB")


def test_an_engine_that_computes_something_else_refuses_the_bundle(unit, install):  # noqa: F811
    code, _, error = install(unit.put_plan(graph("faint")))
    assert code == 78
    assert "golden frame comes out at" in error and len(error.splitlines()) == 1


def test_an_engine_of_the_version_before_is_passed_over_with_the_command_that_builds_it(unit, install, tmp_path):  # noqa: F811
    plan = unit.put_plan()
    of_before(plan)
    code, lines, _ = install(plan)
    assert code == 0
    where = f"{tmp_path}/live.bundle/engines/{plan.with_suffix('.json').name}"
    command = f"edge-export engine {tmp_path}/installed/live -o {tmp_path}/built"
    told = "written by another version of this program (format none, expected 2)"
    assert lines[0] == f"live: passed over: {where}: {told}; run: {command}"
    assert lines[1].startswith("live on the CPU: cpu")
