"""Each rule with its traps, worked by hand."""

import pytest

from rag.judge.by_rules import RulesJudge
from rag.judge.comparison import compare
from rag.judge.quantities import quantities
from rag.judge.reading import cleaned, read
from rag.judge.rules import POWERS, findings_of
from rag.judge.rules.numbers import missing_numbers

SOURCE = (
    "We present KelpNet, a network that significantly improves accuracy by 5 % on ImageNet "
    "while reducing the cost of training.",
    "It does not need labelled data, and it is trained on 1,000 images within two days.",
    "KelpNet may outperform BERT before fine-tuning, but not after it.",
    "Most participants, no fewer than 50, reported that the effect is associated with sleep.",
)


def values(text: str) -> list[tuple[float, str]]:
    return [(quantity.value, quantity.kind) for quantity in quantities(cleaned(text)[0])]


def rules_fired(claim: str, *evidence: str) -> set[str]:
    return {finding.rule for finding in findings_of(compare(claim, evidence or SOURCE))}


def verdict(claim: str, *evidence: str) -> str:
    return RulesJudge().judge(claim, evidence or SOURCE).verdict


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,000 items", [(1000, "plain")]),
        ("10^3 items", [(1000, "plain")]),
        ("$10^{-3}$ of it", [(0.001, "plain")]),
        ("10³ items", [(1000, "plain")]),
        ("3 × 10^5 cells", [(300_000, "plain")]),
        ("5 % of it", [(5, "percent")]),
        ("5\\% of it", [(5, "percent")]),
        ("five percent", [(5, "percent")]),
        ("p < 0.05", [(0.05, "p")]),
        ("a two-fold rise", [(2, "fold")]),
        ("a 2-fold rise", [(2, "fold")]),
        ("twice as fast", [(2, "fold")]),
        ("3.5x faster", [(3.5, "fold")]),
        ("half of them", [(0.5, "plain")]),
        ("two thirds of them", [(2 / 3, "plain")]),
        ("3-5 layers", [(3, "plain"), (5, "plain")]),
        ("between 3 and 5 layers", [(3, "plain"), (5, "plain")]),
        ("from 3% to 5%", [(3, "percent"), (5, "percent")]),
        ("in 2019", [(2019, "plain")]),
        ("twenty-five people", [(25, "plain")]),
        ("two hundred and five people", [(205, "plain")]),
        ("1.5 million words", [(1_500_000, "plain")]),
        ("a 7B model", [(7e9, "plain")]),
        ("on March 4, 2019", [(3, "month"), (4, "plain"), (2019, "plain")]),
        ("it may improve", []),
        ("GPT-4 and CIFAR-10 and p53", []),
        ("top-5 accuracy in 3D", []),
        ("nothing here", []),
    ],
)
def test_a_quantity_is_read_however_it_is_written(text: str, expected: list[tuple[float, str]]) -> None:
    assert values(text) == [(pytest.approx(value), kind) for value, kind in expected]


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("It needs 1000 steps to converge.", "It needs 1,000 steps to converge."),
        ("It needs 10^3 steps to converge.", "It needs 1,000 steps to converge."),
        ("It gained five percent in accuracy.", "It gained 5 % in accuracy."),
        ("Accuracy rose two-fold in the study.", "Accuracy doubled in the study."),
        ("It is twice as fast as before.", "It is 2x faster than before."),
        ("It runs at 0.5 s for a page.", "It runs at 500 ms for a page."),
        ("About half of the users agreed.", "Of the users, 48 % agreed."),
        ("More than 50 people took part.", "In total 53 people took part."),
        ("The score was about 51%.", "The score was 50.8%."),
        ("It was used in the 1990s by many.", "It was used in 1994 by many."),
        ("The effect holds with p < 0.05 in mice.", "The effect holds with p = 0.01 in mice."),
        ("Two methods are compared here.", "Both methods are compared here."),
        ("One of the methods wins here.", "Some of the methods win here."),
    ],
)
def test_the_same_number_in_another_spelling_is_not_missing(claim: str, source: str) -> None:
    assert "number_missing" not in rules_fired(claim, source)


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("It needs 100 steps to converge.", "It needs 1,000 steps to converge."),
        ("It uses 5 % of the layers.", "It uses 5 layers."),
        ("It is three times as fast as before.", "It is twice as fast as before."),
        ("It was measured in 2018.", "It was measured in 2019."),
        ("It takes 5 ms for a page.", "It takes 5 km for a page."),
        ("The effect holds with p < 0.01 in mice.", "The effect holds with p < 0.05 in mice."),
        ("It has 3-6 layers in total.", "It has 3-5 layers in total."),
        ("It ended in April 2019.", "It ended in March 2019."),
    ],
)
def test_another_number_is_missing(claim: str, source: str) -> None:
    assert "number_missing" in rules_fired(claim, source)


