"""The three parts of a library on disk, each met in one module; ``rag.library`` makes them one.

``records`` (SQLite) is what counts: what it does not call live does not exist. ``vectors``
(Chroma) and ``words`` (tantivy) are derived from it and could be rebuilt from it.
"""
