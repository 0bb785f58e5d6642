"""Drafts of questions from any library, for people to correct: by a model, or by rules from its sentences.

A draft is never asked as it is without a person's eye: each carries the tag ``draft``. Its
evidence is letter for letter, so what a person corrects is the wording and the expressions.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

import prompts
from eval.questions import Question
from eval.runs.cache import Cache, WatchedModel
from eval.runs.fingerprint import model_identity
from rag.context import neutralise
from rag.llm import LanguageModel
from rag.sentences import split_sentences
from rag.types import Paper

DRAFT = "draft"

# A number in brackets by itself counts the items of a list.
_NUMBER = re.compile(r"(?!\d+\))(?<![\w.^_{$\\-])\d+(?:,\d{3})*(?:\.\d+)?\s?(?:%|x\b|times\b)?(?![\w^_}]|\.\d)")
_FINDING = re.compile(
    r"^(?:We|Our (?:results|experiments|findings)|Results|Experiments)\b.{0,40}?"
    r"\b(show|find|demonstrate|observe|prove|reveal|indicate|suggest)s? that (?P<what>.+?)\.?$"
)
_PURPOSE = re.compile(
    r"\b[Ww]e (?:propose|introduce|present|develop|describe)\s+(?P<what>.+?)"
    r"(?=,| that | which | for | to | in which |\.$|$)"
)
_REPLY = re.compile(r"^\W*QUESTION:\s*(?P<question>\S.+?)\s*^\W*ANSWER:\s*(?P<answer>\S.+?)\s*\Z", re.M | re.S)

_UNANSWERED = (
    "How many GPUs were used for {title}?",
    "Which journal published {title}?",
    "Who funded the work on {title}?",
    "What batch size and learning rate does {title} use?",
    "How long did the experiments of {title} take in hours?",
)


def by_rules(papers: Sequence[Paper], n: int, seed: int = 0) -> list[Question]:
    """``n`` drafts at most: numbers to fill in, findings, what a paper proposes, and one in five unanswerable.

    The same papers and seed give the same drafts.
    """
    rng = random.Random(seed)
    shuffled = [paper for paper in papers if paper.abstract.strip()]
    rng.shuffle(shuffled)
    n_unanswerable = n // 5 if len(shuffled) > 1 else 0
    answerable = _taken(shuffled, n - n_unanswerable, lambda paper: _drafts_of(paper, rng))
    unanswerable = [
        Question(
            f"draft-{paper.paper_id}-unanswerable",
            rng.choice(_UNANSWERED).format(title=f"“{_short_title(paper)}”"),
            False,
            tags=(DRAFT, "unanswerable", "not-stated"),
        )
        for paper in shuffled[:n_unanswerable]
    ]
    return [*answerable, *unanswerable]


def by_model(
    papers: Sequence[Paper],
    n: int,
    model: LanguageModel,
    *,
    cache: Cache | None = None,
    seed: int = 0,
    on_question: Callable[[int], None] | None = None,
) -> tuple[list[Question], int]:
    """``n`` drafts at most that a model wrote to sentences picked at random, and how many replies were no use.

    A reply is no use if it is not of the form that was asked for, copies the sentence, or
    gives an answer that does not stand in it. Raises ModelError where the model fails.
    """
    rng = random.Random(seed)
    shuffled = [paper for paper in papers if paper.abstract.strip()]
    rng.shuffle(shuffled)
    found: list[Question] = []
    n_useless = 0
    for paper in shuffled:
        if len(found) == n:
            break
        sentences = [span.of(paper.abstract) for span in split_sentences(paper.abstract)]
        sentence = rng.choice([one for one in sentences if len(one.split()) >= 8] or sentences)
        messages = prompts.load("draft_question").render(
            title=neutralise(paper.title), sentence=neutralise(sentence), abstract=neutralise(paper.abstract)
        )
        watched = WatchedModel(model, model_identity(model) or {}, 0, cache, threading.Event())
        with watched.stream(messages) as stream:
            draft = _from_reply("".join(stream), paper, sentence)
        if draft is None:
            n_useless += 1
        else:
            found.append(draft)
        if on_question is not None:
            on_question(len(found))
    return found, n_useless


def _from_reply(reply: str, paper: Paper, sentence: str) -> Question | None:
    match = _REPLY.search(reply)
    if match is None:
        return None
    question, answer = (" ".join(match[name].split()) for name in ("question", "answer"))
    core = answer.rstrip(".").strip("\"'“”")
    copied = " ".join(question.casefold().split())
    words = sentence.casefold().split()
    copies = any(" ".join(words[at : at + 7]) in copied for at in range(len(words) - 6))
    if not core or len(question) > 400 or copies or not _stands_in(core, sentence):
        return None
    must = (re.escape(core),) if len(core.split()) <= 4 and core.casefold() in sentence.casefold() else ()
    return Question(
        f"draft-{paper.paper_id}",
        question,
        True,
        relevant=(paper.paper_id,),
        evidence=(sentence,),
        must=must,
        reference=answer,
        tags=(DRAFT, "number" if any(ch.isdigit() for ch in core) else "fact"),
    )


def _stands_in(answer: str, sentence: str) -> bool:
    """Most words of the answer, and all its numbers, are the sentence's."""
    own = set(re.findall(r"\w+", sentence.casefold()))
    said = re.findall(r"\w+", answer.casefold())
    numbers = [word for word in said if word.isdigit()]
    return all(word in own for word in numbers) and sum(word in own for word in said) >= 0.6 * len(said)


