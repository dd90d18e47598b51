"""`python -m benchmarks.runtime.reading`: ms a picture beside OpenCV, and the memory of the largest (`--huge`)."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyvips
from PIL import Image as Pillow

from edge.pictures.image import Image
from edge.pictures.reading.picture_file import PictureFile, opened_picture
from edge.sources.demo.source import DemoSource

ROUNDS = 7
HUGE_PX = (16_320, 12_864)
"""What the largest phones' sensors give, a little below the bound."""


def by_pillow(image: Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def samples() -> dict[str, bytes]:
    """A demo frame, 1920x1080, as each kind of file."""
    image = DemoSource("demo:", paced=False).render(165).degraded
    bgr = image[..., ::-1]
    p3 = bytes(pyvips.Image.profile_load("p3"))
    return {
        "JPEG": cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes(),
        "JPEG, Display P3": by_pillow(image, "JPEG", quality=95, icc_profile=p3),
        "PNG": cv2.imencode(".png", bgr)[1].tobytes(),
        "PNG, 16 bit": cv2.imencode(".png", bgr.astype(np.uint16) * 257)[1].tobytes(),
        "TIFF, LZW": cv2.imencode(".tif", bgr)[1].tobytes(),
        "WebP": by_pillow(image, "WEBP", quality=90),
        "BMP": by_pillow(image, "BMP"),
        "AVIF": by_pillow(image, "AVIF", quality=80),
    }


def best_ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - begin))
    return min(times)


def tell_times() -> None:
    print("| kind | ms | OpenCV, which sees neither damage nor profile, ms |\n|---|---|---|")
    for name, content in samples().items():
        own = best_ms(lambda content=content: PictureFile(content, "it").page())
        data = np.frombuffer(content, np.uint8)
        theirs = best_ms(lambda data=data: cv2.imdecode(data, cv2.IMREAD_COLOR))
        print(f"| {name} | {own:.1f} | {theirs:.1f} |")


def write_huge(folder: Path) -> None:
    tile = np.random.default_rng(0).integers(90, 160, (64, 64, 3), np.uint8)
    image = pyvips.Image.new_from_array(tile, interpretation="srgb").replicate(HUGE_PX[0] // 64, HUGE_PX[1] // 64)
    image.jpegsave(str(folder / "JPEG"))
    image.jpegsave(str(folder / "JPEG, progressive"), interlace=True)
    image.pngsave(str(folder / "PNG"), compression=1)
    image.pngsave(str(folder / "PNG, interlaced"), compression=1, interlace=True)
    deep = (image.cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16")
    deep.tiffsave(str(folder / "TIFF, 16 bit, Display P3"), compression="lzw", profile="p3")
    Pillow.fromarray(image.addalpha().numpy()).save(folder / "BMP with alpha", "BMP")


def tell_peaks() -> None:
    print("| kind | peak, GB | s |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        write_huge(Path(name))
        for path in sorted(Path(name).iterdir()):
            subprocess.run([sys.executable, "-m", "benchmarks.runtime.reading", str(path)], check=True)


def tell_peak(path: Path) -> None:
    begin = time.perf_counter()
    opened_picture(path).page()
    status = Path("/proc/self/status").read_text()  # ru_maxrss would count what the parent held
    peak_gb = int(status.partition("VmHWM:")[2].split()[0]) / 1e6
    print(f"| {path.name} | {peak_gb:.2f} | {time.perf_counter() - begin:.0f} |")


def main() -> None:
    if sys.argv[1:] == ["--huge"]:
        tell_peaks()
    elif sys.argv[1:]:
        tell_peak(Path(sys.argv[1]))
    else:
        tell_times()


if __name__ == "__main__":
    main()
