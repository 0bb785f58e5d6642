"""Best chunks by words (BM25 and a little more): the one place that meets tantivy.

A question never goes through tantivy's query language: its words are normalised as the
abstracts' words were, and looked up as they are. TeX counts as what it prints, in both, and
words that are written in two ways as one (``rag.wording``).

Papers without an abstract are held too, with their titles in a field of their own, so that
a search of chunks never meets them.
"""

from __future__ import annotations

import functools
import math
import re
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rag.errors import LibraryDamaged
from rag.index.rows import as_utf8
from rag.index.storage import storage
from rag.readable import named_signs, readable
from rag.wording import GREEK_NAMES, STOPS, PieceMemory, looked_up_piece, with_greek_names

if TYPE_CHECKING:
    import tantivy

    from rag.types import Chunk, Paper

TITLE_BOOST = 1.0
PHRASE_BOOST = 2.0
PRESENCE = 0.5
"""What a word is worth for being there at all, in the square of its rarity, beside what BM25 makes of how often it is
there. Its rarity is its inverse document frequency, as BM25 has it, or that in arXiv's abstracts if that is less:
among few texts 'what' may be rare. On SciFact's 809 training claims nDCG@10 is then 0.707 instead of 0.680 by words
alone, and 0.753 instead of 0.736 with the meaning; of 3,530 other questions the right paper is first for 94.9 %
instead of 94.3 (for 94.8 by the library's own rarity). A power of 1.5 with a weight of 1 does about as well."""
MIN_RARITY = 1.0
"""Commoner words, which are in a third of the texts, get nothing for it, and cost the less."""
MAX_TERMS = 64
"""Of a longer question only the rarest words are looked up."""

Fields = tuple[tuple[str, float], ...]
_FIELDS: Fields = (("title", TITLE_BOOST), ("abstract", 1.0))
_BARE_FIELDS: Fields = (("bare_title", 1.0),)
_ANALYSER = "english"
_MAX_WORD_BYTES = 60  # beyond: a URL or broken text extraction
_LEFT_OUT = "x" * (4 * _MAX_WORD_BYTES)  # longer than any term: keeps the place of such a word between its neighbours
_HEAP_BYTES = 32_000_000
_ASCII_WORD = re.compile("[A-Za-z0-9]+")
_QUOTED = re.compile(r'["“„]([^"“”„]{2,200})["”“]')


class _reading(storage):
    """``storage``, and what tantivy itself cannot read becomes LibraryDamaged."""

    __slots__ = ()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        # tantivy has no other name for it.
        if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
            raise LibraryDamaged(
                f"the words of {self._folder} cannot be read ({' '.join(str(error).split())[:200]}): "
                "run 'footnoted repair', which indexes them anew from the records"
            ) from error


