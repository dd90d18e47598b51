"""What MkDocs is told about our pages (mkdocs.yml): README is the first, the readers are the menu."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
READERS = (
    ("Physician", ("physician",)),
    (
        "Integrator",
        ("integrator", "install", "connect", "calibrate", "operate", "files", "interfaces", "dicom", "reference"),
    ),
    ("ML engineer", ("ml-engineer", "report", "model-card", "model-card-miinet")),
    ("Firmware author", ("firmware-protocol",)),
    ("Security", ("security",)),
    ("Rating study", ("study",)),
    ("Contributor", ("contributor", "architecture", "testing", "gpu-todo", "results")),
)
"""Reader -> pages, those that are there; what stands in no row is under More."""
SHIM = "https://unpkg.com/iframe-worker/shim"
_LINK = re.compile(r"\[([^\[\]]*)\]\((?!https?:|mailto:|#)([^)\s]+)\)")


def slug(heading: str, separator: str) -> str:
    """The name of a heading as GitHub makes it, so that one link serves both."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", separator)


def navigation(names: list[str]) -> list[dict[str, Any]]:
    """The menu of these pages, named without their ending."""
    menu: list[dict[str, Any]] = [{"Home": "index.md"}]
    led_to = {"index"}
    for reader, pages in READERS:
        there = [name for name in pages if name in names]
        led_to |= set(there)
        if there:
            menu.append({reader: [f"{name}.md" for name in there]})
    rest = [f"{name}.md" for name in sorted(names) if name not in led_to]
    return [*menu, {"More": rest}] if rest else menu


def of_the_site(link: str, page: Path) -> str | None:
    """Where a page of the repository leads within the site; None where that is no part of it."""
    name, mark, anchor = link.partition("#")
    target = (page.parent / name).resolve()
    if target == ROOT / "README.md":
        return f"index.md{mark}{anchor}"
    if not target.is_relative_to(ROOT / "docs") or not target.exists():
        return None
    return f"{target.relative_to(ROOT / 'docs')}{mark}{anchor}"


def for_the_site(text: str, page: Path) -> str:
    """Links within the site stay; of one to another file of the repository its words and its path are left."""

    def led(found: re.Match[str]) -> str:
        within = of_the_site(found[2], page)
        return f"[{found[1]}]({within})" if within else f"{found[1]} (`{_in_repository(found[2], page)}`)"

    return _LINK.sub(led, text)


def _in_repository(link: str, page: Path) -> str:
    target = (page.parent / link.partition("#")[0]).resolve()
    return str(target.relative_to(ROOT)) if target.is_relative_to(ROOT) else link


def on_config(config: Any) -> Any:
    config["nav"] = navigation([path.stem for path in (ROOT / "docs").glob("*.md")])
    return config


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File

    files.append(File.generated(config, "index.md", abs_src_path=str(ROOT / "README.md")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    return for_the_site(markdown, Path(page.file.abs_src_path))


def on_post_page(output: str, page: Any, **_: Any) -> str:
    return without_strangers(output, page.url)


def on_post_template(output: str, template_name: str, **_: Any) -> str:
    return without_strangers(output, template_name)


def without_strangers(output: str, url: str) -> str:
    """The search of a page that is opened as a file needs a script, which the theme would fetch from a stranger."""
    return output.replace(SHIM, "../" * url.count("/") + "assets/iframe-worker.js")