def test_a_number_that_stands_elsewhere_in_the_source_is_still_noticed() -> None:
    source = "We use 12 datasets with 30 tasks to test the proposed retrieval method."
    assert "number_moved" in rules_fired(source.replace("12 datasets", "30 datasets"), source)


def test_more_than_is_not_less_than() -> None:
    assert "number_bound" in rules_fired("Fewer than 50 participants reported it.", SOURCE[3])
    assert "number_bound" in rules_fired("Fewer than ten domains use it.", "It is used across 10+ domains.")
    assert "number_bound" not in rules_fired("At least 50 participants reported it.", SOURCE[3])


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("It does need labelled data, and it is trained on 1,000 images.", SOURCE[1]),
        ("It needs labelled data, and it is trained on 1,000 images.", SOURCE[1]),
        ("The network is not trained on many labelled images.", "The network is trained on many labelled images."),
        ("The models are not only capable of shallow reasoning.", "The models are only capable of shallow reasoning."),
        ("The models cannot be trained with little data.", "The models can be trained with little data."),
        ("The models are trained without labelled data at all.", "The models are trained with labelled data at all."),
    ],
)
def test_a_denial_put_in_or_taken_out_contradicts(claim: str, source: str) -> None:
    assert verdict(claim, source) == "contradicted"


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("The method improves speed and accuracy.", "The method not only improves speed but also accuracy."),
        ("At least 50 people took part in the trial.", "No fewer than 50 people took part in the trial."),
        ("We do not know whether the method is stable.", "We do not know whether or not the method is stable."),
        (
            "The method improves accuracy on all the tasks.",
            "The method improves accuracy on all the tasks, but not speed.",
        ),
        ("The method is not stable.", "The method isn't stable."),
    ],
)
def test_harmless_denials_are_no_contradiction(claim: str, source: str) -> None:
    assert not {rule for rule in rules_fired(claim, source) if rule.startswith("negation")}


def test_with_no_says_what_without_says() -> None:
    source = "It lets the models improve with no external teachers."
    assert not rules_fired("It lets the models improve without external teachers.", source)
    assert verdict("It lets the models improve with external teachers.", source) == "contradicted"


def test_a_prefix_is_noticed_beside_the_same_word_in_any_sentence() -> None:
    sources = (
        "Backpropagation is the standard in deep learning.",
        "It is not only biologically implausible, but slow.",
    )
    assert "negation_prefix" in rules_fired("Backpropagation is biologically plausible.", *sources)
    both = "Works have modelled static signed networks or dynamic unsigned networks."
    assert "negation_prefix" not in rules_fired("They have modelled unsigned networks.", both)


def test_prefixes_deny_only_where_the_base_is_a_word_of_its_own() -> None:
    assert "negation_prefix" in rules_fired("We study a linear system.", "We study a non-linear system.")
    assert "negation_prefix" in rules_fired("We study a nonlinear system.", "We study a linear system.")
    assert "negation_prefix" in rules_fired("It is a supervised method.", "It is an unsupervised method.")
    assert "negation_prefix" not in rules_fired("It is a nonlinear system.", "It is a non-linear system.")
    assert "negation_prefix" not in rules_fired("We improve the unified form.", "We prove the form under these.")
    assert "negation_prefix" not in rules_fired("It is not possible to win.", "It is impossible to win.")


