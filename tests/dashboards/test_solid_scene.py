"""The solid harmonics page's state against closed forms, the transform and its own promises."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from appkit.dashboards import library
from appkit.dashboards.solid_scene import SolidScene
from appkit.dashboards.space_scene import NEAR, PLANES, POWERS, J, L, Shown
from appkit.energy import SolidHarmonicScattering
from appkit.scattering import SolidHarmonic
from appkit.scattering.closed_form import gaussian_fields

WATER, ETHANOL = molecule("H2O"), molecule("CH3CH2OH")


@pytest.fixture(scope="module")
def scene():
    """Moved, so that nothing is symmetric by chance."""
    return SolidScene.of(ETHANOL, turn=25.0, tilt=-40.0, shift=(0.3, -0.2))


def closed_form(scene, shown, points):
    """The field at points (n, 3), from the atoms."""
    positions, charges = scene.gaussians()
    scale, l = (scene.scale(shown.j), shown.l) if shown.order else (1e-12, 0)
    fields = gaussian_fields(torch.as_tensor(points), positions, charges, scene.sigma, scale, l)
    return fields[0].square().sum(0).sqrt().numpy()


def centres(picture):
    """Coordinates of the pixels along both axes of a picture."""
    left, bottom, right, top = picture.bounds
    rows, columns = picture.values.shape
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    return x, bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows


# ---- the molecule ----------------------------------------------------------------------------


def test_a_molecule_keeps_its_shape_and_is_laid_flat(scene):
    at_rest = np.array(scene.positions)
    apart = Atoms(scene.symbols, at_rest).get_all_distances()
    assert np.allclose(apart, ETHANOL.get_all_distances())
    assert np.allclose(Atoms(scene.symbols, scene.moved).get_all_distances(), apart)
    heavy = ETHANOL.numbers > 1
    assert np.abs(at_rest[heavy, 2]).max() < 0.05  # ethanol's mirror plane
    assert scene.distance == pytest.approx(apart[apart > 0].min())


def test_a_single_atom_has_no_distance():
    assert SolidScene.of(Atoms("O", [[1, 2, 3]])).distance is None


def test_the_library_in_space_has_what_is_not_flat():
    shelf = library.spatial()
    assert set(shelf.names.values()) == set(shelf.atoms)
    assert shelf.names["Caffeine  C8H10N4O2"] == "Caffeine"
    assert np.ptp(np.array(SolidScene.of(shelf.atoms["Methane"]).positions)[:, 2]) > 1
    assert set(library.planar().names) < set(shelf.names)


# ---- fields ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", [Shown(0), Shown(1, 0, 0), Shown(1, 2, 1), Shown(1, 3, 3)])
@pytest.mark.parametrize("plane", PLANES)
def test_a_slice_is_the_closed_form_where_its_pixels_say(scene, plane, shown):
    picture, _ = scene.slice(shown, plane, 0.4)
    x, y = centres(picture)
    across, up, _ = PLANES[plane]
    points = np.full((len(y), len(x), 3), 0.4)
    points[..., across], points[..., up] = x[None, :], y[:, None]
    points = points[::9, ::7].reshape(-1, 3)
    expected = closed_form(scene, shown, points)
    ours = picture.values[::9, ::7].ravel()
    assert np.abs(ours - expected).max() < 1e-4 * expected.max()
    assert max(picture.values.shape) >= 256


def test_a_slice_holds_the_whole_field(scene):
    """At its rim the field of the middle plane has faded."""
    for shown in (Shown(0), Shown(1, 1, 1), Shown(1, 3, 2), Shown(2, 1, 0, 1)):
        values = scene.at_rest.slice(shown)[0].values
        rim = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
        assert rim.max() < 0.05 * values.max()


def test_a_sampled_slice_has_the_grid_s_samples(scene):
    coarse = replace(scene, step=0.5)
    picture, _ = coarse.slice(Shown(1, 1, 1), "xy", 0.0, sampled=True)
    x, y = centres(picture)
    assert np.allclose(np.diff(x), 0.5)
    assert np.allclose(x / 0.5, np.rint(x / 0.5), atol=1e-5)
    assert np.allclose(y / 0.5, np.rint(y / 0.5), atol=1e-5)
    points = np.array([(a, b, 0.0) for b in y for a in x])
    expected = closed_form(coarse, Shown(1, 1, 1), points)
    assert np.abs(picture.values.ravel() - expected).max() < 1e-4 * expected.max()


def test_a_second_order_slice_is_the_transform_s_field(scene):
    shown = Shown(2, 1, 0, 2)
    picture, _ = scene.slice(shown, "xz", 0.2)
    x, z = centres(picture)
    axes = [torch.as_tensor(x[::16]), torch.tensor([0.2]).double(), torch.as_tensor(z[::16])]
    fine = SolidHarmonic(scene.sigma, tuple(range(J + 1)), L, tolerance=1e-4)
    expected = fine.second_order_field(*scene.gaussians(), 1, 0, 2, axes)[0, :, 0].T.numpy()
    assert np.abs(picture.values[::16, ::16] - expected).max() < 0.01 * expected.max()


def test_only_atoms_near_the_plane_are_drawn(scene):
    _, atoms = scene.slice(Shown(0), "yz", 0.5)
    heights = scene.moved[:, 0] - 0.5
    assert len(atoms.symbols) == (np.abs(heights) <= NEAR).sum() > 0
    assert np.allclose(atoms.positions, scene.moved[np.abs(heights) <= NEAR][:, 1:])
    assert np.abs(atoms.heights).max() <= NEAR


@pytest.mark.parametrize("level", [0.15, 0.3, 0.8])
@pytest.mark.parametrize("shown", [Shown(0), Shown(1, 1, 1), Shown(1, 3, 2)])
def test_a_surface_lies_where_the_field_has_its_level(scene, shown, level):
    mesh, peak = scene.surface(shown, level)
    values = closed_form(scene, shown, mesh.vertices.astype(float))
    spread = np.abs(values / (level * peak) - 1)
    assert np.median(spread) < 0.02
    assert np.quantile(spread, 0.99) < 0.2  # linear between samples


def test_a_surface_is_closed(scene):
    mesh, _ = scene.surface(Shown(1, 2, 1), 0.3)
    edges = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts == 2).all()


def test_the_plane_in_space_is_the_slice_s(scene):
    for plane, (across, up, along) in PLANES.items():
        corners = scene.corners(Shown(1, 1, 1), plane, 0.7)
        left, bottom, right, top = scene.slice(Shown(1, 1, 1), plane, 0.7)[0].bounds
        assert (corners[:, along] == 0.7).all()
        seen = corners[:, across].min(), corners[:, up].min()
        seen += corners[:, across].max(), corners[:, up].max()
        assert seen == pytest.approx((left, bottom, right, top), abs=0.1)


# ---- invariants ------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["nuclear", "bond"])
def test_the_table_is_the_dictionary_s_features(channel):
    scene = SolidScene.of(WATER, channel=channel, turn=30.0)
    table = scene.table()
    dictionary = SolidHarmonicScattering([channel], 0.25, J, L=L, powers=POWERS, tolerance=1e-3)
    expected = dictionary.fit_transform([WATER])[0]
    error = (table["value"] / expected - 1).abs()
    assert error.median() < 1e-3
    assert error.max() < 0.05  # two digits are printed
    assert (table["q"] == dictionary.features_["q"]).all()


def test_a_molecule_at_rest_has_not_changed(scene):
    assert (scene.at_rest.meter(1)["change"] == 0).all()


@pytest.mark.parametrize("q", POWERS)
def test_a_fine_grid_is_invariant_and_a_coarse_one_is_not(q):
    scene = SolidScene.of(WATER, turn=25.0, tilt=20.0, shift=(0.13, 0.07))
    worst = {
        step: replace(scene, step=step).meter(q).groupby("order")["change"].max()
        for step in (0.15, 0.6)
    }
    assert worst[0.15][0] > 0.3  # the density in its place
    assert worst[0.15][1] < 0.01 < worst[0.6][1]
    assert worst[0.15][2] < 1e-12
    assert worst[0.6][2] < 1e-12


def test_the_meter_has_a_row_for_each_sum(scene):
    rows = scene.meter(2)
    assert rows["order"].tolist() == [0] + [1] * (J + 2) + [2] * (J + 1)
    assert rows["label"].is_unique


# ---- sampling --------------------------------------------------------------------------------


def test_samples_fill_the_box(scene):
    for side, n in zip(scene.sides, scene.samples, strict=True):
        assert n - 1 < side / scene.step <= n


def test_what_a_grid_folds_over_is_epsilon(scene):
    """The transform of a Gaussian at the grid's highest frequency, by quadrature."""
    x = np.arange(-4000, 4001) * 1e-3
    bell = np.exp(-(x**2) / (2 * scene.sigma**2))
    transform = (bell * np.cos(np.pi / scene.step * x)).sum() / bell.sum()
    assert scene.aliasing == pytest.approx(transform, rel=1e-6)


