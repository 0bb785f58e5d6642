"""Prints constraints.txt: what pip chooses for the project and its extras in an empty environment.

    python3.11 .ci/constraints.py [python3.12 python3.13 ...]

The versions are those of the Python that runs this (the oldest that is supported). What only
the others need is added with a marker.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOT_PINNED = ("ragas",)
"""Extras for which nothing here is tested, and which bring a hundred packages along."""

HEAD = """\
# Every package that an install can bring along, tests included, at the version it was tested with:
# what pip chooses in an empty environment on Python 3.11, and what only newer ones need, marked.
# `make constraints` writes it anew."""


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [wanted for name, wanted in project["optional-dependencies"].items() if name not in NOT_PINNED]
    wanted = ["pip", *project["dependencies"], *(one for extra in extras for one in extra)]
    lines = [f"{name}=={version}" for name, version in chosen(sys.executable, wanted).items()]
    known = {line.split("==")[0] for line in lines}
    for python in sys.argv[1:]:
        for name, version in chosen(python, wanted).items():
            if name not in known:
                known.add(name)
                minor = re.sub(r".*\b(3\.\d+).*", r"\1", subprocess.check_output([python, "-V"], text=True).strip())
                lines.append(f"{name}=={version} ; python_version >= '{minor}'")
    print(HEAD, *sorted(lines), sep="\n")


def chosen(python: str, wanted: list[str]) -> dict[str, str]:
    """Name and version of each package that ``python``'s pip would install in an empty environment."""
    with tempfile.TemporaryDirectory() as temporary:
        subprocess.run([python, "-m", "venv", temporary], check=True)
        pip = [str(Path(temporary, "bin", "python")), "-m", "pip"]
        subprocess.run([*pip, "install", "-q", "-U", "pip"], check=True)
        report = Path(temporary, "report.json")
        subprocess.run(
            [*pip, "install", "-q", "--dry-run", "--ignore-installed", "--report", report, *wanted], check=True
        )
        found = [item["metadata"] for item in json.loads(report.read_text(encoding="utf-8"))["install"]]
    return {re.sub(r"[-_.]+", "-", one["name"]).lower(): one["version"] for one in found}


if __name__ == "__main__":
    main()
