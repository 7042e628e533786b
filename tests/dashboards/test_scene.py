"""The density page's state against the densities, wavelets and cascades it is made of."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from appkit.dashboards import library
from appkit.dashboards.pages.density import DensityPage
from appkit.dashboards.scene import MAX_SIDE, TILE, Scene
from appkit.energy import NotPlanarError, PlanarDensity
from appkit.energy.molecules import MoleculeError, from_xyz
from appkit.figures.density import Field
from appkit.scattering.planar import PlanarCascade

THIOPHENE = molecule("C4H4S")
THIOPHENE.positions = THIOPHENE.positions[:, [1, 2, 0]]


@pytest.fixture(scope="module")
def scene():
    return Scene.of(THIOPHENE, step=0.1, J=3, L=4)


def spectrum(scene):
    return PlanarDensity([scene.channel]).fourier([THIOPHENE], scene.grid)[0, 0]


def shown(scene, values):
    """The middle of a whole field, cut by the bounds that the scene gives it."""
    left, _, right, _ = scene.picture().bounds
    _, x = scene.grid.coordinates()
    keep = (x > left) & (x < right)
    return values[keep][:, keep].numpy()


def close(field: Field, values, tolerance=1e-4):
    return np.abs(field.values - values).max() < tolerance * np.abs(values).max()


# ---- densities and fields --------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["valence", "core", "atomic", "gaussian"])
def test_the_picture_is_the_planar_density(scene, channel):
    scene = replace(scene, channel=channel)
    density = PlanarDensity([channel]).real([THIOPHENE], scene.grid)[0, 0]
    assert close(scene.picture(), shown(scene, density))


def test_what_is_left_out_of_the_picture_is_empty(scene):
    electrons = 4 * 4 + 4 + 6
    assert scene.picture().values.sum() * scene.step**2 == pytest.approx(electrons, rel=1e-3)


def test_the_picture_lies_where_its_atoms_are():
    scene = Scene.of(
        Atoms("CO", [[0, 0, 0], [1.5, 0.7, 0]]), channel="gaussian", sigma=0.1, step=0.05, turn=30
    )
    field, atoms = scene.picture(), scene.atoms
    rows, columns = field.values.shape
    left, bottom, right, top = field.bounds
    assert (right - left) / columns == pytest.approx(scene.step)
    assert (top - bottom) / rows == pytest.approx(scene.step)
    row, column = np.unravel_index(field.values.argmax(), field.values.shape)
    place = left + (column + 0.5) * scene.step, bottom + (row + 0.5) * scene.step
    assert place == pytest.approx(tuple(atoms.positions[1]), abs=scene.step)


def test_a_shift_by_whole_samples_rolls_the_picture(scene):
    moved = replace(scene, shift=(3 * scene.step, -2 * scene.step)).picture().values
    rolled = np.roll(scene.picture().values, (-2, 3), (0, 1))
    assert np.allclose(moved[5:-5, 5:-5], rolled[5:-5, 5:-5], atol=1e-5)


def test_a_quarter_turn_turns_the_picture(scene):
    """Samples −n/2 … n/2−1: those but the first row and column are symmetric about 0."""
    rest, turned = (s.picture().values[1:, 1:] for s in (scene, replace(scene, turn=90.0)))
    assert np.allclose(turned, np.rot90(rest, -1), atol=1e-5)  # rows point upwards


@pytest.mark.parametrize(("j", "angle"), [(0, 0), (1, 1), (2, 3)])
def test_the_modulus_is_the_bank_s_convolution(scene, j, angle):
    theta = scene.bank.angles[angle]
    expected = scene.bank.convolve(spectrum(scene), scene.grid, j, theta).abs()
    assert close(scene.modulus(j, angle), shown(scene, expected))


def test_the_wavelet_is_the_morlet_s_real_part(scene):
    """(ζ/2πσ²s²) e^{−(u₁²+ζ²u₂²)/2σ²s²} cos(ξu₁/s), but for the small constant C."""
    bank, (y, x) = scene.bank, scene.grid.coordinates()
    theta, s, sigma, zeta = math.pi / 4, bank.scale(1), bank.sigma, bank.slant
    along = (x[None, :] * math.cos(theta) + y[:, None] * math.sin(theta)) / s
    across = (y[:, None] * math.cos(theta) - x[None, :] * math.sin(theta)) / s
    envelope = torch.exp(-(along**2 + (zeta * across) ** 2) / (2 * sigma**2))
    constant = math.exp(-((sigma * bank.xi) ** 2) / 2)
    expected = zeta / (2 * math.pi * (sigma * s) ** 2) * envelope
    expected = expected * (torch.cos(bank.xi * along) - constant)
    assert close(scene.wavelet(1, 1), shown(scene, expected), 1e-3)


# ---- sheets ----------------------------------------------------------------------------------


def test_a_sheet_samples_the_moduli(scene):
    sheet = scene.sheet((1, 2))
    assert sheet.tiles.shape == (3, 4, TILE, TILE)
    assert sheet.selected == (1, 2)
    assert sheet.angles == ("0°", "45°", "90°", "135°")
    assert sheet.scales[0] == "j=0 · 0.5 Å"
    for j, angle in [(0, 0), (2, 3)]:
        field = scene.modulus(j, angle).values
        keep = np.linspace(0, len(field) - 1, TILE).round().astype(int)
        assert np.allclose(sheet.tiles[j, angle], field[np.ix_(keep, keep)], atol=1e-7)


def test_the_second_order_is_two_convolutions_by_hand(scene):
    bank, grid = scene.bank, scene.grid
    modulus = bank.convolve(spectrum(scene), grid, 0, bank.angles[1]).abs()
    fields = [
        [bank.convolve(grid.to_fourier(modulus), grid, j, t).abs() for t in bank.angles]
        for j in (1, 2)
    ]
    sheet = scene.second_sheet(0, 1)
    assert sheet.tiles.shape[:2] == (2, 4)
    assert sheet.scales == scene.scale_names(1)
    for row in range(2):
        for angle in range(4):
            whole = shown(scene, fields[row][angle])
            keep = np.linspace(0, len(whole) - 1, TILE).round().astype(int)
            expected = whole[np.ix_(keep, keep)]
            assert np.allclose(sheet.tiles[row, angle], expected, atol=1e-4 * expected.max())


def test_the_second_order_at_a_point_reads_its_sheet(scene):
    """At every atom, at the nearest sample; beyond the grid, at its rim."""
    point = tuple(scene.atoms.positions[0])
    tiles = scene.point_sheet(1, 0, *point).tiles
    bank, grid = scene.bank, scene.grid
    modulus = bank.convolve(spectrum(scene), grid, 1, bank.angles[0]).abs()
    y, x = grid.coordinates()
    at = int((y - point[1]).abs().argmin()), int((x - point[0]).abs().argmin())
    for angle in range(4):
        field = bank.convolve(grid.to_fourier(modulus), grid, 2, bank.angles[angle]).abs()
        assert tiles[0, angle] == pytest.approx(np.full((2, 2), float(field[at])), rel=1e-3)
    assert np.isfinite(scene.point_sheet(1, 0, 1e3, -1e3).tiles).all()


def test_the_coarsest_scale_has_no_second_order(scene):
    assert scene.second_sheet(2, 0) is None
    assert scene.point_sheet(2, 0, 0.0, 0.0) is None


# ---- invariants and their meter --------------------------------------------------------------


def test_invariants_are_the_cascade_s(scene):
    frame = scene.invariants()
    cascade = PlanarCascade(scene.bank, (scene.side, scene.side))
    values = cascade(PlanarDensity(["valence"]).spectrum([THIOPHENE]))[0]
    assert np.allclose(frame["value"], values, rtol=1e-4)
    assert list(frame["order"].unique()) == [1, 2]


@pytest.mark.parametrize("motion", [{"turn": 45.0}, {"turn": 90.0}, {"shift": (0.31, -0.2)}])
def test_the_meter_tells_invariants_from_pixels(scene, motion):
    """L = 4: a turn by 45° permutes the wavelets."""
    meter = replace(scene, **motion).meter()
    assert list(meter["label"])[:2] == ["ρ̃(u)", "S₁ j=0"]
    assert len(meter) == 1 + 3 + 2
    pixels, invariants = meter["change"][0], meter["change"][1:]
    assert pixels > 0.2
    assert invariants.max() < 1e-2


def test_a_molecule_at_rest_has_not_moved(scene):
    assert (scene.meter()["change"] == 0).all()


def test_an_angle_between_the_wavelets_costs_more(scene):
    between, among = (replace(scene, turn=t).meter()["change"][1:].max() for t in (22.5, 45.0))
    assert between > 3 * among


# ---- the grid, the box, names ----------------------------------------------------------------


@pytest.mark.parametrize("turn", [0, 33, 90])
def test_the_box_holds_the_molecule_at_every_turn(scene, turn):
    scene = replace(scene, turn=turn)
    assert np.abs(scene.atoms.positions).max() + scene.density.reach < scene.side / 2
    assert scene.grid.box[0] >= scene.side


def test_scenes_of_the_same_content_are_equal(scene):
    assert Scene.of(THIOPHENE, step=0.1, J=3, L=4) == scene
    assert scene.density is replace(scene, turn=5.0).density


def test_the_formula_has_subscripts(scene):
    assert scene.formula == "C₄H₄S"


def test_a_molecule_is_laid_into_its_plane():
    upright = THIOPHENE.copy()
    upright.rotate(70, (1, 2, 3))
    flat = Scene.of(upright)
    assert np.allclose(
        Atoms(flat.symbols, [(x, y, 0) for x, y in flat.positions]).get_all_distances(),
        THIOPHENE.get_all_distances(),
    )


def test_the_library_names_every_molecule_once():
    chosen, names = library.molecules(), library.names()
    assert sorted(names.values()) == list(range(len(chosen)))
    name, first = next(iter(names.items()))
    assert len(chosen.atoms[first]) == min(len(a) for a in chosen.atoms)
    assert name == library.describe(chosen, first)
    assert chosen.labels[first] in name


def test_the_example_is_in_the_library():
    assert library.example() in library.molecules().labels


# ---- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms(), "The molecule is empty"),
        (Atoms("CO", [[0, 0, 0], [0, np.nan, 0]]), "Atom 2 .*not a finite number"),
    ],
)
def test_bad_molecules_are_refused(atoms, message):
    with pytest.raises(ValueError, match=message):
        Scene.of(atoms)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("Fe 0 0 0\nO 1.6 0 0", "Unknown element Fe"),
        ("C 0 0 0\nO 0 0.1 0", r"Atoms 1 \(C\) and 2 \(O\) coincide.*0\.100 Å"),
        ("C 0 0 0\nO 0 nan 0", r"Atom 2 \(O\) .*not a finite number"),
    ],
)
def test_bad_files_are_refused_where_they_enter(rows, message):
    with pytest.raises(MoleculeError, match=message):
        DensityPage._laid(from_xyz(f"2\n\n{rows}"), project=False)


def test_an_element_without_a_density_has_a_charge_all_the_same():
    oxide = Atoms("FeO", [[0, 0, 0], [1.6, 0, 0]])
    with pytest.raises(ValueError, match=r"No isolated-atom density for 'Fe'.*H, C, N"):
        Scene.of(oxide).picture()
    charge = Scene.of(oxide, channel="gaussian").picture().values.sum() * 0.05**2
    assert charge == pytest.approx(26 + 8, rel=1e-3)


def test_atoms_that_a_projection_laid_together_add_up():
    """50 of the 454 molecules of QM7-2D have such a pair."""
    two, one = (
        Scene.of(Atoms(s, [[0, 0, 0]] * len(s)), channel="gaussian", J=3) for s in ("HH", "H")
    )
    assert np.allclose(two.picture().values, 2 * one.picture().values, atol=1e-5)
    assert np.isfinite(two.meter()["change"]).all()


def test_a_molecule_that_is_not_planar_is_refused_or_projected():
    methane = molecule("CH4")
    with pytest.raises(NotPlanarError, match=r"CH4 is not planar: .* 0\.629 Å .*Project") as error:
        Scene.of(methane)
    assert error.value.distance == pytest.approx(0.629, abs=1e-3)
    assert Scene.of(methane, project=True).picture().values.max() > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"step": 0.005}, r"grid of 2880 × 2880 and .* MB .*budget is 1024 × 1024"),
        ({"step": 0.0}, "step must be a positive length"),
        ({"step": math.nan}, "step must be a positive length"),
        ({"step": 0.2}, r"too coarse for the finest wavelets.*at most 0\.177 Å"),
        ({"J": 9}, r"J = 9 is too large for this grid.* 14 Å wide. Take J ≤ 5"),
        ({"L": 0}, "L ≥ 1 angles"),
        ({"channel": "spin"}, "Unknown channel spin"),
        ({"channel": "gaussian", "sigma": -1.0}, "σ must be a positive length"),
        ({"J": 2}, "no wavelet j = 2, angle 0: scales go from 0 to 1"),
        ({"turn": math.nan}, "not a finite number"),
    ],
)
def test_bad_settings_are_refused_with_a_remedy(settings, message):
    scene = Scene.of(THIOPHENE, **settings)
    with pytest.raises(ValueError, match=message):
        scene.modulus(2, 0)


@pytest.mark.parametrize("length", [3.0, 8.1, 14.3, 17.0, 25.0])
def test_the_remedies_work(length):
    """The step that the refusal names is accepted, for small molecules and for long ones."""
    long = Scene.of(Atoms("CC", [[0, 0, 0], [length, 0, 0]]), step=0.001)
    with pytest.raises(ValueError, match="Take a step of at least") as error:
        _ = long.grid
    step = float(str(error.value).split("at least ")[1].split()[0])
    assert replace(long, step=step).grid.shape[0] <= MAX_SIDE
    with pytest.raises(ValueError, match="Take J ≤") as error:
        _ = replace(long, J=10).bank
    largest = int(str(error.value).split("J ≤ ")[1].rstrip("."))
    bank = replace(long, J=largest, step=0.1).bank
    assert bank.wavelength(largest - 1) <= long.side
    with pytest.raises(ValueError, match="J = "):
        _ = replace(long, J=largest + 1).bank