def test_the_time_told_is_a_time(scene):
    assert 0 < scene.seconds() < 60
    assert replace(scene, step=0.1).seconds() > scene.seconds()


# ---- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": 0.9}, r"δ = 0.90 Å does not resolve .* σ = 0.25 Å.*Take δ ≤ 0.66 Å"),
        ({"step": 0.02}, r"0.02 Å asks for \d+ × \d+ × \d+ samples.*budget is 17 MB. Take δ ≥"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(scene, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(scene, **changes).meter(1)


@pytest.mark.parametrize(
    ("length", "also", "sigma"), [(6, "", 0.1), (20, "", 0.1), (90, " and a larger σ", 0.5)]
)
def test_what_a_refusal_advises_can_be_done(length, also, sigma):
    atoms = Atoms("H4", length * np.array([[0, 0, 0], [1, 0, 0], [0, 0.5, 0.3], [0, 0, 0.7]]))
    fine = SolidScene.of(atoms, sigma=0.1, step=0.02)
    advice = rf"Take δ ≥ [\d.]+ Å \(a larger ε\){also}\.$"
    with pytest.raises(ValueError, match=advice) as refusal:
        fine.check_grid()
    least = float(re.search(r"δ ≥ ([\d.]+) Å", str(refusal.value))[1])
    replace(fine, step=1.1 * least if also else least, sigma=sigma).check_grid()
    with pytest.raises(ValueError, match=r"budget|resolve"):
        replace(fine, step=least if also else 0.8 * least).check_grid()


def test_the_step_that_a_refusal_names_is_accepted(scene):
    replace(scene, step=0.66).check_grid()


def test_a_table_over_the_memory_is_refused():
    far = SolidScene.of(Atoms("H3", [[0, 0, 0], [90, 0, 0], [0, 90, 60]]), sigma=0.1)
    with pytest.raises(ValueError, match=r"need [\d,]+ MB; this page's budget is 537 MB. Take a"):
        far.table()


def test_a_channel_without_anything_in_it_is_refused():
    with pytest.raises(ValueError, match="channel 'core' is empty for this molecule"):
        SolidScene.of(molecule("H2"), channel="core").slice(Shown(0))


@pytest.mark.parametrize("level", [0.0, 1.0, float("nan")])
def test_a_level_beyond_the_field_is_refused(scene, level):
    with pytest.raises(ValueError, match="share of the peak, between 0 and 1"):
        scene.surface(Shown(0), level)
