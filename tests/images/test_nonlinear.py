"""The encoders: what each promises of any input; scikit-learn's Lasso beside the iterations."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import sparse_encode
from torch import nn

from appkit.images.nonlinear import (
    ENCODERS,
    Encoder,
    PhaseCollapse,
    SoftThreshold,
    SparseCode,
    nearest_tight_frame,
    soft_threshold,
)

QUICK = settings(deadline=None, max_examples=30)
SEEDS = st.integers(0, 2**31)
SIZES = st.tuples(st.integers(1, 9), st.integers(0, 20)).map(lambda s: (s[0], s[0] + s[1]))
THRESHOLDS = st.floats(0, 2)


def drawn(*shape, seed=0, complex_=False):
    kind = torch.complex128 if complex_ else torch.float64
    return torch.randn(*shape, dtype=kind, generator=torch.Generator().manual_seed(seed))


def encoder(kind, inputs, atoms, seed=0, **options):
    """In double precision, its atoms constrained in it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = kind(inputs, atoms, **options).double()
    made.constrain_()
    return made


def distances(rows):
    return torch.cdist(rows, rows)


@QUICK
@given(SIZES, SEEDS, THRESHOLDS)
def test_soft_threshold_is_a_contraction_in_a_tight_frame(sizes, seed, threshold):
    inputs, atoms = sizes
    made = encoder(SoftThreshold, inputs, atoms, seed, threshold=threshold)
    assert torch.allclose(made.atoms.T @ made.atoms, torch.eye(inputs).double(), atol=1e-12)
    x = drawn(6, inputs, seed=seed)
    assert (distances(made(x)) <= distances(x) + 1e-7).all()
    assert (made(x).norm(dim=1) <= x.norm(dim=1) + 1e-12).all()


@QUICK
@given(SIZES, SEEDS)
def test_without_a_threshold_the_frame_s_transpose_gives_x_back(sizes, seed):
    made = encoder(SoftThreshold, *sizes, seed, threshold=0)
    x = drawn(4, sizes[0], seed=seed)
    assert torch.allclose(made.decoded(made(x)), x, atol=1e-12)


@QUICK
@given(SIZES, SEEDS)
def test_phase_collapse_is_a_contraction_that_drops_phases(sizes, seed):
    inputs, atoms = sizes
    made = encoder(PhaseCollapse, inputs, atoms, seed)
    one = torch.eye(inputs, dtype=torch.complex128)
    assert torch.allclose(made.frame.mH @ made.frame, one, atol=1e-12)
    x = drawn(6, inputs, seed=seed)
    assert torch.allclose(made(x).norm(dim=1), x.norm(dim=1), atol=1e-12)
    assert (distances(made(x)) <= distances(x) + 1e-7).all()
    turned = made.coefficients(x) * torch.exp(1j * drawn(6, atoms, seed=seed + 1))
    assert torch.allclose(turned.abs(), made(x), atol=1e-12)
    z = drawn(6, inputs, seed=seed, complex_=True)
    assert torch.allclose(made(z * np.exp(0.7j)), made(z), atol=1e-12)
    assert torch.allclose(made(-x), made(x))


@QUICK
@given(SEEDS, THRESHOLDS, st.booleans())
def test_soft_threshold_keeps_sign_or_phase_and_takes_from_the_amplitude(seed, threshold, complex_):
    u = drawn(50, seed=seed, complex_=complex_)
    found = soft_threshold(u, threshold)
    assert torch.allclose(found.abs(), (u.abs() - threshold).clamp(min=0))
    assert torch.allclose(found * u.abs(), found.abs() * u)
    assert soft_threshold(torch.zeros_like(u), threshold).abs().max() == 0


@QUICK
@given(SIZES, SEEDS, st.booleans())
def test_the_nearest_tight_frame_is_the_polar_factor(sizes, seed, complex_):
    inputs, atoms = sizes
    given_ = drawn(atoms, inputs, seed=seed, complex_=complex_)
    left, values, right = torch.linalg.svd(given_, full_matrices=False)
    found = nearest_tight_frame(given_)
    assert torch.allclose(found, left @ right, atol=1e-10 * float(values[0] / values[-1]) ** 2)
    assert nearest_tight_frame(given_.to(torch.complex64)).dtype == torch.complex64


def test_single_precision_frames_are_tight_to_rounding():
    for frame in (SoftThreshold(64, 256).atoms, PhaseCollapse(64, 256).frame):
        assert frame.dtype in (torch.float32, torch.complex64)
        assert ((frame.mH @ frame) - torch.eye(64)).abs().max() < 1e-6


