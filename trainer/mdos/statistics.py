"""What a rating study is judged by: agreement, test and retest, differences and how many pictures they take.

Krippendorff's alpha and the ICC are here, since the packages that have them are GPL; tests hold them to published
values.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
"""Units in rows (a picture under one aspect), raters in columns, NaN where a rater has not rated it."""
NUM_DRAWS = 2000


def krippendorff_alpha(ratings: Matrix) -> float:
    """Agreement on an ordinal scale, 1 for full and 0 for chance; NaN where fewer than two rated anything alike.

    Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), with the ordinal metric.
    """
    units = [row[~np.isnan(row)] for row in ratings]
    units = [unit for unit in units if len(unit) >= 2]
    if not units:
        return math.nan
    values = np.unique(np.concatenate(units))
    place = {value: index for index, value in enumerate(values)}
    coincidence = np.zeros((len(values), len(values)))
    for unit in units:
        counts = np.zeros(len(values))
        for value in unit:
            counts[place[value]] += 1
        coincidence += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    marginal = coincidence.sum(axis=1)
    below = np.cumsum(marginal) - marginal / 2
    distance = (below[:, None] - below[None, :]) ** 2
    expected = (np.outer(marginal, marginal) * distance).sum() / (marginal.sum() - 1)
    return math.nan if expected == 0 else float(1 - (coincidence * distance).sum() / expected)


def icc_absolute(ratings: Matrix) -> tuple[float, float]:
    """ICC(A,1) of one rater and ICC(A,k) of all together: two-way random effects, absolute agreement.

    McGraw and Wong, Psychological Methods 1 (1996); Shrout and Fleiss' ICC(2,1) and ICC(2,k). Units that a rater has
    not rated are left out. NaN where fewer than two units or raters are left.
    """
    whole = ratings[~np.isnan(ratings).any(axis=1)]
    num, num_raters = whole.shape
    if num < 2 or num_raters < 2:
        return math.nan, math.nan
    mean = whole.mean()
    rows = num_raters * ((whole.mean(axis=1) - mean) ** 2).sum() / (num - 1)
    columns = num * ((whole.mean(axis=0) - mean) ** 2).sum() / (num_raters - 1)
    rest = whole - whole.mean(axis=1, keepdims=True) - whole.mean(axis=0, keepdims=True) + mean
    error = (rest**2).sum() / ((num - 1) * (num_raters - 1))
    bias = (columns - error) / num
    one, all_of_them = rows + (num_raters - 1) * error + num_raters * bias, rows + bias
    if one == 0 or all_of_them == 0:
        return math.nan, math.nan
    return float((rows - error) / one), float((rows - error) / all_of_them)


def weighted_kappa(first: Sequence[float], second: Sequence[float]) -> float:
    """Cohen's kappa with quadratic weights (1968) of two ratings of the same by one rater; NaN without any spread."""
    one, other = np.asarray(first, float), np.asarray(second, float)
    if not len(one):
        return math.nan
    seen = ((one - other) ** 2).mean()
    by_chance = ((one[:, None] - other[None, :]) ** 2).mean()
    return math.nan if by_chance == 0 else float(1 - seen / by_chance)


@dataclass(frozen=True)
class Difference:
    """Of two methods on the same subjects, the mean of all raters each.

    Attributes:
        low, high: 95% interval of the mean difference, by drawing subjects anew.
        p, p_corrected: Wilcoxon's signed-rank test, and after Holm's correction over all that are compared.
        spread: standard deviation of the differences.
    """

    one: str
    other: str
    aspect: str
    num: int
    mean: float
    low: float
    high: float
    p: float
    p_corrected: float
    spread: float


def paired_difference(one: str, other: str, aspect: str, values: NDArray[np.float64], seed: int = 0) -> Difference:
    """Of differences, one a subject; `p_corrected` is still `p`."""
    from scipy.stats import wilcoxon

    draw = np.random.default_rng(seed)
    means = values[draw.integers(len(values), size=(NUM_DRAWS, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    p = 1.0 if not values.any() else float(wilcoxon(values, zero_method="zsplit").pvalue)
    spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return Difference(one, other, aspect, len(values), float(values.mean()), float(low), float(high), p, p, spread)


def corrected(differences: Sequence[Difference]) -> list[Difference]:
    """With Holm's correction over all of them."""
    from statsmodels.stats.multitest import multipletests

    if not differences:
        return []
    all_p = multipletests([one.p for one in differences], method="holm")[1]
    return [replace(one, p_corrected=float(p)) for one, p in zip(differences, all_p, strict=True)]


def mixed_effects(
    scores: Sequence[float], methods: Sequence[str], raters: Sequence[str], subjects: Sequence[str], base: str
) -> dict[str, tuple[float, float, float, float]]:
    """Method -> effect against `base`, its 95% interval and p: fixed methods, random raters and subjects.

    Empty where the model cannot be fitted, as with one rater or hardly any ratings.
    """
    import pandas as pd
    from statsmodels.formula.api import mixedlm

    order = [base, *sorted(set(methods) - {base})]
    if len(set(raters)) < 2 or len(order) < 2 or base not in methods:
        return {}
    table = pd.DataFrame({"score": scores, "method": methods, "rater": raters, "subject": subjects, "all": 1})
    table["method"] = pd.Categorical(table["method"], categories=order)
    parts = {"rater": "0 + C(rater)", "subject": "0 + C(subject)"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = mixedlm("score ~ method", table, groups="all", vc_formula=parts, re_formula="0").fit(reml=True)
    except (ValueError, np.linalg.LinAlgError):
        return {}
    bounds = fitted.conf_int()
    found = {}
    for method in order[1:]:
        name = f"method[T.{method}]"
        found[method] = (
            float(fitted.params[name]),
            float(bounds.loc[name][0]),
            float(bounds.loc[name][1]),
            float(fitted.pvalues[name]),
        )
    return found


def num_subjects_for(difference: float, spread: float, power: float = 0.8, level: float = 0.05) -> int | None:
    """How many pictures a paired test takes to see a mean difference; None where that cannot be said.

    Args:
        spread: standard deviation of the differences.
    """
    from statsmodels.stats.power import TTestPower

    if not difference > 0 or not spread > 0:
        return None
    num = TTestPower().solve_power(effect_size=difference / spread, power=power, alpha=level)
    return max(3, math.ceil(float(np.squeeze(num))))


def densities(values: Sequence[float], grid: NDArray[np.float64], least_spread: float = 0.12) -> NDArray[np.float64]:
    """Gaussian kernel density as in the paper's Fig. 5; no kernel narrower than `least_spread` of a score."""
    from scipy.stats import norm

    points = np.asarray(values, float)
    if not len(points):
        return np.zeros_like(grid)
    spread = points.std(ddof=1) if len(points) > 1 else 0.0
    width = max(least_spread, 1.06 * spread * len(points) ** -0.2)  # Silverman 1986, eq. (3.28)
    return np.asarray(norm.pdf(grid[:, None], loc=points[None, :], scale=width).mean(axis=1))
