"""The planar dictionaries: laws of Φ, names, composition in scikit-learn."""

import numpy as np
import pytest
from ase import Atoms
from scipy.special import j0
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from appkit.energy import PlanarDensity, PlanarFourier, PlanarScattering, PlanarWavelets
from appkit.energy.dictionaries import batches
from appkit.energy.invariance import assert_invariant, relative_change

FLAT = Atoms("OCH2", [[0.0, 1.2, 0], [0, 0, 0], [0.94, -0.58, 0], [-0.94, -0.58, 0]])
CHAIN = Atoms("NC2H", [[-2.2, 0, 0], [-1.1, 0.2, 0], [0.3, 0, 0], [1.4, 0.1, 0]])
SMALL = {"J": 4, "L": 8, "step": 0.2, "channels": ("dirac", "valence")}


def moved(atoms, angle=0.0, shift=(0, 0, 0), mirror=False):
    copy = atoms.copy()
    copy.rotate(angle, "z")
    if mirror:
        copy.positions[:, 1] *= -1
    copy.positions += shift
    return copy


LONG = FLAT + moved(CHAIN, shift=(6.3, 0.4, 0))


@pytest.mark.parametrize(
    "dictionary",
    [
        PlanarScattering(**SMALL),
        PlanarWavelets(**SMALL),
        PlanarFourier(n_radii=64, channels=("dirac", "valence")),
    ],
)
def test_invariance(dictionary):
    phi = dictionary.fit_transform([FLAT, CHAIN])
    assert_invariant(dictionary, [FLAT, CHAIN], tolerance=3e-2)  # L = 8 angles: 17° is the worst
    mirrored = [moved(m, mirror=True) for m in (FLAT, CHAIN)]
    assert relative_change(phi, dictionary.transform(mirrored)).max() < 3e-2


def test_the_batch_and_the_box_do_not_matter():
    """A molecule has the same features alone, in company, and beside a larger one."""
    dictionary = PlanarScattering(**SMALL, batch_size=3).fit([FLAT])
    together = dictionary.transform([FLAT, CHAIN, moved(FLAT, 90), FLAT])
    alone = dictionary.transform([FLAT])
    assert np.allclose(together[0], together[3], rtol=1e-4)
    assert np.allclose(together[0], alone[0], rtol=1e-4)
    assert np.median(np.abs(together[2] / alone[0] - 1)) < 2e-3


def test_far_apart_molecules_add_up():
    """First order at fine scales is extensive."""
    far = FLAT + moved(FLAT, shift=(12, 0, 0))
    dictionary = PlanarScattering(channels=("valence",), J=2, L=8, step=0.2, order=1)
    one, two = dictionary.fit_transform([FLAT, far])
    assert np.allclose(two, 2 * one, rtol=5e-3)


def test_numbers_of_features_are_the_papers():
    channels = ("dirac", "core", "valence")
    assert len(PlanarFourier(channels).fit([FLAT]).features_) == 1536
    assert len(PlanarWavelets(channels, J=9).fit([FLAT]).features_) == 60
    assert len(PlanarScattering(("dirac",), J=9, L=16).fit([FLAT]).features_) == 668


def test_names_and_frame():
    dictionary = PlanarScattering(**SMALL).fit([FLAT])
    names, frame = dictionary.get_feature_names_out(), dictionary.features_
    assert len(names) == len(frame) == dictionary.transform([FLAT]).shape[1]
    assert len(set(names)) == len(names)
    assert list(frame["channel"].unique()) == ["dirac", "valence"]
    assert (frame.loc[frame["order"] == 2, "j2"] > frame.loc[frame["order"] == 2, "j"]).all()


def test_columns_belong_to_their_channel():
    both = PlanarScattering(**SMALL).fit([FLAT])
    valence = PlanarScattering(**{**SMALL, "channels": ("valence",)}).fit_transform([FLAT])
    columns = (both.features_["channel"] == "valence").to_numpy()
    assert np.allclose(both.transform([FLAT])[:, columns], valence, rtol=1e-4)


def test_fourier_means_are_bessel_sums():
    """The circular mean of |ρ̂|² of point charges is Σ z z' J_0(|ω| r)."""
    dictionary = PlanarFourier(("dirac",), powers=(2,))
    got = dictionary.fit_transform([LONG])[0]
    radii = dictionary.features_["radius"].to_numpy()
    z, distances = LONG.numbers.astype(float), LONG.get_all_distances()
    expected = [np.sum(np.outer(z, z) * j0(r * distances)) for r in radii[1:]]
    assert np.allclose(got[1:], expected, rtol=1e-9)


def test_fourier_means_do_not_turn_with_the_molecule():
    """On every circle, the largest too, where the angles must be many."""
    dictionary = PlanarFourier(("dirac", "valence")).fit([LONG])
    turned = dictionary.transform([moved(LONG, angle) for angle in (0, 11, 37, 71)])
    change = np.abs(turned[1:] / turned[0] - 1).max(0)
    assert change[dictionary.features_["q"] == 2].max() < 1e-6
    assert change[(dictionary.features_["q"] == 1)].max() < 2e-2


