"""Joint moments: against the marginals, a plain grid, and motions."""

import numpy as np
import pytest
import torch
from ase.build import molecule
from scipy.spatial.transform import Rotation

from appkit.scattering import JointMoments, SolidHarmonic
from appkit.scattering.closed_form import gaussian_fields

SIGMA = 0.3
ETHANOL = molecule("CH3CH2OH")
POSITIONS = torch.tensor(ETHANOL.positions)
NUCLEAR = torch.tensor(ETHANOL.numbers[None].astype(float), dtype=torch.float64)
BOTH = torch.cat([NUCLEAR, NUCLEAR - 2 * (NUCLEAR > 1)])
MIDDLES, BONDS = (
    POSITIONS[:2] / 2 + POSITIONS[1:3] / 2,
    torch.tensor([[2.0, 3.0]], dtype=torch.float64),
)


@pytest.fixture(scope="module")
def moments():
    return JointMoments(SIGMA, (0, 1), L=2, tolerance=2e-3)


def test_paths_name_every_moment_once(moments):
    paths = [tuple(sorted(path.items())) for path in moments.joint_paths(3)]
    n = 3 * 3
    assert len(paths) == len(set(paths)) == 2 * (n + n * (n + 1) // 2 + n * n)
    assert len(moments.joint([(POSITIONS, BOTH), (MIDDLES, BONDS)])) == len(paths)


def test_a_field_with_itself_has_the_moments_of_the_first_order(moments):
    plain = SolidHarmonic(SIGMA, (0, 1), 2, (1, 2, 3), order=1)
    expected = {
        (c, path["j"], path["l"], path["q"]): float(value)
        for c, row in enumerate(plain(POSITIONS, BOTH))
        for path, value in zip(plain.paths, row, strict=True)
        if path["order"] == 1
    }
    found = {}
    values = moments.joint([(POSITIONS, BOTH)])
    for path, value in zip(moments.joint_paths(2), values, strict=True):
        other = (path.get("channel2", path["channel"]), path.get("l2", path["l"]))
        if other == (path["channel"], path["l"]):
            key = (path["channel"], path["j"], path["l"], path["q"] + path.get("q2", 0))
            found[key] = float(value)
    assert found.keys() == expected.keys()
    assert [found[key] for key in found] == pytest.approx(
        [expected[key] for key in found], rel=2e-3
    )


def test_they_are_integrals_of_the_closed_form_s_fields(moments):
    """Summed plainly over a fine grid; bonds and atoms are densities on different points."""
    step = 0.12
    axes = [torch.arange(-4.8, 4.8, step, dtype=torch.float64) for _ in range(3)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, 2)
    centred = POSITIONS - (POSITIONS.max(0).values + POSITIONS.min(0).values) / 2
    shift = centred - POSITIONS

    def modulus(positions, charges, l):
        fields = gaussian_fields(points, positions, charges, SIGMA, SIGMA, l)
        return fields.square().sum(1).sqrt()[0]

    one = modulus(centred, NUCLEAR, 1)
    two = modulus(MIDDLES + shift[:2], BONDS, 2)
    groups = [(POSITIONS, NUCLEAR), (MIDDLES, BONDS)]
    values = dict(zip(map(key, moments.joint_paths(2)), moments.joint(groups), strict=True))
    for q, product in ((1, one * two), (2, one.square() * two)):
        expected = float(product.sum() * step**3)
        assert float(values[0, 0, 1, q, 1, 2]) == pytest.approx(expected, rel=2e-3)


def key(path):
    names = ("j", "channel", "l", "q", "channel2", "l2")
    return tuple(path.get(name) for name in names)


def test_motions_change_nothing(moments):
    turn = torch.tensor(Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix())
    shift = torch.tensor([3.0, -7.0, 0.4], dtype=torch.float64)
    rest = moments.joint([(POSITIONS, BOTH), (MIDDLES, BONDS)])
    moved = moments.joint([(POSITIONS @ turn.T + shift, BOTH), (MIDDLES @ turn.T + shift, BONDS)])
    assert (moved / rest - 1).abs().max() < 2e-3


def test_they_are_extensive_and_empty_space_has_none(moments):
    far = torch.tensor([12.0, 0, 0], dtype=torch.float64)
    alone = moments.joint([(POSITIONS, BOTH), (MIDDLES, BONDS)])
    twice = moments.joint([
        (torch.cat([POSITIONS, POSITIONS + far]), torch.cat([BOTH, BOTH], dim=1)),
        (torch.cat([MIDDLES, MIDDLES + far]), torch.cat([BONDS, BONDS], dim=1)),
    ])  # fmt: skip
    assert np.allclose(twice, 2 * alone, rtol=5e-3)
    nothing = (POSITIONS[:0], NUCLEAR[:, :0])
    assert (moments.joint([nothing]) == 0).all()
    beside = moments.joint([(POSITIONS, NUCLEAR), nothing])
    assert float(beside[0]) == pytest.approx(float(alone[0]), rel=1e-5)


def test_gradient_is_that_of_finite_differences():
    moments = JointMoments(SIGMA, (0, 1), L=1, tolerance=1e-4, dtype=torch.float64)
    water = torch.tensor(molecule("H2O").positions)
    weights = torch.tensor([[8.0, 1, 1]], dtype=torch.float64)

    def total(positions):
        return moments.joint([(positions, weights)]).sum()

    positions = water.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(total(positions), positions)
    step = torch.zeros_like(water)
    step[1, 2] = 1e-3
    numerical = (total(water + step) - total(water - step)) / 2e-3
    assert float(gradient[1, 2]) == pytest.approx(float(numerical), rel=1e-3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sigma": 0.0}, "σ must be a positive length"),
        ({"scales": ()}, "Scales j must be one or more"),
        ({"L": 9}, "degree L must lie between 0 and 8, not 9"),
        ({"tolerance": 1.0}, "tolerance must lie between"),
    ],
)
def test_bad_parameters(given, message):
    with pytest.raises(ValueError, match=message):
        JointMoments(**({"sigma": 1.0} | given))