@pytest.mark.parametrize(
    ("old", "new"),
    [("improves", "worsens"), ("improves", "decreases"), ("reducing", "increasing")],
)
def test_an_opposite_word_contradicts(old: str, new: str) -> None:
    assert verdict(SOURCE[0].replace(old, new)) == "contradicted"


def test_before_is_not_after() -> None:
    assert verdict("KelpNet may outperform BERT after fine-tuning.") == "contradicted"


def test_the_sides_of_a_comparison_may_not_be_exchanged() -> None:
    source = "On this benchmark KelpNet clearly outperforms BERT by a wide margin."
    assert "roles_swapped" in rules_fired(
        "On this benchmark BERT clearly outperforms KelpNet by a wide margin.", source
    )
    assert "roles_swapped" not in rules_fired(source, source)


def test_to_reduce_an_error_is_to_improve_it() -> None:
    source = "The proposed scheme reduces the error of the numerical solution."
    assert "direction_changed" not in rules_fired(
        "The proposed scheme improves the error of the numerical solution.", source
    )


def test_a_denied_increase_is_not_an_opposite_of_a_decrease() -> None:
    source = "The new drug does not increase blood pressure in older patients."
    claim = "The new drug decreases blood pressure in older patients."
    assert "negation_changed" not in rules_fired(claim, source)


@pytest.mark.parametrize("name", ["CIFAR-10", "COCO", "SQuAD"])
def test_another_data_set_is_another_claim(name: str) -> None:
    assert verdict(SOURCE[0].replace("ImageNet", name)) == "contradicted"


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("KelpNet requires labelled images.", "Existing methods often require labelled images."),
        ("The method requires labelled images.", "Existing methods for this goal often require labelled images."),
        ("Our model is limited to a single site.", "However, current models are limited to a single site."),
    ],
)
def test_what_a_source_says_of_other_work_is_not_said_of_its_own(claim: str, source: str) -> None:
    assert "of_others" in rules_fired(claim, source, "We present KelpNet.")


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("Existing methods require labelled images.", "Existing methods often require labelled images."),
        ("RLHF requires labelled images.", "Existing methods like RLHF require labelled images."),
        ("KelpNet requires no labelled images.", "Existing methods often require labelled images."),
        ("KelpNet counts urchins on its own.", "Unlike previous methods, it counts urchins on its own."),
        ("Methods often require labelled images.", "Existing methods often require labelled images."),
    ],
)
def test_what_is_said_of_other_work_may_be_told_of_it_or_denied_of_its_own(claim: str, source: str) -> None:
    assert "of_others" not in rules_fired(claim, source, "We present KelpNet.")


def test_a_name_put_into_a_list_is_noticed() -> None:
    source = "It is tested on MNIST, CIFAR10 and CIFAR100."
    assert "name_listed" in rules_fired("It is tested on MNIST, CIFAR10 and ImageNet.", source)
    assert "name_listed" not in rules_fired("It is tested on MNIST and CIFAR-100.", source)
    assert verdict("It is tested on MNIST, CIFAR10 and ImageNet.", source) in ("partial", "contradicted")


def test_to_match_is_not_to_outperform() -> None:
    source = "KelpNet outperforms BERT on long texts while matching the state of the art on short ones."
    assert "level_raised" in rules_fired("On short texts KelpNet outperforms the state of the art.", source)
    assert "level_raised" not in rules_fired("KelpNet outperforms BERT on long texts.", source)
    assert "level_raised" not in rules_fired("It surpasses GRPO.", "It matches or even surpasses GRPO.")


def test_names_are_found_in_their_other_spellings() -> None:
    source = "Convolutional neural networks such as ResNet-50 are trained on Image-Net."
    assert not {"name_missing", "coinage_missing"} & set(rules_fired("CNN models like ResNet50 use ImageNet.", source))
    assert "name_missing" in rules_fired("Models such as VGG16 use ImageNet.", source)
    assert "coinage_missing" in rules_fired("Models such as ResNet101 use ImageNet.", source)