class Words:
    """The full-text index in ``folder``; safe to use from many threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._library = folder.parent
        self._commit_file = folder / "meta.json"  # looked at with every query
        self._index: tantivy.Index | None = None
        self._committed: tuple[int, int, int] | None = None
        """What told apart the commit that was read last."""
        self._lock = threading.Lock()

    def query(self, text: str, k: int, among: Sequence[str] | None = None) -> list[tuple[str, float]]:
        """The ``k`` best chunks' ids with their score, best first, equal scores by id; [] if no word is held.

        The score is BM25 over title and text, and ``PRESENCE`` for every word that is in either.

        ``among``: of these ids alone.
        """
        return self._query(text, k, _FIELDS, among)

    def query_bare(self, text: str, k: int) -> list[tuple[str, float]]:
        """The same for papers without an abstract, by their titles."""
        return self._query(text, k, _BARE_FIELDS, None)

    def _query(self, text: str, k: int, fields: Fields, among: Sequence[str] | None) -> list[tuple[str, float]]:
        from tantivy import Occur, Query

        with _reading(self._library):
            index, searcher = self._searcher()
            query = self._build(text, index, searcher, fields)
            if query is None:
                return []
            if among is not None:
                wanted = Query.term_set_query(index.schema, "chunk_id", list(among))
                query = Query.boolean_query([(Occur.Must, query), (Occur.Must, Query.const_score_query(wanted, 0.0))])
            hits = searcher.search(query, k, count=False).hits
            found = [(searcher.doc(address)["chunk_id"][0], float(score)) for score, address in hits]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def in_a_row(self, text: str, k: int, *, titles_only: bool = False) -> list[str]:
        """Ids of the ``k`` best texts in which the words of ``text`` stand one after the other, whatever their endings.

        Best is, in which they weigh most; [] for a text without a word.
        """
        from tantivy import Occur, Query

        with _reading(self._library):
            index, searcher = self._searcher()
            words = _terms_asked(text)
            if not words:
                return []
            fields = [
                field
                for field, _ in (_FIELDS[:1] if titles_only else _FIELDS)
                if all(searcher.doc_freq(field, word) for word in words)
            ]
            if not fields:  # as nearly always, and known for less than a query
                return []
            among = [
                Query.phrase_query(index.schema, field, [*words])
                if len(words) > 1
                else Query.term_query(index.schema, field, words[0])
                for field in fields
            ]
            query = Query.boolean_query([(Occur.Should, one) for one in among])
            hits = searcher.search(query, k, count=False).hits
            return [searcher.doc(address)["chunk_id"][0] for _, address in hits]

    @staticmethod
    def stems(words: Sequence[str]) -> list[str]:
        """As the index has them: '' for what is no single word."""
        stems = [_terms_asked(word) for word in words]
        return [own[0] if len(own) == 1 else "" for own in stems]

    def counts(self, stems: Sequence[str]) -> list[int]:
        """How many texts and titles have each of ``stems``, as of the last query."""
        searcher = self._open().searcher()
        fields = (*_FIELDS, *_BARE_FIELDS)
        return [sum(searcher.doc_freq(field, stem) for field, _ in fields) for stem in stems]

    def stems_beginning(self, with_: str) -> dict[str, int]:
        """The stems that begin so, and how many texts and titles have each, as of the last query."""
        searcher = self._open().searcher()
        found: dict[str, int] = {}
        for field, _ in _FIELDS:
            for stem, n in searcher.terms_with_prefix(field, with_):
                found[stem] = found.get(stem, 0) + n
        return found

    def check_holds(self, n_documents: int) -> None:
        """Raises LibraryDamaged if fewer chunks and papers without abstract are there at all."""
        n_held = self._open().searcher().num_docs
        if n_held < n_documents:
            raise LibraryDamaged(
                f"{self._folder} holds {n_held} of {n_documents} texts: run 'footnoted repair', "
                "which rebuilds them from the records"
            )

    def ids(self) -> list[str]:
        """All ids, one for each document, so that a doubled one shows."""
        import tantivy

        index = self._open()
        index.reload()
        searcher = index.searcher()
        n_documents = searcher.num_docs
        if n_documents == 0:
            return []
        hits = searcher.search(tantivy.Query.all_query(), n_documents, count=False).hits
        return [searcher.doc(address)["chunk_id"][0] for _, address in hits]

    def writer(self) -> tantivy.IndexWriter:
        """The one writer; let go of it (``del``) before another is asked for."""
        return self._open().writer(heap_size=_HEAP_BYTES, num_threads=1)

    def erase(self) -> None:
        """Remove all of it; only for the one process that writes."""
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        with self._lock:
            self._index = self._committed = None

    def _open(self) -> tantivy.Index:
        with self._lock, _reading(self._library):
            if self._index is None:
                import tantivy

                self._folder.mkdir(exist_ok=True)
                try:
                    # Creates the index where there is none, and opens it otherwise; even then it makes a lock file.
                    self._index = tantivy.Index(_schema(), path=str(self._folder))
                except ValueError as error:
                    if "schema" not in str(error):
                        raise
                    raise LibraryDamaged(
                        f"the words in {self._folder} were indexed by another version of footnoted: "
                        "run 'footnoted repair', which indexes them anew from the records"
                    ) from error
                self._index.register_tokenizer(_ANALYSER, _splitter())
                self._index.config_reader("manual")
            return self._index

    def _searcher(self) -> tuple[tantivy.Index, tantivy.Searcher]:
        """Of what was last committed."""
        index = self._open()
        committed = self._commit()
        if committed is None or committed != self._committed:  # to read it anew costs nearly as much as a query
            index.reload()
            self._committed = committed
        return index, index.searcher()

    def _commit(self) -> tuple[int, int, int] | None:
        """What tells the last commit apart: tantivy puts a new file in place with each; None where there is none."""
        try:
            found = self._commit_file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _build(
        self, text: str, index: tantivy.Index, searcher: tantivy.Searcher, fields: Fields
    ) -> tantivy.Query | None:
        from tantivy import Occur, Query

        from rag import vocabulary  # imports tantivy, which lists need none of

        terms = list(dict.fromkeys(_terms_asked(text)))
        n_documents = {term: max([searcher.doc_freq(field, term) for field, _ in fields]) for term in terms}
        terms = [term for term in terms if n_documents[term]]
        # Words that only ask are in most texts, where to look them up takes as long as all the others together.
        terms = [term for term in terms if vocabulary.weight(term)] or terms
        if len(terms) > MAX_TERMS:
            terms = sorted(terms, key=lambda term: n_documents[term])[:MAX_TERMS]
        phrases = [words for quoted in _QUOTED.findall(text) if len(words := _terms_asked(quoted)) > 1]
        schema = index.schema
        wanted = [
            Query.boost_query(Query.term_query(schema, field, term), boost) for term in terms for field, boost in fields
        ] + [
            Query.boost_query(Query.phrase_query(schema, field, [*words]), boost * PHRASE_BOOST)
            for words in phrases[:8]
            for field, boost in fields
        ]
        for term in terms:
            own = math.log(1 + (searcher.num_docs - n_documents[term] + 0.5) / (n_documents[term] + 0.5))
            if (rarity := min(own, vocabulary.weight(term))) >= MIN_RARITY:
                anywhere = [(Occur.Should, Query.term_query(schema, field, term)) for field, _ in fields]
                there = Query.const_score_query(Query.boolean_query(anywhere), PRESENCE * rarity**2)
                wanted.append(there)
        return Query.boolean_query([(Occur.Should, query) for query in wanted]) if terms else None


def document(paper: Paper, chunk: Chunk) -> tantivy.Document:
    import tantivy

    text = chunk.span.of(paper.abstract)
    return tantivy.Document(chunk_id=chunk.chunk_id, title=_terms(paper.title), abstract=_terms(text))


def bare_document(bare_id: str, paper: Paper) -> tantivy.Document:
    import tantivy

    return tantivy.Document(chunk_id=bare_id, bare_title=_terms(paper.title))


def _terms(text: str) -> str:
    """What the index holds of ``text`` as a reader sees it, and of its signs' names: 'times' finds what prints as ×.

    ``_analyser`` makes the same of ``looked_up``, but of each word again wherever it stands.
    """
    names = (name for name in named_signs(text) if name not in GREEK_NAMES)  # those stand in their places already
    printed = " ".join((readable(text), *names))
    return " ".join(map(_known_terms().__getitem__, with_greek_names(printed).split(" ")))


def _terms_asked(text: str) -> list[str]:
    """``_terms`` of a question, one by one, without the names of signs."""
    # A lone surrogate cannot reach tantivy, which takes UTF-8.
    printed = with_greek_names(readable(as_utf8(text)))
    known = _known_terms()
    return [term for piece in printed.split(" ") for term in known[piece].split() if term != _LEFT_OUT]


class _Terms(PieceMemory):
    """As the terms that the index holds of a piece."""

    most = 300_000  # some 40 MB

    def __init__(self) -> None:
        self._analyse = _analyser().analyze
        self._words_of = _simple().build().analyze

    def worked_out(self, piece: str) -> str:
        if (bare := piece.rstrip(STOPS)) and bare != piece:
            return self[bare]  # mostly known, from where no comma follows
        if piece.isascii() and not piece.isalnum():
            return " ".join(filter(None, map(self.__getitem__, _ASCII_WORD.findall(piece))))
        return self._analysed(as_utf8(looked_up_piece(piece)))

    def _analysed(self, piece: str) -> str:
        if len(piece.encode()) < _MAX_WORD_BYTES:
            return " ".join(self._analyse(piece))
        return " ".join(" ".join(self._analyse(word)) or _LEFT_OUT for word in self._words_of(piece))


@functools.cache
def _known_terms() -> _Terms:
    return _Terms()


def delete(writer: tantivy.IndexWriter, chunk_ids: Sequence[str]) -> None:
    """Take ids out at the writer's next commit; those that are not there are no error."""
    for chunk_id in chunk_ids:
        writer.delete_documents_by_term("chunk_id", chunk_id)


def _schema() -> tantivy.Schema:
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    builder.add_text_field("chunk_id", stored=True, tokenizer_name="raw", index_option="basic")
    for field, _ in (*_FIELDS, *_BARE_FIELDS):
        builder.add_text_field(field, tokenizer_name=_ANALYSER)
    return builder.build()


def _analyser() -> tantivy.TextAnalyzer:
    """Words, without case, accents and English endings."""
    from tantivy import Filter

    builder = _simple().filter(Filter.remove_long(_MAX_WORD_BYTES))
    return builder.filter(Filter.lowercase()).filter(Filter.ascii_fold()).filter(Filter.stemmer("english")).build()


def _simple() -> tantivy.TextAnalyzerBuilder:
    from tantivy import TextAnalyzerBuilder, Tokenizer

    return TextAnalyzerBuilder(Tokenizer.simple())


def _splitter() -> tantivy.TextAnalyzer:
    """Terms as ``_terms`` gives them, which need no more than to be told apart."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return TextAnalyzerBuilder(Tokenizer.whitespace()).filter(Filter.remove_long(len(_LEFT_OUT))).build()
