"""Writes what an environment of the unit holds: sbom.cdx.json (CycloneDX) and NOTICES.txt, the licences' texts.

    python requirements/sbom.py .venv/bin/python build/sbom      (make sbom; make dist gives it the version too)

Made from what is installed and not kept in the repository: a unit of another machine or Python has other versions.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).resolve().parent
PROGRAM = "edge-enhance"
LICENCE_NAMES = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""What packages say without SPDX's names."""
UNTOLD = {"protobuf": "BSD-3-Clause"}
"""Licences that metadata does not tell in a form that the tool reads; each looked up in the wheel's own text."""
ASK = """
import json, re, sys
from importlib.metadata import distributions
told = {}
for one in distributions():
    name = re.sub("[-_.]+", "-", one.metadata["Name"]).lower()
    files = [(str(path), str(path.locate())) for path in one.files or ()]
    told[name] = {"version": one.version, "files": files, "requires": one.requires or []}
    told[name]["page"] = one.metadata.get("Home-page") or ""
json.dump(told, sys.stdout)
"""
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice|third.?party)[^/]*(\.(txt|md|rst))?$", re.IGNORECASE)


def main(python: str, output: str, version: str = "") -> int:
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    record = bill_of(python)
    if version:  # else that of pyproject.toml, which leaves it to the tag
        record["metadata"]["component"]["version"] = version
    (folder / "sbom.cdx.json").write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "NOTICES.txt").write_text(notices_of(record, installed_in(python)), encoding="utf-8")
    sys.stdout.write(f"{folder}/sbom.cdx.json, {folder}/NOTICES.txt: {len(record['components'])} packages\n")
    return 0


def bill_of(python: str) -> dict[str, Any]:
    """What this program needs of an environment, and what lies in those packages."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", python, "--output-reproducible", "--of", "JSON"]
    # Its schema is asked by a test, of what is made here: the tool takes 18 s for what it gives, which is not that yet.
    command += ["--no-validate", "--pyproject", str(FOLDER.parent / "pyproject.toml")]
    record: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    installed = installed_in(python)
    needed = needed_by_unit(installed)
    record["components"] = [one for one in record["components"] if normal(one["name"]) in needed]
    refs = {one["bom-ref"] for one in (*record["components"], record["metadata"]["component"])}
    kept = [one for one in record["dependencies"] if one["ref"] in refs]
    record["dependencies"] = [
        {"ref": one["ref"], "dependsOn": sorted(refs.intersection(one.get("dependsOn", ())))} for one in kept
    ]
    for component in record["components"]:
        name = normal(component["name"])
        component["licenses"] = [{"expression": licence_of(component)}]
        if parts := parts_of(name, installed[name]["files"]):
            component["components"] = parts
    return record


def needed_by_unit(installed: Mapping[str, Any]) -> set[str]:
    """Names of the packages that the program needs, with what those need; the environment may hold more."""
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked, found = [Requirement(one) for one in project["dependencies"]], set[str]()
    while asked:
        one = asked.pop()
        name = normal(one.name)
        if (one.marker is None or one.marker.evaluate({"extra": ""})) and name not in found:
            found.add(name)
            asked += map(Requirement, installed[name]["requires"])
    return found


def licence_of(component: Mapping[str, Any]) -> str:
    """One SPDX expression; where a package tells more than one licence, all of them."""
    found = []
    for one in component.get("licenses", ()):
        if "expression" in one:
            return str(one["expression"])
        told = one["license"].get("id") or one["license"].get("name", "").rpartition(" :: ")[2]
        found.append(LICENCE_NAMES.get(told, told))
    return " AND ".join(dict.fromkeys(found)) or UNTOLD.get(normal(component["name"]), "NOASSERTION")


def parts_of(wheel: str, files: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Libraries and programs in a wheel, as components of it."""
    found = []
    for kind, table in (("part", "library"), ("program", "application")):
        for part in bundled()[kind]:
            names = sorted(Path(file).name for file, _ in files if is_of(part, file))
            if part["wheel"] == wheel and (names or part.get("inside")):
                component = {"type": table, "name": part["name"], "licenses": [{"expression": part["licence"]}]}
                if versions := sorted({version for name in names if (version := version_of(name))}):
                    component["version"] = ", ".join(versions)
                component["properties"] = [{"name": "edge-enhance:file", "value": name} for name in names]
                component["properties"].append({"name": "edge-enhance:linked", "value": str(kind == "part").lower()})
                found.append(component)
    return found


def bundled() -> dict[str, Any]:
    """The tables of bundled.toml."""
    return tomllib.loads((FOLDER / "bundled.toml").read_text(encoding="utf-8"))


def is_of(part: Mapping[str, Any], file: str) -> bool:
    """Whether a file of a wheel is the library or program that a part tells of."""
    folder, name = Path(file).parent.name, Path(file).name
    return (folder.endswith(".libs") or folder == "binaries") and name.startswith(tuple(part.get("files", ())))


def version_of(name: str) -> str:
    """`libssl-81259c47.so.1.1.1k` -> 1.1.1k, `ffmpeg-linux-x86_64-v9.0.2` -> 9.0.2, else empty."""
    match = re.search(r"(?:\.so\.|-v)(\d[\w.]*)$", name) or re.search(r"-([\d.]+\d)\.so$", name)
    return match[1] if match else ""


def notices_of(record: Mapping[str, Any], installed: Mapping[str, Any]) -> str:
    """Each package with its licence and all texts of licences and notices that its wheel holds."""
    chapters = []
    for component in sorted(record["components"], key=lambda one: normal(one["name"])):
        one = installed[normal(component["name"])]
        texts = {at: Path(at) for file, at in one["files"] if LICENCE_FILE.search(file) and not file.endswith(".py")}
        licence = component["licenses"][0]["expression"]
        head = f"{component['name']} {component['version']}\nlicence: {licence}\n"
        for part in component.get("components", ()):
            head += f"holds: {part['name']} {part.get('version', '')}, {part['licenses'][0]['expression']}\n"
        bodies = [path.read_text(encoding="utf-8", errors="replace").strip() for path in texts.values()]
        unique = list(dict.fromkeys(bodies)) or [f"The wheel holds no text; see {one['page'] or 'its page on PyPI'}."]
        chapters.append("\n\n".join([head, *unique]))
    rule = f"\n\n{'=' * 100}\n"
    return f"Packages in the environment of {PROGRAM}, and their licences.\n{rule}" + rule.join(chapters) + "\n"


def installed_in(python: str) -> dict[str, Any]:
    """Normal name of a package -> version, files as (name, place), page."""
    done = subprocess.run([python, "-c", ASK], capture_output=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def normal(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub("[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
