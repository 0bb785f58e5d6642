"""Public sets in their own formats: BEIR, PubMedQA, SciFact, ScholarQABench, RAGTruth.

Nothing is fetched: a set lies where its user put it. A question gets what its set knows of
the right answer; what a set does not know (unanswerable questions, mostly) it cannot measure.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from eval.data_sets.data_set import DataSet, rows_of, text_of
from eval.errors import DataSetError
from eval.questions import Question, from_json, to_json
from rag.papers import paper_id_for
from rag.sentences import split_sentences
from rag.types import Paper


def read(kind: str, place: Path, *, split: str | None = None) -> DataSet:
    """The set of that format at ``place``; ``split`` names the part where there are several. Raises DataSetError."""
    try:
        return _sound(FORMATS[kind](place, split))
    except (LookupError, TypeError, ValueError, AttributeError, csv.Error) as error:
        raise DataSetError(f"{place} is not of the format '{kind}': it lacks or garbles {error}") from error


def _sound(found: DataSet) -> DataSet:
    """The same, if it can be added, asked and judged as it is; raises ValueError naming the first row that cannot."""
    for paper in found.papers:
        if not isinstance(paper.title, str) or not isinstance(paper.abstract, str):
            raise ValueError(f"the title or the text of '{paper.paper_id}'")
    names = set()
    for question in found.questions:
        try:
            from_json(to_json(question))
        except ValueError as error:
            raise ValueError(f"'{question.question_id}': {error}") from error
        if question.question_id in names:
            raise ValueError(f"'{question.question_id}', which stands there twice")
        names.add(question.question_id)
    for claim in found.claims:
        if not isinstance(claim["response"], str) or not all(isinstance(one, str) for one in claim["source_texts"]):
            raise ValueError(f"the texts of '{claim['id']}'")
    return found


def beir(folder: Path, split: str | None) -> DataSet:
    """``corpus.jsonl``, ``queries.jsonl``, ``qrels/SPLIT.tsv`` (Thakur et al. 2021)."""
    papers = [
        Paper(str(row["_id"]), row.get("title") or str(row["_id"]), row.get("text") or "")
        for row in rows_of(_there(folder, "corpus.jsonl"))
    ]
    known = {paper.paper_id for paper in papers}
    texts = {str(row["_id"]): row["text"] for row in rows_of(_there(folder, "queries.jsonl"))}
    splits = sorted((folder / "qrels").glob("*.tsv")) if split is None else [_there(folder, f"qrels/{split}.tsv")]
    if not splits:
        raise DataSetError(f"{folder} holds no qrels/*.tsv: it is no BEIR folder")
    relevant: dict[str, list[str]] = defaultdict(list)
    n_gone = 0
    for path in splits:
        for row in csv.reader(io.StringIO(text_of(path)), delimiter="\t", quoting=csv.QUOTE_NONE):
            if len(row) >= 3 and row[2].strip().isdigit() and int(row[2]) > 0:
                if row[1] in known and texts.get(row[0], "").strip():
                    relevant[row[0]].append(row[1])
                else:
                    n_gone += 1
    questions = [
        Question(name, texts[name], True, relevant=tuple(dict.fromkeys(ids)), tags=("beir",))
        for name, ids in relevant.items()
    ]
    if not questions:
        raise DataSetError(f"{folder} judges no query that it has by a document that it has: nothing could be asked")
    notes = (f"{n_gone} judgements are about a query or a document that is not there",) if n_gone else ()
    return DataSet(tuple(papers), tuple(questions), (), notes)


def pubmedqa(place: Path, split: str | None) -> DataSet:
    """``ori_pqal.json`` or a file of its rows (Jin et al. 2019): the conclusion is the reference, and not in the paper.

    The question is mostly the paper's title, so the paper gets none of its own: it is
    named by its PMID.
    """
    path = place if place.is_file() else _first(place, "ori_pqal.json", "pqal.jsonl", "pqal.json")
    papers, questions = [], []
    for row in rows_of(path):
        if split is not None and row.get("split") not in (None, split):
            continue
        pmid = str(row.get("_key") or row.get("id") or row.get("PMID"))
        contexts = _either(row, "CONTEXTS", "contexts")
        labels = _either(row, "LABELS", "context_labels")
        abstract = "\n".join(f"{label}: {text}" for label, text in zip(labels, contexts, strict=False))
        papers.append(Paper(f"pmid:{pmid}", f"PubMed {pmid}", abstract, pmid=pmid))
        decision = row.get("final_decision") or row.get("answer") or ""
        questions.append(
            Question(
                f"pubmedqa-{pmid}",
                _either(row, "QUESTION", "question"),
                True,
                relevant=(f"pmid:{pmid}",),
                reference=f"{decision.capitalize()}. {_either(row, 'LONG_ANSWER', 'long_answer')}".lstrip(". "),
                tags=tuple(filter(None, ("pubmedqa", decision))),
            )
        )
    return DataSet(tuple(papers), tuple(questions))


def scifact(folder: Path, split: str | None) -> DataSet:
    """``corpus.jsonl`` and ``claims_SPLIT.jsonl`` (Wadden et al. 2020): claims as questions, and as claims to judge."""
    corpus = {str(row["doc_id"]): row for row in rows_of(_there(folder, "corpus.jsonl"))}
    papers = [Paper(f"scifact:{name}", row["title"], " ".join(row["abstract"])) for name, row in corpus.items()]
    path = _there(folder, f"claims_{split or 'dev'}.jsonl")
    questions: list[Question] = []
    claims: list[Mapping[str, Any]] = []
    rows = rows_of(path)
    # The test claims came without labels: taken as they are, all of them would look unanswerable.
    if not any("evidence" in row for row in rows):
        raise DataSetError(f"{path} says nothing of what its claims are supported by: take the split train or dev")
    for row in rows:
        evidence: Mapping[str, Any] = row["evidence"]
        sentences: list[str] = []
        labels: set[str] = set()
        for name, found in evidence.items():
            for one in found:
                sentences += [corpus[name]["abstract"][at] for at in one["sentences"]]
                labels.add(one["label"])
        for name in dict.fromkeys([*evidence, *map(str, row.get("cited_doc_ids") or ())]):
            own = evidence.get(name)
            label = own[0]["label"] if own else "NOT_ENOUGH_INFO"
            claims.append(
                {
                    "id": f"scifact-{row['id']}-{name}",
                    "response": row["claim"],
                    "source_texts": [corpus[name]["title"], " ".join(corpus[name]["abstract"])],
                    "source_ids": [name],
                    "label": "supported" if label == "SUPPORT" else "not supported",
                    "label_raw": label,
                }
            )
        questions.append(
            Question(
                f"scifact-{row['id']}",
                f"Is it true that {row['claim'][0].lower()}{row['claim'][1:].rstrip('.')}?",
                bool(evidence),
                relevant=tuple(f"scifact:{name}" for name in evidence),
                evidence=tuple(dict.fromkeys(one.strip() for one in sentences)),
                tags=("scifact", *sorted(label.lower() for label in labels)),
            )
        )
    return DataSet(tuple(papers), tuple(questions), tuple(claims))


def scholarqabench(place: Path, split: str | None) -> DataSet:
    """Its question files (Asai et al. 2024): a question, passages, and an answer where there is one.

    A folder is read file by file. The passages that belong to one paper, by their ids or
    their title, become that paper's text in the order in which they first come. Passages
    that nothing names are left out, and so are questions without passages and without an
    answer, which nothing could be judged by.
    """
    paths = [place] if place.is_file() else sorted([*place.rglob("*.json"), *place.rglob("*.jsonl")])
    titles: dict[str, str] = {}
    texts: dict[str, list[str]] = defaultdict(list)
    questions: dict[str, Question] = {}
    n_unnamed = n_without = 0
    for path in paths:
        for number, row in enumerate(rows_of(path), 1):
            text = _first_text(row, "input", "question", "initial_prompt", "query")
            if not text:
                continue
            relevant = []
            for passage in _passages(row):
                title, said = _first_text(passage, "title"), _first_text(passage, "text")
                name = _paper_of_passage(passage, title)
                if not name or not said:
                    n_unnamed += 1
                    continue
                titles[name] = titles.get(name) or title
                if said not in texts[name]:
                    texts[name].append(said)
                relevant.append(name)
            answer = _first_text(row, "answer", "gold_answer", "output", "human_answer")
            if not relevant and not answer:
                n_without += 1
                continue
            wanted = f"{path.stem}-{row.get('case_id') or row.get('id') or number}"
            questions[wanted] = Question(
                wanted, text, True, relevant=tuple(dict.fromkeys(relevant)), reference=answer, tags=(path.stem,)
            )
    if not questions:
        raise DataSetError(f"{place} holds no question with passages or an answer: name a file of the set's questions")
    papers = [Paper(name, titles[name] or name, "\n\n".join(own)) for name, own in texts.items()]
    notes = [f"{n_without} questions have neither passages nor an answer and were left out"] if n_without else []
    if n_unnamed:
        notes.append(f"{n_unnamed} passages have no text, or neither a title nor an id, and were left out")
    return DataSet(tuple(papers), tuple(questions.values()), (), tuple(notes))


def _passages(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those that answer: ``gold_ctxs`` (places in ``ctxs``, or passages) or ``gold_ctx``; else all that are cited."""
    every = row.get("ctxs") or []
    found = next((row[name] for name in ("gold_ctxs", "gold_ctx") if row.get(name) is not None), every)
    listed = found if isinstance(found, list) else [found]
    placed = [every[one] if isinstance(one, int) and 0 <= one < len(every) else one for one in listed]
    return [one for one in placed if isinstance(one, dict)]


