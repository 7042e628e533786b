r"""Three non-linear encoders of a feature vector, of one interface: sparse code, soft threshold,
phase collapse.

Each has ``atoms`` that are learned and a constraint that they are brought back to after every step
of gradient descent: unit norms for a dictionary, FᴴF = 1 for a frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, softshrink

from appkit.images.checks import check_whole

METHODS = ("ista", "fista", "istc")


class Encoder(nn.Module):
    """Feature vectors (n, inputs) to codes (n, outputs); this one leaves them as they are."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        check_whole(inputs=inputs)
        self.inputs = self.outputs = inputs

    def forward(self, x: Tensor) -> Tensor:
        """The codes (n, outputs)."""
        return x

    def constrain_(self) -> None:
        """Bring the atoms to the nearest ones that are allowed, in place."""


class SparseCode(Encoder):
    """argmin ½‖x − Dz‖² + λ‖z‖₁ over z ≥ 0, by so many steps of an iteration; D is learned.

    Parameters
    ----------
    inputs, atoms : numbers of x and of z.
    threshold : λ, in the unit of x.
    steps : of the iteration, through which gradients pass.
    method : "ista", gradient steps of 1/‖D‖² and soft thresholds; "fista", the same with Nesterov's
        momentum; "istc", steps of 1 and a threshold that falls from max ⟨x, d⟩ to λ geometrically,
        which needs few of them where atoms are not alike, and may diverge where they are.

    Attributes
    ----------
    atoms : Dᵀ (atoms, inputs), rows of norm 1.

    Raises
    ------
    ValueError
        for sizes or steps that are no whole numbers above zero, an unknown method, a negative λ, or
        λ = 0 with "istc".

    References
    ----------
    Beck, Teboulle, SIAM J. Imaging Sci. 2 (2009); Zarka, Thiry, Angles, Mallat, Deep Network
    Classification by Scattering and Homotopy Dictionary Learning, ICLR 2020, arXiv:1910.03561.
    """

    def __init__(
        self,
        inputs: int,
        atoms: int,
        threshold: float = 0.1,
        steps: int = 12,
        method: str = "fista",
    ) -> None:
        super().__init__(inputs)
        check_whole(atoms=atoms, steps=steps)
        if method not in METHODS:
            raise ValueError(f"There is no method {method!r}; there are {', '.join(METHODS)}.")
        self.threshold = _checked_threshold(threshold)
        if method == "istc" and self.threshold == 0:
            raise ValueError("istc needs a threshold above 0: take ista or fista.")
        self.outputs, self.steps, self.method = atoms, steps, method
        self.atoms = nn.Parameter(torch.randn(atoms, inputs))
        self.constrain_()

    def forward(self, x: Tensor) -> Tensor:
        """z (n, atoms)."""
        return _ITERATIONS[self.method](self, x)

    def decoded(self, z: Tensor) -> Tensor:
        """Dz, (n, inputs)."""
        return z @ self.atoms

    def objective(self, x: Tensor, z: Tensor) -> Tensor:
        """½‖x − Dz‖² + λ‖z‖₁, (n,)."""
        return (x - self.decoded(z)).square().sum(1) / 2 + self.threshold * z.abs().sum(1)

    @torch.no_grad()
    def constrain_(self) -> None:
        """Atoms of norm 1."""
        self.atoms.copy_(normalize(self.atoms, dim=1))

    def _descended(self, x: Tensor, z: Tensor, step: Tensor | float) -> Tensor:
        return z + step * ((x - self.decoded(z)) @ self.atoms.T)

    def _step(self) -> Tensor:
        """1/‖D‖²; gradients do not pass."""
        atoms = self.atoms.detach()
        gram = atoms.T @ atoms if self.inputs < self.outputs else atoms @ atoms.T
        return 1 / torch.linalg.eigvalsh(gram)[-1]

    def _ista(self, x: Tensor) -> Tensor:
        step = self._step()
        z = x.new_zeros(len(x), self.outputs)
        for _ in range(self.steps):
            z = torch.relu(self._descended(x, z, step) - step * self.threshold)
        return z

    def _fista(self, x: Tensor) -> Tensor:
        step, pace = self._step(), 1.0
        z = ahead = x.new_zeros(len(x), self.outputs)
        for _ in range(self.steps):
            last, z = z, torch.relu(self._descended(x, ahead, step) - step * self.threshold)
            pace, before = (1 + math.sqrt(1 + 4 * pace**2)) / 2, pace
            ahead = z + (before - 1) / pace * (z - last)
        return z

    def _istc(self, x: Tensor) -> Tensor:
        z = x.new_zeros(len(x), self.outputs)
        largest = (x.detach() @ self.atoms.detach().T).amax(1, keepdim=True)
        start = largest.clamp(min=self.threshold)
        for n in range(1, self.steps + 1):
            level = start * (self.threshold / start) ** (n / self.steps)
            z = torch.relu(self._descended(x, z, 1.0) - level)
        return z


