"""Planar densities: charges, exact placement, the authors' own condensed profiles."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from scipy.integrate import quad
from scipy.special import j0

from appkit.energy import NotPlanarError, PlanarDensity, planar_positions
from appkit.energy.atomic import atomic_density
from appkit.energy.density import radial_transform
from appkit.energy.geometry import plane_distance
from appkit.scattering import Grid

FLAT = Atoms("OCH2", [[0.0, 1.2, 0], [0, 0, 0], [0.94, -0.58, 0], [-0.94, -0.58, 0]])


@pytest.mark.parametrize("channel", ["core", "valence", "atomic", "gaussian"])
def test_a_density_integrates_to_its_electrons(channel):
    grid = Grid.covering(14, 14, 0.05)
    field = PlanarDensity([channel], sigma=0.2).real([FLAT], grid)[0, 0]
    electrons = {"core": 4, "valence": 12, "atomic": 16, "gaussian": 16}[channel]
    assert float(field.sum()) * grid.step**2 == pytest.approx(electrons, abs=1e-3)


def test_core_and_valence_add_up_to_the_atom():
    omega = np.linspace(0, 60, 40)
    for symbol in ("H", "C", "S"):
        parts = radial_transform(symbol, "core", omega) + radial_transform(symbol, "valence", omega)
        assert np.allclose(parts, radial_transform(symbol, "atomic", omega))


@pytest.mark.parametrize("omega", [0.0, 3.0, 25.0])
def test_radial_transform_is_the_bessel_integral(omega):
    atom = atomic_density("N")
    value, _ = quad(
        lambda r: 4 * np.pi * r**2 * float(atom.at(r, "valence")) * j0(omega / 1.8897261 * r),
        0,
        18,
        limit=800,
    )
    assert radial_transform("N", "valence", np.array([omega]))[0] == pytest.approx(value, abs=2e-3)


def test_an_atom_sits_where_it_is_and_not_on_a_pixel():
    """A shift by a fraction of a step shifts the field exactly: no rounding to pixels."""
    grid, density = Grid((128, 128), 0.15), PlanarDensity(["gaussian"], sigma=0.3)
    y, x = grid.coordinates()
    for shift in (0.0, 0.041, 0.1):
        pair = Atoms("HC", [[shift - 1.0, 0.02, 0], [shift + 1.0, -0.02, 0]])
        field = density.real([pair], grid)[0, 0]
        centred = planar_positions(pair)
        expected = sum(
            z * torch.exp(-((x - px) ** 2 + (y[:, None] - py) ** 2) / (2 * 0.3**2))
            for (px, py), z in zip(centred, (1, 6), strict=True)
        ) / (2 * np.pi * 0.3**2)
        assert torch.allclose(field, expected, atol=1e-6)


def test_condensed_profile_of_the_authors(real_data):
    """ρ_2D(r) of a carbon atom at the origin against the published profile, away from r = 0."""
    profiles = np.load(real_data / "qm2d" / "condensed_2d_profiles.npz")
    grid = Grid((800, 800), 0.025)
    field = PlanarDensity(["valence"]).real([Atoms("C")], grid)[0, 0]
    _, x = grid.coordinates()
    radii = np.arange(len(profiles["carbon_valence"])) * 0.01
    row = np.interp(radii, x.numpy()[400:], field[400, 400:].numpy())
    inside = (radii > 0.3) & (radii < 2.0)
    peak = profiles["carbon_valence"].max()
    assert np.abs(row - profiles["carbon_valence"])[inside].max() < 0.04 * peak


def test_moments_of_point_charges_follow_the_papers_pixels():
    grid = Grid((64, 64), 0.2)
    values = PlanarDensity(["dirac"]).moments([FLAT], (1, 2), grid)[0, 0]
    assert values == pytest.approx([16, (64 + 36 + 2) / 0.2**2])


def test_bad_channels_and_widths():
    with pytest.raises(ValueError, match=r"Unknown channel spin: choose among dirac"):
        PlanarDensity(["core", "spin"])
    with pytest.raises(ValueError, match="Unknown channel \\(none\\)"):
        PlanarDensity([])
    with pytest.raises(ValueError, match="positive length"):
        PlanarDensity(["gaussian"], sigma=0)
    with pytest.raises(ValueError, match="No isolated-atom density for 'Fe'"):
        PlanarDensity(["valence"]).real([Atoms("Fe")], Grid((32, 32), 0.3))
    with pytest.raises(ValueError, match="take a larger grid step"):
        radial_transform("C", "valence", np.array([1e4]))


def test_planes_are_found_and_distances_told():
    benzene = molecule("C6H6")
    benzene.rotate(40, (1, 2, 0.5))
    plane = planar_positions(benzene)
    distances = np.linalg.norm(plane[:, None] - plane[None], axis=-1)
    assert np.allclose(distances, benzene.get_all_distances(), atol=1e-6)
    methane = molecule("CH4")
    with pytest.raises(NotPlanarError, match=r"CH4 is not planar: an atom lies .* Å") as error:
        planar_positions(methane)
    assert error.value.distance == pytest.approx(plane_distance(methane))
    assert planar_positions(methane, project=True).shape == (5, 2)


def test_empty_and_not_finite_molecules_are_refused():
    with pytest.raises(ValueError, match="empty"):
        planar_positions(Atoms())
    with pytest.raises(ValueError, match="Atom 2 has a coordinate that is not a finite number"):
        planar_positions(Atoms("H2", [[0, 0, 0], [np.nan, 0, 0]]))


def test_threads_share_what_is_kept_of_the_elements(monkeypatch):
    """Radial transforms are thrown away while others use them; pictures stay the same."""
    monkeypatch.setattr("appkit.energy.density._CACHE_BYTES", 0)
    density, steps = PlanarDensity(["valence"]), [0.2 + 0.01 * (k % 4) for k in range(24)]
    molecules = [Atoms("OCN", [[0, 0, 0], [1.2, 0, 0], [2.4, 0, 0]])]

    def picture(step):
        return density.real(molecules, Grid((40, 40), step))

    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(picture, steps))
    assert all(torch.equal(p, pictures[k % 4]) for k, p in enumerate(pictures))
    assert len(density._radial_cache) < 4 * 3