def _taken(papers: Sequence[Paper], n: int, drafts: Callable[[Paper], Iterable[Question]]) -> list[Question]:
    """One draft of each paper, then a second, until there are enough."""
    waiting = [iter(drafts(paper)) for paper in papers]
    found: list[Question] = []
    while waiting and len(found) < n:
        still = []
        for own in waiting:
            draft = next(own, None)
            if draft is not None and len(found) < n:
                found.append(draft)
                still.append(own)
        waiting = still
    return found


def _drafts_of(paper: Paper, rng: random.Random) -> Iterator[Question]:
    kinds: list[Question] = []
    title = _short_title(paper)
    for number, span in enumerate(split_sentences(paper.abstract)):
        sentence = span.of(paper.abstract)
        name = f"draft-{paper.paper_id}-{number}"
        figure = rng.choice(found) if (found := list(_NUMBER.finditer(sentence))) else None
        finding, purpose = _FINDING.match(sentence), _PURPOSE.search(sentence)
        if figure is not None:
            gap = f"{sentence[: figure.start()]}___{sentence[figure.end() :]}".strip()
            asked = f"In “{title}”, what number belongs here: “{' '.join(gap.split())}”"
            must, kind, said = re.escape(figure[0].strip()), "number", figure[0].strip()
        elif finding is not None and len(finding["what"].split()) >= 6:
            asked, must, kind = f"What does “{title}” find about {_topic(finding['what'])}?", "", "how"
            said = finding["what"]
        elif purpose is not None and 2 <= len(purpose["what"].split()) <= 14:
            asked, must, kind, said = f"What do the authors of “{title}” propose?", "", "fact", purpose["what"]
        else:
            continue
        kinds.append(
            Question(
                name,
                asked,
                True,
                relevant=(paper.paper_id,),
                evidence=(sentence,),
                must=(must,) if must else (),
                reference=said,
                tags=(DRAFT, kind),
            )
        )
    rng.shuffle(kinds)
    return iter(kinds)


def _topic(text: str) -> str:
    """The first words of a clause, up to where it starts to say something."""
    words = re.split(r"\b(?:is|are|was|were|can|could|may|has|have|do|does|will)\b", text, maxsplit=1)[0].split()
    return " ".join(words[:8]) or " ".join(text.split()[:6])


def _short_title(paper: Paper) -> str:
    return " ".join(paper.title.split())[:120]