_ITERATIONS: dict[str, Callable[[SparseCode, Tensor], Tensor]] = {
    "ista": SparseCode._ista,
    "fista": SparseCode._fista,
    "istc": SparseCode._istc,
}


class SoftThreshold(Encoder):
    """ρ(Fx), ρ(u) = sign(u) max(|u| − λ, 0), F a tight frame that is learned: FᵀF = 1.

    A contraction: codes are no further apart than their x. With λ = 0, Fᵀ gives x back.

    Parameters
    ----------
    inputs, atoms : numbers of x and of the code.
    threshold : λ, in the unit of x.

    Attributes
    ----------
    atoms : F (atoms, inputs).

    Raises
    ------
    ValueError
        for sizes that are no whole numbers above zero, fewer atoms than inputs, a negative λ.

    References
    ----------
    Zarka, Guth, Mallat, Separation and Concentration in Deep Networks, ICLR 2021, arXiv:2012.10424.
    """

    def __init__(self, inputs: int, atoms: int, threshold: float = 0.1) -> None:
        super().__init__(inputs)
        _check_frame(inputs, atoms)
        self.threshold, self.outputs = _checked_threshold(threshold), atoms
        self.atoms = nn.Parameter(torch.randn(atoms, inputs))
        self.constrain_()

    def forward(self, x: Tensor) -> Tensor:
        """ρ(Fx), (n, atoms)."""
        return soft_threshold(x @ self.atoms.T, self.threshold)

    def decoded(self, z: Tensor) -> Tensor:
        """Fᵀz, (n, inputs)."""
        return z @ self.atoms

    @torch.no_grad()
    def constrain_(self) -> None:
        """The nearest tight frame."""
        self.atoms.copy_(nearest_tight_frame(self.atoms))


class PhaseCollapse(Encoder):
    """|Fx|, F a complex tight frame that is learned: FᴴF = 1.

    A contraction that drops every coefficient's phase; so x and −x have one code.

    Parameters
    ----------
    inputs, atoms : numbers of x and of the code.

    Attributes
    ----------
    atoms : F as (atoms, inputs, 2), real and imaginary parts.

    Raises
    ------
    ValueError
        for sizes that are no whole numbers above zero, and fewer atoms than inputs.

    References
    ----------
    Guth, Zarka, Mallat, Phase Collapse in Neural Networks, ICLR 2022, arXiv:2110.05283.
    """

    def __init__(self, inputs: int, atoms: int) -> None:
        super().__init__(inputs)
        _check_frame(inputs, atoms)
        self.outputs = atoms
        self.atoms = nn.Parameter(torch.randn(atoms, inputs, 2))
        self.constrain_()

    @property
    def frame(self) -> Tensor:
        """F (atoms, inputs), complex."""
        return torch.view_as_complex(self.atoms)

    def coefficients(self, x: Tensor) -> Tensor:
        """Fx (n, atoms), complex; x may be too."""
        return x.to(self.frame.dtype) @ self.frame.T

    def forward(self, x: Tensor) -> Tensor:
        """|Fx|, (n, atoms)."""
        return self.coefficients(x).abs()

    @torch.no_grad()
    def constrain_(self) -> None:
        """The nearest complex tight frame."""
        self.atoms.copy_(torch.view_as_real(nearest_tight_frame(self.frame)))


#: The encoders by their name. All but the first also take a number of atoms.
ENCODERS: dict[str, type[Encoder]] = {
    "none": Encoder,
    "sparse": SparseCode,
    "soft-threshold": SoftThreshold,
    "phase-collapse": PhaseCollapse,
}


def soft_threshold(u: Tensor, threshold: float) -> Tensor:
    """u max(1 − λ/|u|, 0): amplitudes lose λ, sign or phase stay. Real or complex, any shape."""
    _checked_threshold(threshold)
    if not u.is_complex():
        return softshrink(u, threshold)
    size = u.abs()
    return u * ((size - threshold).clamp(min=0) / size.clamp(min=torch.finfo(size.dtype).tiny))


def nearest_tight_frame(frame: Tensor) -> Tensor:
    """The unitary part F(FᴴF)^(−1/2) of a real or complex F (atoms, inputs), atoms ≥ inputs.

    The nearest of all G with GᴴG = 1, by the sum of squares.
    """
    wide = frame.to(torch.complex128 if frame.is_complex() else torch.float64)
    values, vectors = torch.linalg.eigh(wide.mH @ wide)
    return (wide @ (vectors / values.sqrt()) @ vectors.mH).to(frame.dtype)


def _check_frame(inputs: int, atoms: int) -> None:
    check_whole(atoms=atoms)
    if atoms < inputs:
        raise ValueError(
            f"A tight frame of {inputs} features needs as many atoms or more, not {atoms}."
        )


def _checked_threshold(threshold: float) -> float:
    if not (math.isfinite(threshold) and threshold >= 0):
        raise ValueError(f"The threshold is a number from 0 up, not {threshold!r}.")
    return float(threshold)
