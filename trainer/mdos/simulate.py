"""Raters that nobody is: known effects in, so that it can be seen whether the report finds them. Never a rating."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trainer.mdos.ratings import RatingBook
from trainer.mdos.study import Study

RATER_SPREAD, SUBJECT_SPREAD, NOISE = 0.25, 0.35, 0.45
"""Standard deviations of a rater's habit, of a subject's own quality, and of one click, in scores."""


def simulate(study: Study, means: Mapping[str, float], share: float = 1.0, seed: int = 0) -> None:
    """Fill every rater's sheet, marked as simulated.

    Args:
        means: method -> its true mean, from which clicks scatter.
        share: of the pictures that each rater comes to.
    """
    draw = np.random.default_rng(seed)
    of_subject = {subject: draw.normal(0, SUBJECT_SPREAD) for subject in sorted(set(study.subject_of.values()))}
    for rater in study.raters:
        habit = draw.normal(0, RATER_SPREAD)
        book = RatingBook(study, rater, is_simulated=True)
        try:
            for place in range(round(len(book.order) * share)):
                item = study.items[book.order[place]]
                mean = means[study.method_of[item.name]] + habit + of_subject[study.subject_of[item.name]]
                for aspect in item.aspects:
                    score = int(np.clip(round(mean + draw.normal(0, NOISE)), 1, 5))
                    book.add(f"{place}-{aspect}", place, aspect, score, int(draw.integers(900, 6000)))
        finally:
            book.close()