def test_what_is_said_of_one_coinage_is_not_said_of_another() -> None:
    source = "KelpNet learns from two layers of mRNA."
    assert "coinage_missing" in rules_fired("GazeNet learns from two layers of mRNA.", source)
    assert "coinage_missing" not in rules_fired("kelpnet learns from layers of miRNA.", source)


def test_quantifiers_and_hedges_count() -> None:
    assert (
        verdict("All participants, no fewer than 50, reported that the effect is associated with sleep.")
        == "contradicted"
    )
    assert "hedge_dropped" in rules_fired("KelpNet outperforms BERT before fine-tuning.")
    assert verdict("Most participants, no fewer than 50, reported that the effect is caused by sleep.") != "supported"


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("Feedback is sometimes adversarial.", "Feedback is often binary, sparse, and occasionally adversarial."),
        ("The traces are first factorised by the method.", "The traces are factorised by the method."),
        ("Removing frames is the first of three stages.", "Removing frames is one of three stages."),
        ("The scheme works without any condition.", "The scheme works without condition."),
    ],
)
def test_a_word_that_orders_or_is_said_elsewhere_sweeps_nothing(claim: str, source: str) -> None:
    assert not {rule for rule in rules_fired(claim, source) if rule.startswith("quantifier")}


def test_what_is_quoted_is_supported_unless_what_was_cut_off_takes_it_back() -> None:
    assert verdict(SOURCE[0]) == "supported"
    assert verdict("“it is trained on 1,000 images within two days”") == "supported"
    source = "We do not claim that the method improves accuracy in general."
    assert verdict("The method improves accuracy in general.", source) in ("partial", "contradicted")
    assert (
        verdict("It weighs 5 kg when it is completely dry.", "It weighs 2.5 kg when it is completely dry.")
        == "contradicted"
    )


def test_a_trimmed_or_joined_sentence_in_the_sources_own_words_is_supported() -> None:
    assert verdict("KelpNet improves accuracy by 5 percent on ImageNet.") == "supported"
    assert verdict("It is trained on 1000 images within two days.") == "supported"


def test_a_half_from_elsewhere_is_noticed() -> None:
    claim = "It is trained on 1,000 images within two days, and tidal dissipation heats icy moons of distant planets."
    assert "added_part" in rules_fired(claim)
    assert verdict(claim) == "partial"


def test_a_claim_that_has_no_more_than_the_topic_is_noticed() -> None:
    title, said = "Seagrass meadows of the Baltic", "Seagrass meadows store carbon in their sediment."
    assert "topic_alone" in rules_fired("Seagrass cures cancer.", title, said)
    assert "topic_alone" not in rules_fired("Seagrass meadows hold carbon for centuries.", title, said)
    assert "topic_alone" not in rules_fired("Kelp cures cancer.", title, said), "not even the topic"


def test_a_number_in_other_words_is_no_foreign_part() -> None:
    claim = "Love Reactions rose by twenty-eight per cent in live tests."
    assert "foreign_part" not in rules_fired(claim, "It brought a 28% increase in Love Reactions during live tests.")


def test_another_papers_sentence_is_unsupported() -> None:
    assert verdict("Tidal dissipation heats the interior of icy moons orbiting distant planets.") == "unsupported"


def test_every_finding_has_a_known_power() -> None:
    claims = [s.replace("improves", "impairs").replace("50", "70").replace("BERT", "GPT-2") for s in SOURCE]
    claims += [
        "This claim is supported.",
        "All icy moons never improve.",
        'It says "entirely new words here" on ImageNet.',
    ]
    assert {rule for claim in claims for rule in rules_fired(claim)} <= POWERS.keys()


