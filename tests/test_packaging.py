"""What is installed is complete: a wheel, built and installed away from the checkout; and the README."""

from __future__ import annotations

import json
import os
import re
import shutil
import site
import subprocess
import sys
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from eval.benchmarks.startup import first_answer
from rag import cli
from rag.types import Paper

ROOT = Path(__file__).parent.parent
PACKAGES = ("rag", "ui", "prompts", "eval")
COMMANDS = (
    *("add", "embed", "remove", "papers", "search", "ask", "chat", "doctor", "schema"),
    *("summarize", "compare", "verify", "replay"),
    *("export", "tags", "stats", "libraries", "check", "repair", "rebuild"),
)
PAPERS = [
    {"title": "Kelp in warm years", "abstract": "Kelp forests grow on cold coasts. Growth fell by 42% in warm years."},
    {"title": "Flood maps from radar", "abstract": "We map floods from radar. With 120 scenes the F1 score is 0.84."},
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout and nothing stale is taken from it."""
    source = tmp_path_factory.mktemp("source")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    folder = tmp_path_factory.mktemp("wheel")
    build = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation", "-w", folder, source]
    subprocess.run([sys.executable, *map(str, build)], check=True, cwd=folder)
    (made,) = folder.glob("footnoted-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment that has the wheel, and the dependencies of this one."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    # Entries of a .pth file are searched last, and .pth files in them, such as that of an
    # editable install of the checkout, are not read.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    install = ["-m", "pip", "--python", folder / "bin" / "python", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([sys.executable, *map(str, install), "--force-reinstall", str(wheel)], check=True, cwd=folder)
    return folder / "bin"


def run(installed: Path, *arguments: str, code: int = 0) -> str:
    """The standard output of the installed command, started where there is no checkout."""
    command = [str(installed / "footnoted"), *arguments]
    home = installed.parent.parent / "home"
    home.mkdir(exist_ok=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    environ |= {"HOME": str(home)}
    done = subprocess.run(command, cwd=installed, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_file_that_is_not_code_is_in_the_wheel(wheel: Path) -> None:
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    files = {path.relative_to(ROOT).as_posix() for name in PACKAGES for path in (ROOT / name).rglob("*")}
    wanted = {
        file
        for file in files
        if (ROOT / file).is_file() and "__pycache__" not in file and not file.startswith("eval/training/")
    }
    assert wanted <= in_wheel, sorted(wanted - in_wheel)
    assert not [name for name in in_wheel if "__pycache__" in name or name.startswith("tests/")]
    assert any(name.endswith("licenses/LICENSE") for name in in_wheel)


@pytest.mark.slow
def test_an_installed_wheel_adds_finds_answers_and_abstains(installed: Path, tmp_path: Path) -> None:
    where = subprocess.check_output([installed / "python", "-c", "import rag; print(rag.__file__)"], cwd=tmp_path)
    assert Path(where.decode().strip()).is_relative_to(installed.parent)
    papers = tmp_path / "papers.jsonl"
    papers.write_text("".join(json.dumps(paper) + "\n" for paper in PAPERS), encoding="utf-8")
    library = ("--library", str(tmp_path / "library"))
    assert json.loads(run(installed, "add", str(papers), "--json", *library))["added"] == 2
    answer = json.loads(run(installed, "ask", "By how much did kelp growth fall in warm years?", "--json", *library))
    assert answer["outcome"] == "answered"
    assert "42%" in answer["text"]
    assert run(installed, "ask", "Who won the chess olympiad in 1972?", *library, code=3)
    # Some libraries write an identifier for their maker's telemetry there.
    assert [path for path in installed.parent.parent.joinpath("home").rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_an_installed_wheel_answers_in_its_page_over_the_papers_that_ship(installed: Path, tmp_path: Path) -> None:
    papers = next(installed.parent.glob("lib/python*/site-packages/rag/data/daily_papers.txt"))
    library = ["--library", str(tmp_path / "library")]
    command = [str(installed / "footnoted"), "chat", "--no-browser", "--first-papers", str(papers), *library]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = re.search(r"http://\S+", process.stdout.readline())
            assert address is not None
            assert "28%" in first_answer(address[0])
        finally:
            process.terminate()
    assert len(json.loads(run(installed, "papers", "--json", *library))) == 62


HEAVY = {"torch", "transformers", "sentence-transformers", "tensorflow", "triton"}


def test_nothing_brings_torch_along() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    names = {re.split(r"[=; ]", line)[0] for line in constraints if line and not line.startswith("#")}
    assert not {name for name in names if name in HEAVY or name.startswith("nvidia")}
    assert {"chromadb", "llama-index-core", "openai", "gradio", "tiktoken", "onnxruntime"} <= names


def test_without_an_extra_nothing_heavy_is_needed_at_all() -> None:
    needed: set[str] = set()
    waiting = [("footnoted", "")]
    while waiting:
        name, extra = waiting.pop()
        for line in requires(name) or ():
            one = Requirement(line)
            if one.marker and not one.marker.evaluate({"extra": extra}):
                continue
            other = canonicalize_name(one.name)
            if other not in needed:
                needed.add(other)
                waiting += [(other, extra) for extra in ("", *one.extras)]
    assert {"chromadb", "gradio", "numpy"} <= needed
    assert not needed & (HEAVY | {"scipy", "scikit-learn", "onnx", "playwright", "ir-measures", "xllamacpp"})


def test_the_constraints_pin_every_version_and_name_no_host() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins == sorted(pins)
    wrong = [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[^ ;/:]+( ; python_version >= '3\.\d+')?", pin)]
    assert wrong == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_shows_only_commands_and_options_that_exist(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"(?m)^\| `footnoted (\w+)", readme))
    assert commands <= {*COMMANDS, "eval"}
    assert re.search(rf"footnoted {command}\b", readme)
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    help_text = capsys.readouterr().out
    for line in re.findall(rf"footnoted {command} [^`\n]*", readme):
        for option in re.findall(r"(?<=\s)--[a-z-]+", line):
            assert option in help_text, line


@pytest.mark.slow
def test_the_lines_of_python_do_as_they_stand(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    five_lines, llama_index = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    shutil.copy(ROOT / "rag" / "data" / "daily_papers.txt", tmp_path / "papers.txt")
    show = "print(len(library), hits[0].paper.title[:6], answer.outcome, answer.claims[0].verdict)\n"
    done = subprocess.run(
        [sys.executable, "-c", five_lines + show + llama_index + "print(str(response) != '')\n"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "62 FBLNet answered supported\nTrue\n", done.stderr


def test_what_the_readme_quotes_stands_in_the_papers(seed_papers: tuple[Paper, ...]) -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    quotes = re.findall("“([^”]+)”", readme)
    assert len(quotes) >= 3
    texts = [text for paper in seed_papers for text in (paper.title, paper.abstract)]
    assert [quote for quote in quotes if not any(quote in text for text in texts)] == []


@pytest.mark.slow
def test_a_skipped_test_fails_the_run_in_ci(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import pytest\ndef test_one(): pass\ndef test_two(): pytest.skip('no moon')\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "."]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "CI": "true"}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 1
    assert "1 passed, 1 skipped" in done.stdout
    assert "test_it.py::test_two: no moon" in done.stdout
