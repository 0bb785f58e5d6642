"""TeX is shown and searched as it prints, and nothing of a text gets lost."""

import time

import pytest

from rag.readable import readable


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"R\"ossler, R\"{o}ssler, R{\"o}ssler, R\" ossler", "Rössler, Rössler, Rössler, Rössler"),
        (r"Erd\H{o}s, \v{S}koda, \c Caglar, na\"{\i}ve, na\"\i ve", "Erdős, Škoda, Çaglar, naïve, naïve"),
        (r"Stra\ss e, \L{}ukasiewicz, \O rsted, \AA", "Straße, Łukasiewicz, Ørsted, Å"),
        (r"$\alpha$-stable and $\Lambda$CDM, H$\alpha$", "α-stable and ΛCDM, Hα"),
        (r"$10^{-3}$ at $5\sigma$, $x \leq y_{i}$", "10^-3 at 5σ, x ≤ y_i"),
        (r"a set \{a,b\} in $\mathbb{R}^n$, \frac{a}{b}", "a set {a,b} in ℝ^n, a/b"),
        (r"{Pd-N}-heterocyclic {Carbenes}", "Pd-N-heterocyclic Carbenes"),
        (r"50\% of \emph{all} {\em things} cost \$5", "50% of all things cost $5"),
        (r"Fig.~1, Smith~et al., 1--2 --- ``so''", "Fig. 1, Smith et al., 1–2 — “so”"),
        (r"\unknown{x} and \foo stay", r"\unknown x and \foo stay"),
        (r"\(a\) \[b\] $$c$$", "a b  c "),
        (r"\$x$y$ and \$5 a$ b$c", "$xy and $5 a$ b$c"),
    ],
)
def test_tex_reads_as_it_prints(tex, text):
    assert readable(tex) == text


@pytest.mark.parametrize(
    "text",
    ["It costs $5 or $6, or $5-$6.", "50% of a_b and x^2 # not a comment", "~5 kpc", "a < b", "", "--flag", "naïve α"],
)
def test_what_is_no_tex_stays_as_it_is(text):
    assert readable(text) == text


@pytest.mark.parametrize(
    "piece", ["{", "}", "\\", "$", "$a ", "\\(", "``", '\\"', "^{", "--", "\\frac{", "\\mathbb ", "~"]
)
def test_hostile_tex_takes_linear_time(piece):
    started = time.perf_counter()
    readable(piece * (100_000 // len(piece)))
    assert time.perf_counter() - started < 2