def _paper_of_passage(passage: Mapping[str, Any], title: str) -> str:
    """QASA's passages are numbered within their paper ('ID_all_7') and carry titles of sections; others name it."""
    paper, numbered, _ = str(passage.get("id") or "").partition("_all_")
    if numbered and paper:
        return f"qasa:{paper}"
    return paper_id_for(title) if title else ""


def _first_text(row: Mapping[str, Any], *names: str) -> str:
    """The first of the fields that says something, of a list its first; '' for none (their files have NaN for that)."""
    for name in names:
        value = row.get(name)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def ragtruth(folder: Path, split: str | None) -> DataSet:
    """``response.jsonl`` and ``source_info.jsonl`` (Niu et al. 2024): each sentence of a response is a claim.

    A sentence is not supported if a marked span reaches into it; spans that the annotators
    call true though not stated are left as they are: not stated. Truncated responses and
    refusals are left out.
    """
    sources = {str(row["source_id"]): row for row in rows_of(_there(folder, "source_info.jsonl"))}
    claims: list[Mapping[str, Any]] = []
    n_left_out = 0
    for row in rows_of(_there(folder, "response.jsonl")):
        source = sources[str(row["source_id"])]
        if split is not None and row.get("split") != split:
            continue
        if row.get("quality", "good") != "good":
            n_left_out += 1
            continue
        text = row["response"]
        for number, span in enumerate(split_sentences(text)):
            marked = [one for one in row["labels"] if one["start"] < span.end and one["end"] > span.start]
            claims.append(
                {
                    "id": f"ragtruth-{row['id']}-{number}",
                    "response": span.of(text),
                    "source_texts": list(_ragtruth_texts(source["source_info"])),
                    "source_ids": [str(row["source_id"])],
                    "label": "not supported" if marked else "supported",
                    "label_raw": marked[0]["label_type"] if marked else source["task_type"],
                }
            )
    notes = (f"{n_left_out} responses that are truncated or refuse were left out",) if n_left_out else ()
    return DataSet((), (), tuple(claims), notes)


