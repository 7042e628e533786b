"""SchNet, a continuous-filter convolutional network, as a regressor of lists of ``ase.Atoms``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from ase import Atoms
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from appkit.device import check_device
from appkit.energy.composition import Composition
from appkit.energy.dictionary import MOLECULE_BYTES
from appkit.energy.neighbours import MoleculeBatch, MoleculeStack, count_pairs
from appkit.energy.solid_harmonic import check_volumes
from appkit.regression.checkpoint import Checkpoint
from appkit.regression.protocol import Cancelled

#: Bytes for each pair, feature and block while training: what the gradient keeps.
_BYTES = 40
#: Pairs of atoms that are predicted together.
_PREDICTED = 50_000


class ShiftedSoftplus(nn.Module):
    """ln(½eˣ + ½): smooth, and 0 at 0."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.softplus(x) - math.log(2.0)


class SchNet(nn.Module):
    """Energies of molecules as sums over atoms, from their distances alone.

    Atoms start as a vector x_i that depends on their element. Each block adds
    MLP(Σ_j x_j ∘ W(r_ij)) to it, where the filter W is a network of Gaussians of the distance and
    ends smoothly at the cutoff. Two layers then read a number off each atom; at first it is 0.

    Parameters
    ----------
    n_elements : how many elements there are; atoms carry their index
    n_features : length of x_i
    n_blocks : number of interactions
    n_gaussians : centres between 0 and the cutoff, as wide as they are apart
    cutoff : Å
    """

    def __init__(
        self,
        n_elements: int,
        n_features: int = 64,
        n_blocks: int = 3,
        n_gaussians: int = 50,
        cutoff: float = 5.0,
    ) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.centres: Tensor
        self.register_buffer("centres", torch.linspace(0.0, cutoff, n_gaussians))
        self.embedding = nn.Embedding(n_elements, n_features)
        self.blocks = nn.ModuleList(_Interaction(n_features, n_gaussians) for _ in range(n_blocks))
        last = nn.Linear(n_features // 2, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.readout = nn.Sequential(
            nn.Linear(n_features, n_features // 2), ShiftedSoftplus(), last
        )

    def forward(self, batch: MoleculeBatch) -> Tensor:
        """Energies ``(n,)`` of the batch's n molecules, differentiable in its positions."""
        first, second = batch.pairs
        distances = (batch.positions[first] - batch.positions[second]).norm(dim=1)
        spacing = self.cutoff / (len(self.centres) - 1)
        gaussians = torch.exp(-0.5 * ((distances[:, None] - self.centres) / spacing) ** 2)
        ends = 0.5 * (torch.cos(distances * (math.pi / self.cutoff)) + 1.0)[:, None]
        x = self.embedding(batch.elements)
        for block in self.blocks:
            x = x + block(x, gaussians, ends, first, second)
        energies = x.new_zeros(batch.n_molecules)
        return energies.index_add(0, batch.molecule, self.readout(x)[:, 0])


class _Interaction(nn.Module):
    """What an atom's neighbours within the cutoff add to it."""

    def __init__(self, n_features: int, n_gaussians: int) -> None:
        super().__init__()
        self.filters = nn.Sequential(
            nn.Linear(n_gaussians, n_features), ShiftedSoftplus(), nn.Linear(n_features, n_features)
        )
        self.before = nn.Linear(n_features, n_features, bias=False)
        self.after = nn.Sequential(
            nn.Linear(n_features, n_features), ShiftedSoftplus(), nn.Linear(n_features, n_features)
        )

    def forward(
        self, x: Tensor, gaussians: Tensor, ends: Tensor, first: Tensor, second: Tensor
    ) -> Tensor:
        filters, sent = self.filters(gaussians) * ends, self.before(x)  # a filter serves both ways
        received = torch.zeros_like(x).index_add(0, first, sent[second] * filters)
        return self.after(received.index_add(0, second, sent[first] * filters))


class SchNetRegressor(RegressorMixin, BaseEstimator):
    """SchNet on top of a linear model of the composition; trained on lists of ``ase.Atoms``.

    The composition's least squares fit is subtracted, the network learns what it leaves by Adam on
    minibatches with a learning rate that falls to 0 as a half cosine. A part of the molecules is
    held out; the weights of the epoch that predicts it best are kept.

    Parameters
    ----------
    n_features, n_blocks, n_gaussians, cutoff : as in :class:`SchNet`; the paper has 64, 3 and
        Gaussians each 0.1 Å, up to 30 Å
    epochs : passes over the training molecules
    batch_size : molecules in a step
    learning_rate : the first one
    held_out : share of the molecules that choose the epoch, between 0 and 1
    device : torch device, such as ``cpu`` or ``cuda``; None: cuda where torch sees it
    checkpoint : a file that keeps the state after every epoch, so that `fit` goes on where it was
        stopped. It serves these molecules and settings alone.
    seed : of the held-out part, the weights and the order of the molecules

    Attributes
    ----------
    net_ : the fitted network, in float64
    composition_, baseline_ : what counts the elements, and the linear model of the counts
    scale_ : spread of what the baseline leaves, which the network predicts in this unit
    history_ : frame with a row for each epoch: loss (in units of the spread squared), held_out
        (mean absolute error, in the unit of y)
    best_epoch_ : from 0 up; its weights are kept

    Raises
    ------
    ValueError
        By `fit` and `predict`, for bad parameters, molecules (empty, periodic, not finite, with
        coincident atoms), energies, a checkpoint of other molecules or settings, and elements that
        `fit` has not seen.

    References
    ----------
    Schütt et al., NIPS 2017, arXiv:1706.08566. As in the authors' later code the filters end
    smoothly at the cutoff, so that forces are continuous, and the Gaussians' width is their
    distance.
    """

    def __init__(
        self,
        n_features: int = 64,
        n_blocks: int = 3,
        n_gaussians: int = 50,
        cutoff: float = 5.0,
        epochs: int = 200,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        held_out: float = 0.1,
        device: str | None = None,
        checkpoint: str | None = None,
        seed: int = 0,
    ) -> None:
        self.n_features = n_features
        self.n_blocks = n_blocks
        self.n_gaussians = n_gaussians
        self.cutoff = cutoff
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.held_out = held_out
        self.device = device
        self.checkpoint = checkpoint
        self.seed = seed

    def fit(
        self,
        X: Sequence[Atoms],
        y: ArrayLike,
        *,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> SchNetRegressor:
        """Train on molecules X and energies y (n,).

        `progress` is called with (epochs done, epochs); `cancelled` is asked before each epoch,
        True raises :class:`appkit.regression.Cancelled`.
        """
        self._check_parameters()
        check_volumes(X)
        energies = checked_energies(y, len(X))
        self._check_memory(X)
        self.composition_ = Composition().fit(X)
        counts = self.composition_.transform(X)
        self.baseline_ = LinearRegression().fit(counts, energies)
        left = energies - self.baseline_.predict(counts)
        self.scale_ = float(left.std()) or 1.0
        device = self._device()
        stack = self._stack(X, torch.float32, device)
        targets = torch.as_tensor(left / self.scale_, dtype=torch.float32, device=device)
        self._train(stack, targets, progress, cancelled)
        return self

    def predict(self, X: Sequence[Atoms]) -> NDArray[np.float64]:
        """Energies (n,) of molecules X, in the unit of the training energies."""
        check_is_fitted(self, "net_")
        check_volumes(X)
        baseline = self.baseline_.predict(self.composition_.transform(X))
        stack = self._stack(X, torch.float64, self._device())
        return baseline + self.scale_ * _evaluate(self.net_, stack).cpu().numpy()

    def energy(self, positions: Tensor, molecule: Atoms) -> Tensor:
        """Energy () with the atoms of a molecule at positions (K, 3), Å; differentiable."""
        check_is_fitted(self, "net_")
        baseline = float(self.baseline_.predict(self.composition_.transform([molecule]))[0])
        moved = Atoms(molecule.numbers, positions.detach().cpu().numpy())
        check_volumes([moved])
        batch = self._stack([moved], torch.float64, self._device()).batch([0])
        batch.positions = positions.to(batch.positions)
        return baseline + self.scale_ * self.net_(batch)[0]

    def _train(
        self,
        stack: MoleculeStack,
        targets: Tensor,
        progress: Callable[[int, int], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        generator = torch.Generator().manual_seed(self.seed)
        order = torch.randperm(len(targets), generator=generator)
        n_held = min(len(order) - 1, max(1, round(self.held_out * len(order))))
        held, training = order[:n_held], order[n_held:]
        net = self._net(generator).to(targets.device)
        adam = torch.optim.Adam(net.parameters(), lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, self.epochs)
        best = {name: value.clone() for name, value in net.state_dict().items()}
        history: list[tuple[float, float]] = []
        file = Checkpoint(self.checkpoint, self._settings(stack, targets))
        if (state := file.read()) is not None:
            for part, name in ((net, "net"), (adam, "adam"), (schedule, "schedule")):
                part.load_state_dict(state[name])
            generator.set_state(state["generator"])
            best, history = state["best"], state["history"]
        for epoch in range(len(history), self.epochs):
            if cancelled is not None and cancelled():
                raise Cancelled(f"Stopped after {epoch} of {self.epochs} epochs.")
            shuffled = training[torch.randperm(len(training), generator=generator)]
            loss = _epoch(net, adam, stack, targets, shuffled.split(self.batch_size))
            schedule.step()
            error = float((_evaluate(net, stack, held) - targets[held]).abs().mean())
            if not history or error < min(e for _, e in history):
                best = {name: value.clone() for name, value in net.state_dict().items()}
            history.append((loss, error))
            file.write(
                net=net.state_dict(),
                adam=adam.state_dict(),
                schedule=schedule.state_dict(),
                generator=generator.get_state(),
                best=best,
                history=history,
            )
            if progress is not None:
                progress(epoch + 1, self.epochs)
        net.load_state_dict(best)
        self.net_ = net.double().requires_grad_(False).eval()
        self.history_ = pd.DataFrame(history, columns=["loss", "held_out"])
        self.history_["held_out"] *= self.scale_
        self.best_epoch_ = int(self.history_["held_out"].argmin())

    def _net(self, generator: torch.Generator) -> SchNet:
        """A network with weights drawn from the generator, whatever torch's own seed is."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
            return SchNet(
                len(self.composition_.elements_),
                self.n_features,
                self.n_blocks,
                self.n_gaussians,
                self.cutoff,
            )

    def _stack(self, X: Sequence[Atoms], dtype: torch.dtype, device: str) -> MoleculeStack:
        return MoleculeStack(X, self.composition_.elements_, self.cutoff, dtype, device)

    def _device(self) -> str:
        if self.device is None:
            return "cuda" if torch.cuda.is_available() else "cpu"
        check_device(self.device)
        return self.device

    def _settings(self, stack: MoleculeStack, targets: Tensor) -> dict[str, str]:
        """What a checkpoint must agree with."""
        own = {n: v for n, v in self.get_params().items() if n not in ("checkpoint", "device")}
        data = {"elements": self.composition_.elements_, "molecules": stack.checksum(targets)}
        return {name: str(value) for name, value in {**own, **data}.items()}

    def _check_memory(self, X: Sequence[Atoms]) -> None:
        pairs = int(count_pairs(X, self.cutoff).max())
        needed = _BYTES * self.batch_size * pairs * self.n_features * self.n_blocks
        if needed > MOLECULE_BYTES:
            raise ValueError(
                f"A batch of {self.batch_size} molecules with up to {pairs:,} pairs of atoms "
                f"nearer than {self.cutoff:g} Å needs {needed / 1e9:,.1f} GB, over "
                f"{MOLECULE_BYTES / 1e9:.0f} GB: take a smaller batch_size or cutoff."
            )

    def _check_parameters(self) -> None:
        least = {"n_features": 2, "n_blocks": 1, "n_gaussians": 2, "epochs": 1, "batch_size": 1}
        for name, low in least.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
                raise ValueError(f"{name} must be a whole number from {low} up, not {value!r}.")
        for name, unit in (("cutoff", " in Å"), ("learning_rate", "")):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive number{unit}, not {value!r}.")
        if not 0.0 < self.held_out < 1.0:
            raise ValueError(
                f"held_out = {self.held_out} must lie between 0 and 1: some molecules are left out "
                "to choose the epoch."
            )
        self._device()


def checked_energies(y: ArrayLike, n: int) -> NDArray[np.float64]:
    """Energies (n,) of n molecules; ValueError for another shape, NaN, or fewer than two."""
    energies = np.asarray(y, dtype=np.float64)
    if energies.shape != (n,):
        raise ValueError(f"There are {n} molecules, but y has shape {energies.shape}.")
    if not np.isfinite(energies).all():
        raise ValueError(
            f"The energy of molecule {np.argmin(np.isfinite(energies))} is not finite."
        )
    if n < 2:
        raise ValueError("One molecule cannot be split into training and held-out molecules.")
    return energies


def _epoch(
    net: SchNet,
    adam: torch.optim.Optimizer,
    stack: MoleculeStack,
    targets: Tensor,
    batches: Sequence[Tensor],
) -> float:
    """One step for each batch; the mean of their losses."""
    total = torch.zeros((), device=targets.device)
    for chosen in batches:
        loss = nn.functional.mse_loss(net(stack.batch(chosen)), targets[chosen])
        adam.zero_grad()
        loss.backward()
        adam.step()
        total += loss.detach()
    return float(total) / len(batches)


def _evaluate(net: SchNet, stack: MoleculeStack, chosen: Tensor | None = None) -> Tensor:
    """The network's energies (n,) of all or the chosen molecules."""
    chosen = torch.arange(len(stack)) if chosen is None else chosen
    with torch.no_grad():
        return torch.cat([net(stack.batch(part)) for part in stack.split(chosen, _PREDICTED)])