@pytest.mark.parametrize("threshold", [0.05, 0.2, 0.5])
@pytest.mark.parametrize(("method", "steps"), [("ista", 2000), ("fista", 500)])
def test_iterations_converge_to_scikit_learn_s_lasso(method, steps, threshold):
    made = encoder(SparseCode, 20, 50, threshold=threshold, method=method, steps=steps)
    assert torch.allclose(made.atoms.norm(dim=1), torch.ones(50).double())
    x = nn.functional.normalize(drawn(8, 20, seed=1), dim=1)
    expected = sparse_encode(
        x.numpy(),
        made.atoms.detach().numpy(),
        algorithm="lasso_cd",
        alpha=threshold,
        positive=True,
        max_iter=100_000,
    )
    with torch.no_grad():
        found = made(x)
        theirs = made.objective(x, torch.from_numpy(expected))
        assert (made.objective(x, found) <= theirs + 1e-9).all()
    assert np.allclose(found, expected, atol=1e-3)
    assert (found >= 0).all()


def test_homotopy_converges_to_the_lasso_where_atoms_are_not_alike():
    made = encoder(SparseCode, 300, 400, threshold=0.1, method="istc", steps=400)
    truth = torch.zeros(5, 400).double()
    for k, code in enumerate(truth):
        code[7 * k : 7 * k + 3] = 1
    x = made.decoded(truth).detach()
    expected = sparse_encode(
        x.numpy(), made.atoms.detach().numpy(), algorithm="lasso_cd", alpha=0.1, positive=True
    )
    found = made(x).detach()
    # The last threshold is λ, and those before it differ from it by a percent of it.
    assert np.allclose(found, expected, atol=5e-3)
    assert ((found > 0.5) == (truth > 0.5)).all()


@QUICK
@given(SEEDS)
def test_ista_s_objective_never_grows_and_fista_is_ahead(seed):
    x = drawn(4, 10, seed=seed)
    values = {}
    for method in ("ista", "fista"):
        for steps in (1, 2, 5, 20, 80):
            made = encoder(SparseCode, 10, 30, seed, threshold=0.1, method=method, steps=steps)
            values[method, steps] = made.objective(x, made(x)).detach()
    for one, more in ((1, 2), (2, 5), (5, 20), (20, 80)):
        assert (values["ista", more] <= values["ista", one] + 1e-12).all()
    assert values["fista", 80].sum() <= values["ista", 80].sum() + 1e-9


def test_a_large_threshold_leaves_nothing():
    x = nn.functional.normalize(drawn(4, 10), dim=1)
    for method in ("ista", "fista", "istc"):
        assert encoder(SparseCode, 10, 30, threshold=1.01, method=method)(x).abs().max() == 0


@pytest.mark.parametrize("name", list(ENCODERS))
def test_gradients_reach_the_atoms(name):
    made = Encoder(5) if name == "none" else ENCODERS[name](5, 9)
    x = torch.randn(7, 5, requires_grad=True)
    codes = made(x)
    assert codes.shape == (7, made.outputs)
    codes.square().sum().backward()
    assert x.grad.isfinite().all()
    for parameter in made.parameters():
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().max() > 0 or name == "phase-collapse"  # ‖|Fx|‖ is constant


def test_the_modulus_of_zero_has_a_gradient():
    made = PhaseCollapse(4, 6)
    made(torch.zeros(2, 4)).sum().backward()
    assert made.atoms.grad.isfinite().all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SparseCode(5, 9, -0.1), "The threshold is a number from 0 up, not -0.1"),
        (lambda: SoftThreshold(5, 9, np.nan), "The threshold is a number from 0 up, not nan"),
        (lambda: SparseCode(5, 0), "atoms must be a whole number from 1 up, not 0"),
        (lambda: SparseCode(5, 9, steps=0), "steps must be a whole number from 1 up, not 0"),
        (lambda: SparseCode(5, 9, method="omp"), "no method 'omp'; there are ista, fista, istc"),
        (lambda: SparseCode(5, 9, 0, method="istc"), "istc needs a threshold above 0"),
        (lambda: SoftThreshold(5, 4), "frame of 5 features needs as many atoms or more, not 4"),
        (lambda: PhaseCollapse(5, 4), "frame of 5 features needs as many atoms or more, not 4"),
        (lambda: PhaseCollapse(5, 2.5), "atoms must be a whole number from 1 up, not 2.5"),
        (lambda: Encoder(0), "inputs must be a whole number from 1 up, not 0"),
        (lambda: soft_threshold(torch.ones(3), -1), "The threshold is a number from 0 up, not -1"),
    ],
)
def test_bad_input_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()