def _ragtruth_texts(info: Any) -> Iterable[str]:
    if isinstance(info, str):
        return [info]
    if "passages" in info:
        return [info["passages"]]
    return [_flat(info)]


def _flat(value: Any, name: str = "") -> str:
    if isinstance(value, dict):
        return " ".join(_flat(inner, str(key)) for key, inner in value.items())
    if isinstance(value, list):
        return " ".join(_flat(inner, name) for inner in value)
    return f"{name}: {value}." if name else f"{value}."


FORMATS: Mapping[str, Callable[[Path, str | None], DataSet]] = {
    "beir": beir,
    "pubmedqa": pubmedqa,
    "scifact": scifact,
    "scholarqabench": scholarqabench,
    "ragtruth": ragtruth,
}


def _there(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    raise DataSetError(f"{folder / name} is not there: name the folder of the set, or a split that it has")


def _first(folder: Path, *names: str) -> Path:
    for path in (folder / "data" / name if (folder / "data" / name).exists() else folder / name for name in names):
        if path.exists():
            return path
    raise DataSetError(f"{folder} holds none of {', '.join(names)}: name the file itself")


def _either(row: Mapping[str, Any], *names: str) -> Any:
    """The first of the fields that is there; raises KeyError for none."""
    return next((row[name] for name in names if name in row), None) or row[names[-1]]
