"""The judge of judges: figures against numbers worked by hand, files against hostile lines."""

import gzip
import json
import math
import random
from pathlib import Path

import pytest
from scripted_server import Says, ScriptedServer

from eval.defects import audit, audit_table, planted
from eval.judge_data import read_claims, sample
from eval.judge_measures import auroc, balanced_accuracy, calibration_error, f1, f1_of_flags, kappa
from eval.judge_report import main
from eval.judge_rules import rules_table
from eval.planting import DEFECT_KINDS, TRUE_KINDS, Context, plant, true_claims
from eval.training.make_claims import make, split_of
from rag.errors import ReadError
from rag.judge.baselines import AlwaysYes
from rag.judge.by_rules import RulesJudge
from rag.readers import read_papers
from rag.types import Paper

LABELS = [True, True, True, False, False]
PASSED = [True, True, False, False, True]
SHIPPED = Path(__file__).parents[1] / "rag" / "data" / "daily_papers.txt"


def test_measures_are_what_a_person_would_compute() -> None:
    assert balanced_accuracy(LABELS, PASSED) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert f1(LABELS, PASSED) == pytest.approx(2 * 2 / (3 + 3))
    assert f1_of_flags(LABELS, PASSED) == pytest.approx(2 * 1 / (2 + 2))
    # 3 of 5 agree; by chance 0.6 * 0.6 + 0.4 * 0.4 = 0.52
    assert kappa(LABELS, PASSED) == pytest.approx((0.6 - 0.52) / 0.48)
    # pairs: 0.9>0.2, 0.9>0.5, 0.8>0.2, 0.8>0.5, 0.5>0.2, 0.5=0.5
    assert auroc(LABELS, [0.9, 0.8, 0.5, 0.2, 0.5]) == pytest.approx(5.5 / 6)
    # bins 0.9: one of one right, gap 0.05; 0.1: none of two, gap 0.15
    assert calibration_error([True, False, False], [0.95, 0.15, 0.15]) == pytest.approx((0.05 + 2 * 0.15) / 3)


def test_measures_of_one_sided_sets_are_undefined_and_not_perfect() -> None:
    assert math.isnan(balanced_accuracy([True, True], [True, True]))
    assert math.isnan(auroc([False], [0.1]))
    assert kappa([True, True], [True, True]) == 0.0
    assert math.isnan(calibration_error([], []))


def rows() -> list[dict[str, object]]:
    return [
        {
            "id": "a",
            "source_texts": ["Kelp grows fast in cold water."],
            "response": "Kelp grows fast in cold water.",
            "label": 1,
        },
        {
            "id": "b",
            "source_texts": ["Kelp grows fast in cold water."],
            "response": "Kelp grows slowly in cold water.",
            "label": 0,
        },
        {
            "id": "c",
            "source_texts": ["Fish hide in the old wreck."],
            "response": "Fish hide in the old wreck.",
            "label": 1,
        },
        {"id": "d", "source_texts": ["Fish hide in the old wreck."], "response": "", "label": 0},
    ]


def write(path: Path, items: list[dict[str, object]]) -> Path:
    text = "\n".join(json.dumps(item) for item in items)
    if path.suffix == ".gz":
        with gzip.open(path, "wt", encoding="utf-8") as out:
            out.write(text)
    else:
        path.write_text(text, "utf-8")
    return path


def test_claims_that_share_a_source_share_a_group(tmp_path: Path) -> None:
    claims = read_claims([write(tmp_path / "set.jsonl.gz", rows())])
    assert [claim.data_set for claim in claims] == ["set"] * 4
    assert claims[0].group == claims[1].group != claims[2].group == claims[3].group
    kept = sample(claims, 3, seed=1)
    assert len(kept) == 2
    assert kept[0].group == kept[1].group
    assert kept == sample(claims, 3, seed=1)


