"""Writes the lock files beside it: every package that is installed, with its version and the hashes of its files.

    python requirements/lock.py              what pyproject.toml asks for now; versions that still fit stay (make lock)
    python requirements/lock.py --upgrade    the newest of everything (make update)

One file serves x86-64 and Arm, Python 3.10 to 3.13. Needs the internet, and nothing else: uv, which finds the versions,
is installed into build/uv by its own locked hash.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import venv
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
TORCH = "2.13.0"
"""The version that the weights were made with and the tests were run with."""
TORCH_CPU_SHA256 = ("6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",)
"""Wheels of PyTorch's own CPU index, `2.13.0+cpu`: Python 3.11 on x86-64. Without what NVIDIA's packages weigh."""
OF_CUDA = re.compile(r"nvidia-.*|cuda-.*|triton")
"""What only the wheels of torch from PyPI need."""
BUILD = "pip\nsetuptools>=77\nsetuptools-scm>=8\ncffi\npkgconfig\n"
NO_WHEELS = ("pyvips",)
"""Python alone, built by setuptools and cffi without a compiler."""
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
PLATFORMS = ("x86_64-manylinux_2_35", "aarch64-manylinux_2_35")
"""Ubuntu 22.04, which JetPack 6 is, and what is newer."""
HEADER = "# Made by `make lock` and `make update` (requirements/lock.py). {}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    upgrade = parser.parse_args().upgrade
    uv = uv_program()
    write("uv.txt", "What writes these files.", compiled(uv, "uv\n", "uv.txt", upgrade=upgrade))
    asked = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    write("unit.txt", "What the unit runs.", compiled(uv, asked, "unit.txt", upgrade=upgrade))
    build = compiled(uv, BUILD, "build.txt", "--constraint", "unit.txt", upgrade=upgrade)
    write("build.txt", "What installs the others, and builds those that are no wheels.", build)
    extra = compiled(uv, asked, "tensorrt.txt", "--extra", "tensorrt", upgrade=upgrade)
    write("tensorrt.txt", "The unit's with TensorRT from PyPI, for a PC with a GPU.", extra)
    write_developers(compiled(uv, asked, "dev.txt", "--extra", "dev", upgrade=upgrade))
    return refuse_missing_wheels(uv)


def uv_program() -> Path:
    """Installed by the hash that is locked; the first time, when none is, by its name."""
    folder, locked = ROOT / "build" / "uv", FOLDER / "uv.txt"
    program = folder / "bin" / "uv"
    if not program.exists():
        venv.create(folder, with_pip=True)
        asked = ["--require-hashes", "-r", str(locked)] if locked.exists() else ["uv"]
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", *asked], check=True)
    return program


def compiled(uv: Path, asked: str, name: str, *words: str, upgrade: bool) -> str:
    """The lock of `asked`, a pyproject.toml or lines of requirements; what `name` has stays where it fits."""
    folder = ROOT / "build" / "lock"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / ("pyproject.toml" if "[project]" in asked else "requirements.in")
    source.write_text(asked, encoding="utf-8")
    (folder / "constraints.txt").write_text(f"torch=={TORCH}\n", encoding="utf-8")
    output = folder / name
    kept = [FOLDER / name, *(FOLDER / other for other in ("torch.txt", "torch-cuda.txt") if name == "dev.txt")]
    output.write_text("".join(path.read_text(encoding="utf-8") for path in kept if path.exists()), encoding="utf-8")
    command = [uv, "--quiet", "pip", "compile", "--universal", "--generate-hashes", "--python-version", PYTHONS[0]]
    command += ["--no-header", "--no-emit-index-url", "--no-emit-find-links", "--constraint", "constraints.txt", *words]
    command += ["--upgrade"] if upgrade else []
    subprocess.run([*command, source.name, "--output-file", name], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return output.read_text(encoding="utf-8").replace("-r requirements.in", "requirements/lock.py")


def write_developers(lock: str) -> None:
    """Torch and what only some of its wheels need stand apart, so that a CPU's wheel installs without the rest."""
    entries = re.split(r"(?m)^(?=[a-zA-Z0-9])", lock)
    torch = [one for one in entries if re.match(r"torch==", one)]
    cuda = [one for one in entries if OF_CUDA.fullmatch(re.split("[=\\[ ]", one, maxsplit=1)[0])]
    rest = [one for one in entries if one not in torch and one not in cuda]
    write("dev.txt", "What a developer runs beside torch.", "".join(rest))
    write("torch.txt", "Torch, the wheels of PyPI.", torch[0])
    hashes = "".join(f" \\\n    --hash=sha256:{sha256}" for sha256 in TORCH_CPU_SHA256)
    write(
        "torch-cpu.txt", "Torch, its own wheels without CUDA: those that were tried.", f"torch=={TORCH}+cpu{hashes}\n"
    )
    write("torch-cuda.txt", "What torch from PyPI needs besides.", "".join(cuda))


def write(name: str, what: str, content: str) -> None:
    (FOLDER / name).write_text(HEADER.format(what) + content, encoding="utf-8")


def refuse_missing_wheels(uv: Path) -> int:
    """Whether everything installs without a compiler, on each platform with each Python; told a line each."""
    failed = 0
    for platform in PLATFORMS:
        for python in PYTHONS:
            command = [uv, "--quiet", "pip", "install", "--dry-run", "--target", "build/lock/target", "--no-deps"]
            command += ["--only-binary", ":all:", "--require-hashes", "--python-platform", platform]
            command += [word for name in NO_WHEELS for word in ("--no-binary", name)]
            done = subprocess.run(
                [*command, "--python-version", python, "-r", FOLDER / "unit.txt"],
                cwd=ROOT,
                capture_output=True,
                text=True,
            )
            failed += done.returncode != 0
            sys.stdout.write(
                f"unit.txt, Python {python}, {platform}: {'wheels for all' if not done.returncode else done.stderr}\n"
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
