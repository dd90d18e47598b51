"""NIQE beside an independent program, and its parts beside known distributions."""

import cv2
import numpy as np
import pytest

from edge.basics.errors import ModelError
from edge.pictures.files import read_picture
from tests.paths import DATA
from trainer.judging.comparing.niqe import Niqe, generalised_gaussian

MODEL = DATA / "weights" / "niqe_pris_params.npz"
needs_model = pytest.mark.skipif(not MODEL.is_file(), reason=f"no {MODEL}")


@needs_model
@pytest.mark.parametrize("name, expected", [("baby", 3.265488), ("butterfly", 5.154898)])
def test_photographs_score_as_in_basicsr(name, expected):
    """BasicSR 1.4.2, calculate_niqe(crop_border=0, convert_to="y") of Set5."""
    picture = DATA / "sr_benchmark" / "Set5" / f"{name}.png"
    if not picture.is_file():
        pytest.skip(f"no {picture}")
    assert Niqe(MODEL)(read_picture(picture)) == pytest.approx(expected, abs=1e-3)


@needs_model
def test_made_texture_scores_as_in_basicsr():
    """11.306801: as above."""
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.normal(0, 1, (250, 300, 3)), (0, 0), 1.5) * 200 + 125
    picture = np.clip(np.rint(smooth), 0, 255).astype(np.uint8)
    assert Niqe(MODEL)(picture) == pytest.approx(11.306801, abs=1e-2)
    assert Niqe(MODEL)(picture[:100, :190]) is None


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.npz"
    window = cv2.getGaussianKernel(7, 7 / 6)
    np.savez(path, mu_pris_param=np.zeros((1, 36)), cov_pris_param=np.eye(36), gaussian_window=window @ window.T)
    return path


def test_flat_pictures_have_no_shape_by_chance(model):
    assert Niqe(model)(np.full((192, 192, 3), 90, np.uint8)) is None


@pytest.mark.parametrize("draw, shape", [("normal", 2.0), ("laplace", 1.0)])
def test_shapes_of_known_distributions(draw, shape):
    values = getattr(np.random.default_rng(2), draw)(0, 1, (400, 400))
    found, left, right = generalised_gaussian(values)
    assert found == pytest.approx(shape, rel=0.03)
    assert left == pytest.approx(right, rel=0.02)
    skewed = generalised_gaussian(np.where(values < 0, 2 * values, values))
    assert skewed[1] / skewed[2] == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.npz: not NIQE's model"):
        Niqe(path)


def test_a_model_of_another_size_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, mu_pris_param=np.zeros((1, 18)), cov_pris_param=np.eye(36), gaussian_window=np.ones((7, 7)))
    with pytest.raises(ModelError, match="mu_pris_param"):
        Niqe(path)
