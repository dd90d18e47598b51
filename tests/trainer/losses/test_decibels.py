"""Losses in decibels."""

import pytest
import torch

from trainer.losses.distances import decibel_loss, decibels, harm_loss


def off_by(error, count=1):
    return torch.full((count, 3, 8, 8), 0.5) + error


def test_a_tenth_of_the_error_is_20_decibels_where_it_can_be_seen():
    gt = off_by(0)
    far, near = decibels(off_by(0.5), gt), decibels(off_by(0.05), gt)
    assert float(far - near) == pytest.approx(20, abs=0.6)


def test_nothing_is_below_zero_and_the_same_picture_is_zero():
    assert float(decibel_loss(off_by(0), off_by(0))) == 0
    assert 0 < float(decibel_loss(off_by(1 / 255), off_by(0))) < 1


def test_every_picture_counts_the_same():
    out, gt = torch.cat([off_by(0.5), off_by(0.05)]), off_by(0, 2)
    each = [float(decibel_loss(o[None], g[None])) for o, g in zip(out, gt, strict=True)]
    assert float(decibel_loss(out, gt)) == pytest.approx(sum(each) / 2)


def test_harm_is_what_is_lost_and_no_picture_pays_for_another():
    gt, lq = off_by(0, 2), off_by(0.1, 2)
    better, worse = off_by(0.05), off_by(0.2)
    assert float(harm_loss(torch.cat([better, better]), lq, gt)) == 0
    lost = float(harm_loss(torch.cat([better, worse]), lq, gt))
    assert lost == pytest.approx(6.02 / 2, abs=0.1)


def test_gradients_pull_a_harmed_picture_back_and_leave_a_helped_one():
    gt, lq = off_by(0, 2), off_by(0.1, 2)
    out = torch.cat([off_by(0.05), off_by(0.2)]).requires_grad_()
    harm_loss(out, lq, gt).backward()
    assert out.grad[0].abs().max() == 0 and (out.grad[1] > 0).all()
