"""What the channels of three-dimensional densities put on atoms."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray
from torch import Tensor

from appkit.energy.bonds import bonds

#: Gaussians that a channel puts on each atom, or half-way between two.
CHANNELS = {
    "nuclear": "the nuclear charge z",
    "valence": "the number of valence electrons",
    "core": "the number of core electrons",
    "bond": "two electrons times Pauling's bond order, at the middle of each bond",
}
#: Densities of isolated atoms, with their cusps, that a channel puts on each atom.
ATOMIC_CHANNELS = {
    "atomic": "the isolated atom's electrons",
    "atomic_core": "the isolated atom's core electrons",
    "atomic_valence": "the isolated atom's valence electrons",
}
#: Electrons of the closed shells below the valence shell, from the heaviest noble gas down.
_NOBLE = (86, 54, 36, 18, 10, 2)


def check_channels(channels: Sequence[str], known: Collection[str] = CHANNELS) -> None:
    """Raise ``ValueError`` where there is none, one that is not ``known``, or one twice."""
    if isinstance(channels, str) or not isinstance(channels, Collection):
        raise ValueError(f'Channels are a list of names, not {channels!r}: write ("nuclear",).')
    unknown = [name for name in channels if name not in known]
    if unknown or len(channels) == 0:
        raise ValueError(
            f"Unknown channel {', '.join(unknown) or '(none)'}: choose among {', '.join(known)}."
        )
    if twice := [name for name in known if list(channels).count(name) > 1]:
        raise ValueError(f"The channel {twice[0]} is asked for more than once.")


def gaussians(molecule: Atoms, channel: str) -> tuple[Tensor, Tensor]:
    """Where a channel of `CHANNELS` puts Gaussians, (K, 3) in Å, and their charges (1, K), e."""
    check_channels([channel])
    positions = torch.as_tensor(molecule.positions, dtype=torch.float64)
    if channel == "bond":
        middles, electrons = bonds(positions, molecule.numbers)
        return middles, electrons[None]
    return positions, torch.as_tensor(charges(molecule.numbers, [channel]))


def charges(numbers: NDArray[np.int64], channels: Sequence[str]) -> NDArray[np.float64]:
    """What channels of `CHANNELS` put on atoms: ``(channels, atoms)``."""
    core = np.array([next((n for n in _NOBLE if n < z), 0) for z in numbers], dtype=float)
    table = {"nuclear": numbers.astype(float), "valence": numbers - core, "core": core}
    return np.stack([table[name] for name in channels])
