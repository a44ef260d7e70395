from typing import Any

import pandas as pd
import pytest

from mindglyph.evaluation import score_decoding
from mindglyph.report.answers import answers
from tests.evaluation.guesses import guesses

STORE = {"channels": ["FP1"], "device": "NeuroSky MindWave", "ordered": True}


def _metrics(share_right: float = 0.5, **changes: Any) -> dict[str, Any]:
    decoding = score_decoding(guesses(share_right), None, 200, seed=0).as_metrics()
    found = [{"level": "ok", "about": "copies of trials"}, {"level": "ok", "about": "flat trials"}]
    audit = {"failed": [], "findings": found, "splits": ["blocked"]}
    return {"decoding": decoding, "audit": audit, "simulated": False} | changes


def _answers(metrics: dict[str, Any], **store: Any) -> dict[str, str]:
    return dict(answers(metrics, "lda", STORE | store))


@pytest.mark.parametrize("share_right", [0.0, 0.5])
def test_each_question_is_answered_in_one_sentence(share_right: float) -> None:
    found = _answers(_metrics(share_right))
    assert len(found) == 4
    for answer in found.values():
        assert answer.endswith(".")
        assert ". " not in answer


def test_what_was_decoded_how_well_and_against_which_chance() -> None:
    metrics = _metrics()
    found = _answers(metrics)
    decoding = metrics["decoding"]
    assert found["What was decoded?"].startswith(
        "Which of 10 digits was shown in each of 600 trials, from 1 channel of NeuroSky MindWave, by the decoder lda"
    )
    assert f"{decoding['accuracy']:.1%} of the trials" in found["How well?"]
    assert "Guessing gets 10.0% on average" in found["Against which chance?"]
    shuffled = f"these very answers get {decoding['null_mean']:.1%} on average where the labels are shuffled"
    assert shuffled in found["Against which chance?"]
    assert "no decoder could" not in found["Against which chance?"]
    del decoding["null_mean"]  # as in a run of an earlier version
    assert "shuffled" not in _answers(metrics)["Against which chance?"]
    found = _answers(
        {**metrics, "decoding": {**decoding, "ceiling": 0.8, "statistic": "auc", "auc": 0.75}}, device=None
    )
    assert "from 1 channel, by" in found["What was decoded?"]
    assert "area under the curve, which counts here since labels are unequal, is 0.750" in found["How well?"]
    assert "an area under the curve of 0.5; no decoder could get more than 80.0% here" in found["Against which chance?"]


def test_how_far_to_believe_depends_on_chance_audit_and_order() -> None:
    def far(metrics: dict[str, Any], **store: Any) -> str:
        return _answers(metrics, **store)["How far to believe it?"]

    failed = {**_metrics()["audit"], "failed": ["labels in runs", "a flat channel"]}
    kept = {**_metrics()["audit"], "findings": 2 * [{"level": "warn", "about": "unequal labels"}]}
    believed = far(_metrics())
    assert "(p ≤ 0.00498), and none of the 2 ways to lie that were looked for" in believed
    assert "it holds for other stretches of the same recording, and nothing further was tested" in believed
    assert "but keep in mind: unequal labels; so" in far(_metrics(audit=kept))
    assert far(_metrics(audit=failed)).startswith("Not at all until this is mended")
    assert far(_metrics(), ordered=False).startswith("With doubt")
    assert far(_metrics(simulated=True)).endswith("so the method works, but no brain was recorded.")
    people = far(_metrics(audit={**_metrics()["audit"], "splits": ["subject", "blocked"]}))
    assert "it holds for other people" in people
    nothing = far(_metrics(0.0))
    assert nothing.startswith("There is nothing to believe")
    assert "though less than 13" in nothing
    assert "until this is mended: labels in runs, a flat channel" in far(_metrics(0.0, audit=failed))


def test_a_label_that_is_named_always_is_not_believed() -> None:
    table = pd.DataFrame({"fold": 0, "label": [0] * 90 + [1] * 10, "predicted": 0, "majority": 0})
    decoding = score_decoding(table, None, 200, seed=0).as_metrics()
    found = _answers(_metrics(decoding={**decoding, "p_value": 0.01}))
    assert found["How far to believe it?"].startswith("There is nothing to believe")
