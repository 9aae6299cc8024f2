"""Live against other implementations: `pip install jaxgan[crosscheck]`."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from jaxgan import metrics

RANDOM = np.random.default_rng(0)
# As after a ReLU: positive, with columns that are constant, so that covariances are singular.
MIX = RANDOM.normal(size=(40, 60))
REAL = np.maximum(RANDOM.normal(size=(700, 40)) @ MIX - 2.0, 0.0) / 6
FAKE = np.maximum(1.1 * RANDOM.normal(size=(600, 40)) @ MIX - 3.0, 0.0) / 6
for one in (REAL, FAKE):
    one[:, 50:] = 0.5


# The root of a singular matrix, and an argument that is going away.
@pytest.mark.filterwarnings("ignore")
def test_frechet_distance_is_pytorch_fid_s() -> None:
    theirs = pytest.importorskip("pytorch_fid.fid_score")
    gaussians = [(x.mean(axis=0), np.cov(x, rowvar=False)) for x in (REAL, FAKE)]
    with contextlib.redirect_stdout(io.StringIO()):
        expected = theirs.calculate_frechet_distance(*gaussians[0], *gaussians[1])
    found = metrics.frechet_distance(metrics.moments(REAL), metrics.moments(FAKE))
    assert found == pytest.approx(expected, rel=1e-5)


def test_kernel_distance_is_torch_fidelity_s() -> None:
    theirs = pytest.importorskip("torch_fidelity.metric_kid")
    torch = pytest.importorskip("torch")
    expected = theirs.kid_features_to_metric(
        torch.from_numpy(REAL),
        torch.from_numpy(FAKE),
        kid_subsets=20,
        kid_subset_size=200,
        verbose=False,
    )
    found = metrics.kernel_distance(REAL, FAKE, num_blocks=20, block_size=200)
    assert found[:2] == pytest.approx(list(expected.values()), rel=1e-5)


def test_inception_score_is_torch_fidelity_s() -> None:
    theirs = pytest.importorskip("torch_fidelity.metric_isc")
    torch = pytest.importorskip("torch")
    expected = theirs.isc_features_to_metric(torch.from_numpy(REAL), splits=7, shuffle=False)
    found = metrics.inception_score(REAL, num_splits=7)
    assert found == pytest.approx(list(expected.values()), rel=1e-6)


def test_precision_and_recall_are_torch_fidelity_s() -> None:
    theirs = pytest.importorskip("torch_fidelity.metric_prc")
    torch = pytest.importorskip("torch")
    expected = theirs.prc_features_to_metric(
        torch.from_numpy(FAKE), torch.from_numpy(REAL), verbose=False
    )
    found = metrics.precision_recall(REAL, FAKE, k=3, ties="inside")
    assert found == pytest.approx([expected[name] for name in found._fields], rel=1e-5)


def test_precision_recall_density_and_coverage_are_prdc_s() -> None:
    theirs = pytest.importorskip("prdc")
    with contextlib.redirect_stdout(io.StringIO()):
        expected = theirs.compute_prdc(REAL, FAKE, nearest_k=5)
    assert metrics.prdc(REAL, FAKE, k=5)._asdict() == pytest.approx(expected, rel=1e-5)
