"""`python tests/doubles/tensorrt_parts.py FOLDER`: fetch and build what the tests of the TensorRT path need without a
GPU.

Parts, each by itself; one that cannot be had leaves a line, and its tests skip with it:

bindings-10.3.0, -10.13.3.9, -11.4.0.106   NVIDIA's Python bindings, with stubs in place of TensorRT's libraries
rtx       TensorRT-RTX, whose parser and compiler need no GPU
pycuda    built against cuda.h and a libcuda of host memory (tests/doubles/libcuda.c)
"""

from __future__ import annotations

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
BINDINGS = {
    "10.3.0": "tensorrt-cu12-bindings",
    "10.13.3.9": "tensorrt-cu13-bindings",
    "11.4.0.106": "tensorrt-cu13-bindings",
}
RTX = "tensorrt-rtx-cu13==1.7.1.116"
PYCUDA = "pycuda==2026.1"
PYCUDA_NEEDS = ("pytools", "platformdirs", "mako")
TRT_LIBRARIES = ("libnvinfer", "libnvonnxparser", "libnvinfer_plugin")
TRT_SYMBOLS = (
    "createInferBuilder_INTERNAL", "createInferRefitter_INTERNAL", "createInferRuntime_INTERNAL",
    "createNvOnnxParser_INTERNAL", "createNvOnnxParserRefitter_INTERNAL", "getNvOnnxParserVersion",
    "getBuilderPluginRegistry", "getPluginRegistry", "initLibNvInferPlugins",
)  # fmt: skip
DONE = "complete"


def run(*command: object, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Run to success, or raise RuntimeError with the last line that the command wrote."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise RuntimeError(f"{Path(str(command[0])).name}: {lines[-1][:200]}")


def pip(*arguments: object) -> None:
    run(sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *arguments)


def build_bindings(folder: Path, version: str) -> None:
    pip("install", "--no-deps", "--target", folder, f"{BINDINGS[version]}=={version}")
    source = folder / "stub.c"
    source.write_text("".join(f"void *{name}(void) {{ return 0; }}\n" for name in TRT_SYMBOLS))
    for name in TRT_LIBRARIES:
        library = f"{name}.so.{version.split('.')[0]}"
        run("gcc", "-shared", "-fPIC", f"-Wl,-soname,{library}", "-o", folder / library, source)


def build_rtx(folder: Path) -> None:
    pip("install", "--target", folder, RTX)


def cuda_root() -> Path:
    """Where cuda.h is; raises RuntimeError where it is not."""
    for root in (os.environ.get("CUDA_HOME"), os.environ.get("CUDA_ROOT"), "/usr/local/cuda"):
        if root and (Path(root) / "include" / "cuda.h").is_file():
            return Path(root)
    raise RuntimeError("no cuda.h in $CUDA_HOME, $CUDA_ROOT or /usr/local/cuda; install NVIDIA's CUDA toolkit headers")


def build_double(folder: Path, include: Path) -> Path:
    """`libcuda.so.1` of host memory; every driver call that it does not play says NOT_SUPPORTED."""
    source = (HERE / "libcuda.c").read_text(encoding="utf-8")
    played = set(re.findall(r"^DOUBLE (\w+)\(", source, re.M))
    headers = "".join((include / name).read_text(encoding="utf-8") for name in ("cuda.h", "cudaProfiler.h"))
    named = set(re.findall(r"\bcu[A-Z]\w*(?=\s*\()|\bcu[A-Z]\w*_v\d\b", headers))
    rest = "".join(f"DOUBLE {name}(void) {{ return 801; }}\n" for name in sorted(named - played))
    whole = folder / "whole.c"
    whole.write_text("#define _GNU_SOURCE\n" + source + rest)
    library = folder / "libcuda.so.1"
    run("gcc", "-O2", "-w", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", library, whole, "-lpthread")
    return library


def build_pycuda(folder: Path) -> None:
    root = cuda_root()
    driver = folder / "driver"
    driver.mkdir()
    library = build_double(driver, root / "include")
    (driver / "libcuda.so").symlink_to(library.name)
    pip("install", "setuptools", "wheel", "numpy", *PYCUDA_NEEDS, "--target", folder / "build-tools")
    env = {**os.environ, "PYTHONPATH": str(folder / "build-tools"), "CFLAGS": "-O0 -g0", "CXXFLAGS": "-O0 -g0"}
    python = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check")
    run(
        *python, "download", "--no-deps", "--no-build-isolation", "--no-binary", "pycuda", "-d", folder, PYCUDA, env=env
    )
    with tarfile.open(next(folder.glob("pycuda-*.tar.gz"))) as packed:
        packed.extractall(folder)
    tree = next(path for path in folder.glob("pycuda-*") if path.is_dir())
    libraries = f"{driver},{root / 'lib64'}"
    options = (f"--cuda-root={root}", "--no-cuda-enable-curand", f"--cudadrv-lib-dir={libraries}")
    run(sys.executable, "configure.py", *options, cwd=tree, env=env)
    run(sys.executable, "setup.py", "build_ext", "-j2", cwd=tree, env=env)
    built = next((tree / "build").glob("lib*")) / "pycuda"
    shutil.copytree(tree / "pycuda", folder / "site" / "pycuda")
    shutil.copytree(built, folder / "site" / "pycuda", dirs_exist_ok=True)
    pip("install", *PYCUDA_NEEDS, "--target", folder / "site")
    shutil.rmtree(tree)
    shutil.rmtree(folder / "build-tools")


PARTS: dict[str, Callable[[Path], None]] = {
    "pycuda": build_pycuda,
    "rtx": build_rtx,
    **{f"bindings-{version}": lambda folder, version=version: build_bindings(folder, version) for version in BINDINGS},  # type: ignore[misc]
}


def make(root: Path, name: str) -> str:
    """Make one part unless it is there; returns a line about it."""
    folder = root / name
    if (folder / DONE).exists():
        return f"{name}: there already"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        PARTS[name](folder)
    except (RuntimeError, OSError, StopIteration) as error:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "missing").write_text(f"{type(error).__name__ if not str(error) else error}")
        return f"{name}: not to be had ({error}); its tests will be skipped"
    (folder / DONE).touch()
    return f"{name}: ready"


def main() -> None:
    root = Path(sys.argv[1]).resolve()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for line in pool.map(lambda name: make(root, name), PARTS):
            print(line, flush=True)


if __name__ == "__main__":
    main()