def test_words_are_read_alike_in_either_spelling() -> None:
    assert read("behaviour of generalised colour").keys == read("behavior of generalized color").keys
    assert read("It doesn't and cannot").keys == read("It does not and can not").keys


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("1,000 papers", "1000 papers"),
        ("1000 papers", "1,000 papers"),
        ("10k papers", "10,000 papers"),
        ("0.50", "0.5"),
        (".5", "0.5"),
        ("5%", "5 %"),
        ("5 percent", "5%"),
        ("5 per cent", r"5\%"),
        ("3-5 layers", "3 to 5 layers"),
        ("3–5 layers", "3-5 layers"),
        ("3-5%", "from 3 to 5%"),
        ("between 3 and 5%", "3% to 5%"),
        ("10,000-20,000", "10000 to 20000"),
        ("two layers", "a 2-layer network"),
        ("2 layers", "two-layer networks"),
        ("twenty-one tasks", "21 tasks"),
        ("21 tasks", "twenty-one tasks"),
        ("two hundred", "200"),
        ("1.5 billion parameters", "1.5B parameters"),
        ("1.5B parameters", "1.5 billion parameters"),
        ("3M users", "three million users"),
        ("two-fold", "2x"),
        ("twofold", "2-fold"),
        ("2x faster", "twice as fast"),
        ("50% fewer", "half as many"),
        ("-3 points", "−3 points"),
        ("1e-5", "10^{-5}"),
        ("10^-5", "$10^{-5}$"),
        ("10⁵ steps", "10^5 steps"),
        ("3 × 10^4", "30,000"),
        ("O(n^2)", "$O(n^{2})$"),
        ("65%.", r"65\%"),
        ("ResNet-50", "ResNet50"),
        ("in the 1990s", "the 1990s"),
        ("p<0.05", "p < 0.05"),
        ("double descent", "a descent"),
        ("the one paper", "a paper"),
        ("in the 2018-19 season", "the 2018-2019 season"),
        ("about twice the odds", "an odds ratio of 1.96"),
        ("nine percent higher odds", "an odds ratio of 1.09"),
        ("a third cousin of the queen", "a cousin of the queen"),
        ("more than ten domains", "10+ domains"),
    ],
)
def test_a_number_is_found_however_it_is_written(claim: str, text: str) -> None:
    assert missing_numbers(compare(claim, [text])) == []


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("X-ray found 18 more broken bones than ultrasound.", "X-ray found 150 broken bones, and ultrasound 132."),
        ("In all 42 persons took part altogether.", "21 patients and 21 healthy people; of 40 and 2 all took part."),
        ("The share nearly doubled.", "The share rose from 21% to 40%."),
    ],
)
def test_a_number_that_can_be_worked_out_forbids_nothing_by_itself(claim: str, text: str) -> None:
    assert {finding.rule for finding in missing_numbers(compare(claim, [text]))} == {"number_worded"}


def test_a_number_is_not_worked_out_unless_words_speak_of_it() -> None:
    (finding,) = missing_numbers(compare("X-ray found 18 broken bones.", ["It found 150 of them, and the other 132."]))
    assert finding.rule == "number_missing"


@pytest.mark.parametrize(
    ("claim", "text", "n_missing"),
    [
        ("5% more", "5 layers", 1),
        ("in 2021", "in 2020", 1),
        ("0.55", "0.5", 1),
        ("3-5 layers", "3 layers", 1),
        ("two-fold", "threefold", 1),
        ("two-fold", "binary and biological", 1),
        ("cut by a third", "cut by a quarter", 1),
        ("10^5 steps", "10^6 steps", 1),
        ("O(n^2)", "O(n^3)", 1),
        ("1.5 billion", "1.5 million", 1),
        ("twenty-one", "twenty", 1),
        ("12 and 13 and 12", "11", 2),
    ],
)
def test_a_number_that_no_source_has_is_named(claim: str, text: str, n_missing: int) -> None:
    assert len(missing_numbers(compare(claim, [text]))) == n_missing


ABSTRACT = (
    "KelpNet: Counting Urchins",
    "KelpNet employs a feedforward network to process raw images and a feedback network to refine depth maps.",
    "It models its own wrong answers instead of throwing away its own wrong answers.",
    "We rule out factors such as water temperature.",
    "The counts neither change the yield of the harvest nor alter the price of fish.",
    "The combination achieves an AUROC of 0.70, improving prediction accuracy by up to 6.6% over baselines.",
    "Our model exhibits a solid advantage over existing methods on two coastal benchmarks.",
    "The error grows when seasons are more dissimilar.",
    "Both methods come from entirely different theoretical foundations.",
    "It counts urchins in deep water with only few-shot fine-tuning.",
    "The counts are linked to tides.",
)


