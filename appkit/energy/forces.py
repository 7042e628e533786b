"""Energies and forces of a fitted model as an ASE calculator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.units import kcal, mol
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.utils.validation import check_is_fitted

from appkit.energy.dictionary import check_bytes
from appkit.energy.frame import Frame
from appkit.energy.geometry import MIN_DISTANCE, check_list
from appkit.energy.solid_harmonic import SolidHarmonicScattering, check_volumes
from appkit.scattering.threads import one_thread

#: Steps of the differences of a regressor, relative to how much each feature varies.
_STEP = 1e-2


class InvariantCalculator(Calculator):
    r"""Energy f(Φ(x)) and forces −∇f(Φ(x)) of a model that was fitted on invariants Φ.

    The chain rule in two halves: ∂f/∂Φ by central differences of the regressor's ``predict``, exact
    for a linear one; then −Σ_k ∂f/∂φ_k ∂φ_k/∂r by automatic differentiation. The grid is held in
    the `Frame` of the first geometry for as long as the atoms stay in it, so that the forces are
    the gradient of the very energy that is returned, without a net force or torque. Where atoms
    leave the frame it is renewed, and the energy steps by the error of the grid: the dictionary's
    tolerance, times what the regressor makes of it. A `StandardScaler` makes much of an invariant
    that hardly varies: leave such out, as `appkit.energy.teach` does by a `VarianceThreshold`. Of
    geometries far from those of ``features`` it knows nothing, and does not say so: see
    `trained_on` for what is refused.

    Parameters
    ----------
    dictionary : fitted.
    regressor : fitted on features of the dictionary; smooth, with ``predict``.
    features : (n, P) that it was fitted on, or a fair sample: their spread sets the differences.
    unit : eV in a unit of the regressor's energies; kcal/mol by default.
    trained_on : the training set. An element that it lacks is refused and, where all its molecules
        have one composition, any other composition. By default nothing is.
    frame : held wherever it can be, as the one in which ``features`` were computed should; by
        default that of the first geometry.
    slack : Å that the atoms may move out of the cuboid about a geometry whose frame is held.

    Attributes
    ----------
    frame : the `Frame` in use.

    Raises
    ------
    ValueError
        for a regressor of another number of features, of other outputs than one energy, or not
        fitted; when asked for no molecule, or for one that is empty, periodic, not finite, of
        elements or a composition not trained on, with atoms nearer than 0.4 Å, or too large for
        the memory.
    """

    def __init__(
        self,
        dictionary: SolidHarmonicScattering,
        regressor: Any,
        features: NDArray[np.float64],
        unit: float = kcal / mol,
        trained_on: Sequence[Atoms] | None = None,
        frame: Frame | None = None,
        slack: float = 0.5,
    ) -> None:
        super().__init__()
        self.implemented_properties = ["energy", "forces"]
        check_is_fitted(dictionary)
        check_is_fitted(regressor)
        features = np.asarray(features, dtype=np.float64)
        computed, expected = len(dictionary.features_), regressor.n_features_in_
        if computed != expected:
            raise ValueError(
                f"The regressor was fitted on {expected} features, the dictionary computes "
                f"{computed}: fit the one on features of the other."
            )
        if features.ndim != 2 or features.shape[1] != computed or not np.isfinite(features).all():
            raise ValueError(
                f"The features must be finite numbers (n, {computed}), as the dictionary computes "
                f"them, not an array {features.shape}."
            )
        if trained_on is not None:
            check_list(trained_on)
        if not (np.isfinite(slack) and slack > 0):
            raise ValueError(f"The slack must be a positive length in Å, not {slack}.")
        self.dictionary, self.regressor, self.unit = dictionary, regressor, unit
        self.frame, self._first, self.slack = frame, frame, slack
        self._spread = features.std(0)
        self._formulas = {atoms.get_chemical_formula() for atoms in trained_on or ()}
        self._elements = {symbol for atoms in trained_on or () for symbol in atoms.symbols}

    @one_thread()
    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Set ``results``: energy in eV and, where asked for, forces (K, 3) in eV/Å."""
        super().calculate(atoms, list(properties), list(system_changes))
        molecule = self.atoms
        if molecule is None:
            raise ValueError("The calculator has no molecule: set atoms.calc to it.")
        self._check(molecule)
        held = [f for f in (self._first, self.frame) if f is not None and f.holds(molecule)]
        self.frame = held[0] if held else Frame(molecule, self.slack)
        wanted = "forces" in properties
        positions = torch.tensor(molecule.positions, requires_grad=wanted)
        values = self.dictionary.invariants(positions, molecule, self.frame)
        phi = values.detach().cpu().numpy()
        self.results["energy"] = float(self._predict(phi[None])[0]) * self.unit
        if wanted:
            slopes = torch.as_tensor(self._slopes(phi), device=values.device)
            (gradient,) = torch.autograd.grad(values, positions, grad_outputs=slopes)
            self.results["forces"] = -gradient.numpy() * self.unit

    def _slopes(self, phi: NDArray[np.float64]) -> NDArray[np.float64]:
        """∂f/∂Φ, ``(P,)``; zero for a feature that is constant or zero, as of an empty channel."""
        steps = _STEP * np.minimum(self._spread, np.abs(phi))
        ends = self._predict(np.concatenate([phi + np.diag(steps), phi - np.diag(steps)]))
        up, down = ends[: len(phi)], ends[len(phi) :]
        return np.divide(up - down, 2 * steps, out=np.zeros_like(phi), where=steps > 0)

    def _predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        energies = np.asarray(self.regressor.predict(features), dtype=np.float64)
        if energies.shape != (len(features),):
            raise ValueError(
                f"The regressor predicts an array {energies.shape} for {len(features)} molecules: "
                "fit it on one energy each, y of shape (n,)."
            )
        return energies

    def _check(self, molecule: Atoms) -> None:
        check_volumes([molecule])
        shape = self.dictionary
        check_bytes(
            shape.memory([molecule]) * (shape.L + 1) ** 2 * (shape.J * shape.Q + 1),
            "for its forces, which keep the fields of every scale and degree",
            "bring the atoms nearer to each other, or take a larger σ",
        )
        symbols = molecule.get_chemical_symbols()
        pairs = cKDTree(molecule.positions).query_pairs(MIN_DISTANCE)
        if pairs:
            k, l = min(pairs)
            raise ValueError(
                f"Atoms {k} ({symbols[k]}) and {l} ({symbols[l]}) are "
                f"{molecule.get_distance(k, l):.2f} Å apart, nearer than {MIN_DISTANCE} Å, where "
                "no model was trained. Move them apart."
            )
        unknown = sorted(set(symbols) - self._elements)
        if self._elements and unknown:
            raise ValueError(
                f"The model was trained on molecules of {', '.join(sorted(self._elements))}: it "
                f"does not know {', '.join(unknown)} (first at atom {symbols.index(unknown[0])})."
            )
        if len(self._formulas) == 1 and self._formulas != {molecule.get_chemical_formula()}:
            raise ValueError(
                f"The model was trained on {min(self._formulas)} alone: it knows nothing of "
                f"{molecule.get_chemical_formula()}."
            )