def test_order_zero_is_the_moments_of_the_density():
    dictionary = PlanarScattering(channels=("valence", "gaussian"), order=0, step=0.1)
    phi = dictionary.fit_transform([FLAT])[0]
    assert phi[[0, 2]] == pytest.approx([12, 16], rel=2e-3)


def test_they_are_scikit_learn_transformers():
    pipeline = make_pipeline(PlanarWavelets(**SMALL), Ridge())
    molecules = [FLAT, CHAIN, moved(FLAT, 20), moved(CHAIN, 50)]
    assert cross_val_predict(pipeline, molecules, [1.0, 2, 1, 2], cv=2).shape == (4,)
    assert clone(PlanarScattering(J=3, angular=True)).get_params()["angular"] is True


def test_batches_hold_everyone_once():
    seen = [i for _, members in batches([FLAT, CHAIN] * 5, 2.0, 3) for i in members]
    assert sorted(seen) == list(range(10))


def test_memory_grows_as_the_step_shrinks():
    coarse, fine = PlanarScattering(step=0.2), PlanarScattering(step=0.05)
    assert fine.memory([FLAT]) > 8 * coarse.memory([FLAT])


@pytest.mark.parametrize(
    ("dictionary", "message"),
    [
        (PlanarScattering(channels=("spin",)), "Unknown channel spin"),
        (PlanarScattering(J=0), "J must be a whole number"),
        (PlanarScattering(J=2.5), "J must be a whole number above zero, not 2.5"),
        (PlanarScattering(device="tpu"), "no device 'tpu' here"),
        (PlanarScattering(coincident="merge"), 'must be "error" or "add"'),
        (PlanarScattering(J=40), "J = 40 is too large: .* Take J ≤ 9"),
        (PlanarScattering(step=-1), "positive length"),
        (PlanarScattering(powers=(-1,)), "Powers q must be positive"),
        (PlanarScattering(powers=(1000,)), "up to 16, not"),
        (PlanarScattering(tolerance=0), "tolerance must lie between 0 and 0.5, not 0"),
        (PlanarScattering(tolerance=10), "tolerance must lie between"),
        (PlanarScattering(batch_size=0), "batch_size must be a whole number"),
        (PlanarFourier(n_angles=0), "n_angles ≥ 1"),
        (PlanarFourier(n_radii=1), "n_radii ≥ 2"),
    ],
)
def test_bad_parameters(dictionary, message):
    with pytest.raises(ValueError, match=message):
        dictionary.fit([FLAT])


def test_bad_molecules_are_named():
    dictionary = PlanarWavelets(**SMALL)
    with pytest.raises(ValueError, match="no molecules"):
        dictionary.fit([])
    with pytest.raises(ValueError, match="Molecule 1 is a str"):
        dictionary.fit([FLAT, "CO"])
    bent = Atoms("CH4", [[0, 0, 0], [1, 0, 0], [0, 1, 0], [-0.5, -0.5, 0.8], [0, 0, -1]])
    with pytest.raises(ValueError, match="not planar") as error:
        dictionary.fit([FLAT, FLAT, bent])
    assert "Molecule 2 of 3." in error.value.__notes__


@pytest.mark.parametrize("kind", [PlanarFourier, PlanarWavelets])
def test_coincident_atoms_are_refused_or_add_up(kind):
    on_top = Atoms("CH2", [[0, 0, 0], [1, 0, 0], [1, 0, 0]])
    with pytest.raises(ValueError, match=r"Molecule 1 \(CH2\): atoms 1 \(H\) and 2 \(H\) coincide"):
        kind().fit([FLAT, on_top])
    fit = kind(coincident="add", channels=["dirac"]).fit([on_top])
    total = fit.transform([on_top])[0][(fit.features_["order"] == 0) & (fit.features_["q"] == 1)]
    assert total == pytest.approx(8, rel=1e-3)  # 6 + 1 + 1 charges


def test_atoms_too_far_apart_for_the_memory_are_refused():
    torn = Atoms("CO", [[0, 0, 0], [1e4, 1e4, 0]])
    with pytest.raises(ValueError, match=r"needs .* GB at step 0.2 Å .* take a larger step"):
        PlanarScattering(**SMALL).fit_transform([torn])

    with pytest.raises(ValueError, match=r"needs .* GB for 256 circles"):
        PlanarFourier().fit_transform([torn])
    torn.positions *= 1e3
    with pytest.raises(ValueError, match=r"\(CO\) has a coordinate of 1e\+07 Å"):
        PlanarFourier().fit([torn])


def test_density_of_a_molecule_far_from_the_origin():
    far = moved(FLAT, shift=(1e3, -1e3, 0))
    assert np.allclose(
        PlanarWavelets(**SMALL).fit_transform([far]),
        PlanarWavelets(**SMALL).fit_transform([FLAT]),
        rtol=1e-3,
    )
    assert PlanarDensity(["dirac"]).reach == 0