@pytest.mark.parametrize(
    ("rule", "claim"),
    [
        ("joined_crosswise", "The feedback network processes raw images."),
        ("denied_in_source", "KelpNet throws away its own wrong answers."),
        ("denied_in_source", "Errors depend on factors such as water temperature."),
        ("denied_in_source", "The counts alter the price of fish."),
        ("denied_in_claim", "It counts urchins in deep water without any fine-tuning."),
        ("other_measure", "The combination reaches an accuracy of 0.70."),
        ("other_measure", "It improves the AUROC by up to 6.6% over baselines."),
        ("best_case_dropped", "Prediction accuracy improves by 6.6% on average."),
        ("best_case_dropped", "Prediction accuracy improves by 6.6% over baselines."),
        ("points_for_percent", "Prediction accuracy improves by up to 6.6 percentage points."),
        ("ahead_of_it", "Existing methods exhibit a solid advantage over KelpNet."),
        ("relation_turned", "The error grows when seasons are more alike."),
        ("opposite_kind", "Both methods come from the same theoretical foundations."),
        ("cause_added", "The counts are caused by tides."),
    ],
)
def test_a_lie_in_the_sources_own_words_is_no_more_than_partial(rule: str, claim: str) -> None:
    assert rule in rules_fired(claim, *ABSTRACT)
    assert verdict(claim, *ABSTRACT) not in ("supported", "unchecked")


@pytest.mark.parametrize(
    "claim",
    [
        "The feedforward network processes raw images.",
        "The feedback network refines depth maps, and the feedforward network processes raw images.",
        "KelpNet does not throw away its own wrong answers.",
        "Water temperature was ruled out.",
        "The counts do not change the yield of the harvest.",
        "It counts urchins in deep water with little fine-tuning.",
        "The AUROC of the combination is 0.70.",
        "Prediction accuracy improves by up to 6.6% over baselines.",
        "KelpNet has a solid advantage over existing methods.",
        "The error grows when seasons are less alike.",
        "Both methods have different theoretical foundations.",
        "The counts are linked to tides.",
    ],
)
def test_its_true_counterpart_is_not_accused(claim: str) -> None:
    new = {
        "denied_in_source",
        "denied_in_claim",
        "denial_left_out",
        "joined_crosswise",
        "opposite_kind",
        "ahead_of_it",
        "relation_turned",
        "sides_exchanged",
        "other_measure",
        "best_case_dropped",
        "points_for_percent",
        "cause_added",
        "proof_added",
    }
    assert not rules_fired(claim, *ABSTRACT) & new


def test_to_show_is_not_to_prove() -> None:
    source = "We show that the counts are linked to tides."
    assert "proof_added" in rules_fired("The authors prove that the counts are linked to tides.", source)
    assert "proof_added" not in rules_fired("The link to tides proved strong.", source)
    assert "proof_added" not in rules_fired("They prove that it converges.", "We give a theorem on convergence.")


def test_what_stands_before_and_behind_a_verb_may_not_be_exchanged() -> None:
    source = "Most current methods follow the line of saliency methods to predict attention."
    assert "sides_exchanged" in rules_fired("Saliency methods follow the line of current methods.", source)
    assert "sides_exchanged" not in rules_fired("Current methods follow the line of saliency methods.", source)
    passive = "The line of saliency methods is followed by most current methods."
    assert "sides_exchanged" not in rules_fired(passive, source)


def test_more_than_a_third_is_no_28_percent() -> None:
    source = "Policy optimization raises reactions by 28% in live tests."
    assert "number_missing" in rules_fired(source.replace("28%", "more than a third"), source)
    assert "number_missing" not in rules_fired(source.replace("28%", "more than a quarter"), source)
