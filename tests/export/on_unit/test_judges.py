"""`edge-export verify`, `bench` and `inspect`: what they compare, what they measure, and what they admit not to
know."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from edge.engines.engine import Enhanced
from edge.engines.gpu.trt_versions import load_trt
from edge.health.machine import Sysfs
from edge.models.profile import SHIPPED, load_profile
from edge.pictures.geometry import FRAME_SHAPE
from export.cli import main
from export.on_unit.bench import bench
from export.on_unit.inspector import layer_lines
from export.on_unit.peak import SIDE, yardstick_plan
from export.on_unit.power import power_watts
from export.on_unit.samples import sample_frames, with_veiled
from export.verify import aligned
from tests.doubles.training.checkpoint_cases import CASES


def rows(text):
    """The table of `verify` as first column -> last column."""
    return {line.split("  ")[0]: line.split("  ")[-1].strip() for line in text.splitlines()[1:]}


def test_verify_holds_torch_host_form_and_half_graph_to_the_onnx_graph(exported, capsys):
    profile, checkpoint, _ = exported(CASES[0])
    assert main(["verify", str(profile.folder), "--checkpoint", str(checkpoint), "--frames", "1"]) == 0
    shown = rows(capsys.readouterr().out)
    assert shown["torch against onnx fp32"] == "ok"
    assert shown["CPU engine's form against onnx fp32"] == "ok"
    assert shown["onnx fp16 simulated on the CPU against onnx fp32"] == "ok"
    assert shown["tensorrt fp16 engine against onnx fp32"].startswith("not run: ")


def test_verify_fails_on_other_weights_and_where_an_engine_is_needed(exported, tmp_path, capsys):
    profile, checkpoint, _ = exported(CASES[0])
    assert main(["verify", "live", "--checkpoint", str(checkpoint), "--frames", "1"]) == 1
    assert rows(capsys.readouterr().out)["torch against onnx fp32"].startswith("FAILED: expected at least")
    assert main(["verify", str(profile.folder), "--frames", "1", "--precision", "fp32", "--need-engine"]) == 1
    assert "not run" in rows(capsys.readouterr().out)["torch against onnx fp32"]


@pytest.mark.slow
def test_verify_puts_two_networks_together(exported, capsys):
    profile, checkpoint, isr = exported(CASES[3])
    command = ["verify", str(profile.folder), "--checkpoint", str(checkpoint), "--isr", str(isr), "--frames", "1"]
    assert main(command) == 0
    assert rows(capsys.readouterr().out)["torch against onnx fp32"] == "ok"


def test_bench_on_the_cpu_tells_what_it_knows_and_no_more(capsys):
    assert main(["bench", "live", "--seconds", "0.1", "--backend", "cpu"]) == 0
    shown = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert shown["device"].startswith("cpu")
    assert float(shown["latency_p99_ms"]) >= float(shown["latency_p95_ms"]) >= float(shown["latency_median_ms"]) > 0
    assert not {"gpu_ms", "copy_ms", "host_ms", "share_of_peak", "gpu_memory_mib"} & set(shown)


def test_arithmetic_rate_is_two_operations_a_multiply_accumulate(monkeypatch):
    class Clock:
        now = 0.0

    monkeypatch.setattr("export.on_unit.bench.time.perf_counter", lambda: Clock.now)

    class Steady:
        profile, model_sha256, device = "live", "0", "clockwork"

        def enhance(self, image):
            Clock.now += 0.010
            return Enhanced(image, {})

        def close(self): ...

    profile = load_profile("live")
    figures = bench(profile, Steady(), np.zeros(FRAME_SHAPE, np.uint8), 0.1, peak_flops=1e12)
    macs = profile.manifest["networks"][0]["macs"]
    assert figures.latency_median_ms == pytest.approx(10)
    assert figures.jitter_ms == pytest.approx(0, abs=1e-6)
    assert figures.throughput_fps == pytest.approx(100)
    assert figures.gflops == pytest.approx(2 * macs / 0.010 / 1e9)
    assert figures.share_of_peak == pytest.approx(2 * macs / 0.010 / 1e12)


def test_matrix_yardstick_builds(trt_rtx):
    assert len(yardstick_plan(load_trt("tensorrt-rtx"), (8, 6))) > 2 * SIDE**2


def test_power_is_read_from_a_jetsons_monitor(tmp_path):
    chip = tmp_path / "sys/class/hwmon/hwmon3"
    chip.mkdir(parents=True)
    for name, text in {
        "in1_label": "VDD_IN\n", "in1_input": "19000\n", "curr1_input": "800\n",
        "in2_label": "VDD_CPU_GPU_CV\n", "in2_input": "19000\n", "curr2_input": "300\n",
    }.items():  # fmt: skip
        (chip / name).write_text(text)
    assert power_watts(Sysfs(tmp_path)) == pytest.approx(15.2)


def test_layers_are_listed_with_their_types_and_counted():
    layers = [
        {"Name": "conv", "LayerType": "CaskConvolution", "Outputs": [{"Format/Datatype": "Half"}]},
        {"Name": "norm", "LayerType": "Normalization", "Outputs": [{"Format/Datatype": "Float"}]},
        "bare",
    ]
    lines = list(layer_lines(layers))
    assert lines[0] == "  conv  CaskConvolution  Half"
    assert lines[2] == "  bare"
    assert lines[-1] == "3 layers; outputs: 1 Half, 1 Float"


def test_inspect_reads_the_sidecar_and_says_why_layers_are_missing(trt_rtx, tmp_path, capsys):
    options = ["--runtime", "tensorrt-rtx", "--compute-capability", "8.6", "-o", str(tmp_path)]
    assert main(["engine", "live", *options]) == 0
    plan = capsys.readouterr().out.strip()
    apart = [sys.executable, "-m", "export.cli", "inspect", plan]  # this process may have the double of libcuda
    shown = subprocess.run(apart, capture_output=True, text=True, check=True).stdout
    assert "strongly_typed   True" in shown
    assert "layers: not shown (" in shown
    shutil.copy(plan, tmp_path / "other.plan")
    assert main(["inspect", str(tmp_path / "other.plan")]) == 78


def test_sample_frames_come_from_a_folder_or_from_the_demo_and_say_so(tmp_path):
    import cv2

    for number in range(5):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((90, 160, 3), 40 * number, np.uint8))
    samples = sample_frames(tmp_path, 2)
    assert [int(frame[0, 0, 0]) for frame in samples.frames] == [0, 80]
    assert (samples.about["kind"], samples.about["count"], len(samples.about["sha256"])) == ("pictures", 2, 64)
    both = with_veiled(samples)
    assert [int(frame[0, 0, 0]) for frame in both.frames] == [0, 80, 187, 195]
    assert both.about["veiled_too"]
    assert (
        json.loads((SHIPPED / "live" / "model.json").read_text())["precisions"]["fp16"]["against_fp32"]["frames"][
            "kind"
        ]
        == "pictures"
    )


def test_columns_line_up():
    assert aligned([["a", "bbb"], ["cc", "d"]]) == "a   bbb\ncc  d\n"
