"""Views of two domains."""

from collections import Counter

import cv2
import numpy as np
import pytest
import torch

from edge.basics.errors import InputOutputError
from trainer.data.pictures import PictureStore
from trainer.data.unpaired import HQ, LQ, UnpairedDataset, shuffled


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of one colour each: 4 LQ, 2 HQ."""
    root = tmp_path_factory.mktemp("plain")
    for number in range(6):
        cv2.imwrite(str(root / f"{number}.png"), np.full((40, 64, 3), 40 * number, np.uint8))
    return root


def stores(folder, cache_gib=1.0):
    paths = sorted(folder.iterdir())
    return PictureStore(paths[:4], cache_gib), PictureStore(paths[4:], cache_gib)


def dataset(folder, variants=3, seed=1, size=(32, 18), cache_gib=1.0, enlarge=False):
    lq, hq = stores(folder, cache_gib)
    return UnpairedDataset(lq, hq, size, variants=variants, smallest=0.5, enlarge=enlarge, seed=seed)


def levels(views):
    return [int(view[0, 0, 0]) for view in views]


def test_items_are_uint8_planes_of_the_views_size(folder):
    lq, hq = dataset(folder)[0]
    assert lq.shape == hq.shape == (3, 18, 32)
    assert lq.dtype == hq.dtype == torch.uint8


@pytest.mark.parametrize("variants, length", [(3, 12), (1, 4), (0, 4)])
def test_an_epoch_shows_every_view_of_the_larger_domain_once(folder, variants, length):
    data = dataset(folder, variants)
    assert data.epoch_length == length
    for epoch in range(2):
        items = [data[epoch * length + place] for place in range(length)]
        assert Counter(levels(lq for lq, _ in items)) == {
            0: length // 4,
            40: length // 4,
            80: length // 4,
            120: length // 4,
        }
        assert Counter(levels(hq for _, hq in items)) == {160: length // 2, 200: length // 2}


def test_epochs_and_domains_have_orders_of_their_own():
    orders = [tuple(shuffled(1, domain, epoch, 50)) for domain in (LQ, HQ) for epoch in (0, 1)]
    assert len(set(orders)) == 4


@pytest.fixture(scope="module")
def textured(tmp_path_factory):
    root = tmp_path_factory.mktemp("textured")
    rng = np.random.default_rng(0)
    for number in range(6):
        cv2.imwrite(str(root / f"{number}.png"), rng.integers(0, 256, (40, 64, 3), dtype=np.uint8))
    return root


def views_of(data, epoch):
    items = (data[epoch * data.epoch_length + place][0] for place in range(data.epoch_length))
    return sorted(item.numpy().tobytes() for item in items)


def test_the_papers_views_return_each_epoch_and_new_ones_do_not(textured):
    fixed, new = dataset(textured, variants=3), dataset(textured, variants=0)
    assert len(set(views_of(fixed, 0))) == 12
    assert views_of(fixed, 0) == views_of(fixed, 1)
    assert not set(views_of(new, 0)) & set(views_of(new, 1))


def test_an_item_depends_on_seed_and_number_alone(textured):
    one, other, streamed = dataset(textured), dataset(textured), dataset(textured, cache_gib=0.0)
    for number in (17, 3, 17):
        assert torch.equal(one[number][0], other[number][0])
        assert torch.equal(one[number][1], streamed[number][1])
    assert not torch.equal(one[17][0], dataset(textured, seed=2)[17][0])


def test_a_picture_smaller_than_a_view(folder):
    with pytest.raises(InputOutputError, match=r"\.png: 64x40 px, smaller than a view of 128x72; remove it"):
        dataset(folder, size=(128, 72))[0]
    assert dataset(folder, size=(128, 72), enlarge=True)[0][0].shape == (3, 72, 128)


def test_fog_is_drawn_over_lq_alone_and_hq_is_seen_by_the_same_camera(tmp_path):
    for number in range(2):
        cv2.imwrite(
            str(tmp_path / f"{number}.png"), np.random.default_rng(number).integers(0, 160, (60, 90, 3), np.uint8)
        )
    drawn = []

    def fog(view, rng):
        drawn.append(view)
        return view // 2 + 120, view // 2

    paths = sorted(tmp_path.iterdir())
    views = UnpairedDataset(
        *(PictureStore([path], 1) for path in paths), (32, 18), variants=0, smallest=0.5, enlarge=False, seed=1,
        fog=fog, truth=True,
    )  # fmt: skip
    lq, hq, truth = views[0]
    assert torch.equal(lq, torch.from_numpy(drawn[0] // 2 + 120).permute(2, 0, 1))
    assert torch.equal(hq, torch.from_numpy(drawn[1] // 2).permute(2, 0, 1))
    assert torch.equal(truth, torch.from_numpy(drawn[0] // 2).permute(2, 0, 1))
