"""Words that are written in two ways, made one for the search."""

from __future__ import annotations

import pytest

from rag.wording import looked_up, one_spelling


@pytest.mark.parametrize(
    ("british", "american"),
    [
        ("tumour behaviour", "tumor behavior"),
        ("Optimisation and modelling", "Optimization and modeling"),
        ("analysed, analysing, analyse", "analyzed, analyzing, analyze"),
        ("RANDOMISED centre", "RANDOMIZED center"),
        ("haemoglobin in anaemia, leukaemia and oedema", "hemoglobin in anemia, leukemia and edema"),
        ("oestrogen, gastrooesophageal, paediatric", "estrogen, gastroesophageal, pediatric"),
        ("defence, licence, catalogue, programme, fibres", "defense, license, catalog, program, fibers"),
        ("neighbourhoods coloured grey", "neighborhoods colored gray"),
        ("labelled signalling; judgement", "labeled signaling; judgment"),
    ],
)
def test_british_words_come_out_as_american_ones_and_these_stay(british: str, american: str) -> None:
    assert one_spelling(british) == american
    assert one_spelling(american) == american


@pytest.mark.parametrize(
    "text",
    [
        "four hours of your tour",
        "a promise, precise advice, otherwise wise; supervised exercises rise and arise",
        "genre acre analyses crisis basis phytoestrogens gastroesophageal archaea Haemophilus",
        "parallel cells called all filling stations",
        "AlphaFold and DeltaNet; piRNA; Meta-analysis, META, Zeta, Delphi, Psi, Sophi",
        "",
        " \n two  blanks ",
    ],
)
def test_other_words_stay_as_they_are(text: str) -> None:
    assert one_spelling(text) == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("β-amyloid", "beta-amyloid"),
        ("TGF-β1 and TGFβ1", "TGF-beta1 and TGF beta1"),
        ("TNFα, TNFalpha", "TNF alpha, TNF alpha"),
        ("NF-κB, NFκB, NF-kappaB", "NF-kappa B, NF kappa B, NF-kappa B"),
        ("17β, 𝛽 and 5 µm", "17 beta, beta and 5 mu m"),
        ("Ωmega", "Omega mega"),
    ],
)
def test_greek_letters_go_by_their_names(text: str, plain: str) -> None:
    assert one_spelling(text) == plain


def test_a_text_in_greek_is_no_row_of_letters() -> None:
    assert one_spelling("η βιολογία των φυκών") == "η βιολογία των φυκών"


def test_acronyms_are_looked_up_in_the_singular() -> None:
    assert looked_up("LLMs, gnns and PDEs (GANs)") == "LLM, gnn and PDE (GAN)"
    assert looked_up("cells GPS css class mRNA's") == "cells GPS css class mRNA's"


def test_hostile_text_comes_through_whole() -> None:
    for text in ("\ud800 β", "a" * 50_000, "tumour" * 5_000, "\x00\x1b", "ααα" * 1_000):
        assert looked_up(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Ialpha, (tumour), tumour.; GNNs).", "I alpha, (tumor), tumor.; GNN)."),
        ("10^3, 2015. ...", "10^3, 2015. ..."),
        ("behaviour-based/modelling,", "behavior-based/modeling,"),
    ],
)
def test_what_stands_around_a_word_stays_where_it_is(text: str, plain: str) -> None:
    assert looked_up(text) == plain
