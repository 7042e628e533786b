"""How many terms the Coulomb energy needs: radii of Fourier space, or scales of wavelets.

Theorems 1 and 2 of Hirn, Mallat, Poilvert (MMS 15(2), 2017, §8), measured on a molecule:

* Fourier: M = ε⁻² radii for an error O(ε^{1−δ}), so the error falls like M^{−1/2};
* wavelets: M = 3 |log₂ ε| scales for an error O(ε), so the error falls like 2^{−M/3}.

The talk writes |log ε|² for the wavelets: that is the number of operations by which all the
‖ρ∗ψ_j‖² are computed (each as in a fast multipole method), not the number of terms of the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from ase import Atoms

from appkit.scattering.coulomb import (
    Charges,
    fourier_energy,
    pair_energy,
    theorem_scales,
    wavelet_energies,
)

__all__ = ["CoulombTerms", "molecular_charges", "run"]

#: Widths (Å) of a nucleus smeared as in the dictionaries' Gaussian channel, and of a cloud.
NUCLEUS_WIDTH, CLOUD_WIDTH = 0.3, 0.5

DENSITIES = {
    "point": "point nuclei (principal value)",
    "gaussian": f"Gaussian nuclei, σ = {NUCLEUS_WIDTH} Å",
    "screened": f"point nuclei in Gaussian clouds, σ = {CLOUD_WIDTH} Å",
    "neutral": "Gaussian nuclei in wider Gaussian clouds",
}


@dataclass(frozen=True)
class CoulombTerms:
    """What `run` returns.

    Attributes
    ----------
    names
        What each density is, in words.
    energies
        For each density, U in e²/Å by the pair sum, and by all scales of the second frame.
    errors
        ``density, sum ("fourier" | "wavelet"), n_terms, epsilon, error``: relative to U.
    scales
        ``density, j, length, energy``: the terms v_j‖ρ∗ψ_j‖² (e²/Å), length = 2^j Å.
    slopes
        ``density, sum, slope, theorem``, fitted by least squares: of log error against log M for
        Fourier (theorem −1/2), of log₂ error against M for wavelets (theorem −1/3).
    """

    names: dict[str, str]
    energies: pd.DataFrame
    errors: pd.DataFrame
    scales: pd.DataFrame
    slopes: pd.DataFrame


def molecular_charges(atoms: Atoms, density: str) -> Charges:
    """The charges of a molecule, in e and Å, as one of `DENSITIES`.

    "point" and "gaussian" are the nuclei alone; "screened" and "neutral" add to each nucleus a
    cloud of the opposite charge, so that the total charge is 0.
    Raises ValueError for another density.
    """
    if density not in DENSITIES:
        raise ValueError(f"There is no density {density!r}; choose among {', '.join(DENSITIES)}.")
    z = atoms.numbers.astype(float)
    nucleus = NUCLEUS_WIDTH if density in ("gaussian", "neutral") else 0.0
    values, positions = z, atoms.positions
    widths = np.full(len(z), nucleus)
    if density in ("screened", "neutral"):
        values = np.concatenate([z, -z])
        positions = np.concatenate([positions, positions])
        widths = np.concatenate([widths, np.full(len(z), CLOUD_WIDTH)])
    return Charges(*(torch.from_numpy(a) for a in (values, positions, widths)))


def run(
    atoms: Atoms,
    densities: tuple[str, ...] = ("point", "gaussian", "screened"),
    finest: int = 8,
) -> CoulombTerms:
    """Measure the error of both sums against the number of terms, ε = 1/2 … 2^−finest.

    "neutral" is outside the theorems' worst case: a smooth density of no charge has nothing at
    the frequencies that the sums leave out, and both fall faster than the theorems promise.
    Raises ValueError where ``finest`` is below 3 (nothing to fit).
    """
    if finest < 3:
        raise ValueError(f"finest must be at least 3 to fit a slope, not {finest}.")
    energies, errors, scales = [], [], []
    all_scales = range(-2 * finest, finest + 9)
    for density in densities:
        charges = molecular_charges(atoms, density)
        exact = pair_energy(charges).item()
        terms = dict(zip(all_scales, wavelet_energies(charges, all_scales).tolist(), strict=True))
        energies.append((density, exact, sum(terms.values())))
        scales += [(density, j, 2.0**j, term) for j, term in terms.items()]
        errors += [
            (density, *row, abs(value / exact - 1))
            for row, value in (*_fourier_sums(charges, finest), *_wavelet_sums(terms, finest))
        ]
    table = pd.DataFrame(errors, columns=["density", "sum", "n_terms", "epsilon", "error"])
    return CoulombTerms(
        {density: DENSITIES[density] for density in densities},
        pd.DataFrame(energies, columns=["density", "pair_sum", "wavelet_sum"]),
        table,
        pd.DataFrame(scales, columns=["density", "j", "length", "energy"]),
        _slopes(table),
    )


Row = tuple[tuple[str, int, float], float]


def _fourier_sums(charges: Charges, finest: int) -> list[Row]:
    """Theorem 1 at four numbers of radii an octave."""
    counts = np.unique(np.rint(2 ** np.arange(2, 2 * finest + 0.1, 0.25)).astype(int))
    return [
        (("fourier", int(n), float(n**-0.5)), fourier_energy(charges, int(n)).item())
        for n in counts
    ]


def _wavelet_sums(terms: dict[int, float], finest: int) -> list[Row]:
    """Theorem 2 at ε = 2^−m: the partial sums of the terms."""
    sums = []
    for m in range(1, finest + 1):
        kept = theorem_scales(2.0**-m)
        sums.append((("wavelet", len(kept), 2.0**-m), sum(terms[j] for j in kept)))
    return sums


def _slopes(errors: pd.DataFrame) -> pd.DataFrame:
    """Least-squares slopes of the asymptotic half of each curve."""
    rows = []
    for (density, name), group in errors.groupby(["density", "sum"], sort=False):
        tail = group[(group["epsilon"] <= 0.2) & (group["error"] > 1e-14)]
        logs = np.log2(tail["error"].to_numpy())
        m = tail["n_terms"].to_numpy(float)
        slope = np.polyfit(np.log2(m) if name == "fourier" else m, logs, 1)[0]
        rows.append((density, name, float(slope), -1 / 2 if name == "fourier" else -1 / 3))
    return pd.DataFrame(rows, columns=["density", "sum", "slope", "theorem"])