def test_bad_lines_are_reported_together(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id": 1}\nnot json\n{"source_texts": [1], "response": "x", "label": 1}\n', "utf-8")
    with pytest.raises(ReadError, match=r"line 1.*line 2.*line 3"):
        read_claims([path])
    with pytest.raises(ReadError, match="cannot be read"):
        read_claims([tmp_path / "none.jsonl"])


def test_the_report_shows_the_judge_beside_the_trivial_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "set.jsonl", rows())
    assert main(["--data", str(path), "--judge", "rules", "--resamples", "50"]) == 0
    text = capsys.readouterr().out
    for words in ("balanced accuracy", "AUROC", "kappa", "always-yes", "always-no", "overlap", "length", "passed"):
        assert words in text
    assert "1 could not be judged" in text
    assert main(["--data", str(path), "--judge", "rules", "--resamples", "50", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    mine = report["figures"][0]
    assert mine["judge"] == "rules"
    assert mine["measures"]["balanced accuracy"]["value"] == 1.0
    assert mine["confusion"] == {"true_passed": 2, "true_flagged": 0, "false_passed": 0, "false_flagged": 1}


def test_a_wrong_judge_or_file_is_one_line_and_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "set.jsonl", rows())
    assert main(["--data", str(path), "--judge", "oracle"]) == 2
    assert "oracle" in capsys.readouterr().err
    assert main(["--data", str(tmp_path / "none.jsonl")]) == 1


@pytest.mark.parametrize("name", ["rules", "model", "default", "overlap", "length", "always-yes"])
def test_every_judge_can_be_measured_on_a_packed_file(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "set.jsonl.gz", rows())
    assert main(["--data", str(path), "--judge", name, "--resamples", "20", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["figures"][0]
    assert (first["judge"], first["n"]) == (name, 4)
    assert sum(first["confusion"].values()) == 4 - first["n_unscorable"]


def test_a_language_model_is_measured_and_whether_it_says_the_same_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "set.jsonl", rows())
    quotes = ["Kelp grows fast in cold water.", "Fish hide in the old wreck."]
    said = [(0, "AA"), (0, "CC"), (1, "AD")]
    says = [Says(json.dumps({"quote": quotes[at], "verdict": letter})) for at, letters in said for letter in letters]
    with ScriptedServer(*says) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("FOOTNOTED_MODEL", "scripted")
        arguments = ["--data", str(path), "--judge", "llm", "--repeats", "2", "--resamples", "20"]
        assert main(arguments) == 0
    text = capsys.readouterr().out
    assert len(server.requests) == 6
    assert "it said the same of 2 of 3 claims (83.3% of its verdicts on a claim agree)" in text
    assert "1 could not be judged" in text


def test_the_rules_table_counts_each_claim_once(tmp_path: Path) -> None:
    table = rules_table(read_claims([write(tmp_path / "set.jsonl", rows())]))
    assert "| direction_changed | veto | 1.00" in table


def test_a_seed_decides_everything_that_is_planted() -> None:
    context = Context(
        ("We show that KelpNet improves accuracy by 5 points on all 12 tasks.", "It may be used in several settings."),
        ("Icy moons are heated by tides.", "Their oceans are often covered by thick layers of ice, which can crack."),
        ("COCO",),
    )
    sentence = context.paper_sentences[0]
    defects = plant(sentence, random.Random(3), context)
    assert defects == plant(sentence, random.Random(3), context)
    assert {defect.kind for defect in defects} >= {
        "number",
        "negation",
        "direction",
        "name",
        "quantifier",
        "wrong_paper",
    }
    assert all(defect.claim != sentence for defect in defects)
    assert {defect.kind for defect in defects} <= set(DEFECT_KINDS)
    assert {kind for kind, _ in true_claims(sentence, random.Random(3), context)} <= set(TRUE_KINDS)


def test_a_sentence_without_a_place_for_a_defect_gets_none() -> None:
    kinds = {
        d.kind for d in plant("Kelp forests shelter fish.", random.Random(0), Context(("Kelp forests shelter fish.",)))
    }
    assert not kinds


@pytest.mark.slow
def test_the_audit_catches_planted_defects_and_spares_true_sentences() -> None:
    papers = [paper for paper in read_papers(SHIPPED) if isinstance(paper, Paper)][:25]
    claims = list(planted(papers, random.Random(5), 1))
    audited = audit(claims, RulesJudge())
    defects = sum(audited.made[kind] for kind in DEFECT_KINDS)
    true = sum(audited.made[kind] for kind in TRUE_KINDS)
    assert sum(audited.flagged[kind] for kind in DEFECT_KINDS) / defects > 0.9
    assert sum(audited.flagged[kind] for kind in TRUE_KINDS) / true < 0.05
    assert audited.flagged["quote"] == 0
    assert "| quote |" in audit_table(audited)
    assert sum(audit(claims, AlwaysYes()).flagged.values()) == 0


def test_made_claims_are_split_by_paper_and_the_same_for_one_seed() -> None:
    papers = [paper for paper in read_papers(SHIPPED) if isinstance(paper, Paper)][:20]
    made = list(make(papers, seed=7))
    assert made == list(make(papers, seed=7))
    assert {row["label"] for row in made} == {0, 1}
    assert all(row["split"] == split_of(row["paper_id"]) for row in made)
    assert len({row["id"] for row in made}) == len(made)
