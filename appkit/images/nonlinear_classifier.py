"""A linear classifier of encoded features, encoder and classifier trained together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from appkit.images.nonlinear import ENCODERS, Encoder
from appkit.images.training import GradientTrained

Floats = NDArray[np.float32]
#: Samples at once outside of training.
_PART = 1024


class EncodedClassifier(GradientTrained):
    """An encoder of `appkit.images.nonlinear`, a batch norm without weights and a linear layer.

    By gradient descent, see :class:`appkit.images.training.GradientTrained`; after each step the
    atoms are brought back to their constraint. Features are taken in the scale they come in.

    Parameters
    ----------
    encoder : "none", "sparse", "soft-threshold" or "phase-collapse".
    atoms : numbers of a code; "none" has those of the features.
    options : of the encoder, such as ``{"threshold": 0.1}``.
    epochs : passes over the samples.
    batch_size : samples of a step.
    learning_rate : at the start.
    weight_decay : of all weights.
    device : "cpu", or "cuda" where there is one.
    checkpoint : a file that keeps the state after every epoch.
    seed : of weights and order.
    progress : called with (done, steps) after each step; what it raises ends the training.
    cancelled : asked before each step; True ends the training by `appkit.regression.Cancelled`.

    Attributes
    ----------
    classes_ : the labels, sorted.
    encoder_ : the trained :class:`appkit.images.nonlinear.Encoder`.
    history_ : frame with a row for each epoch: loss, error (share of the samples missed while it
        ran).

    Raises
    ------
    ValueError
        for bad parameters or options, fewer than two classes, a checkpoint of another training.
    """

    def __init__(
        self,
        encoder: str = "soft-threshold",
        atoms: int = 128,
        options: Mapping[str, Any] | None = None,
        epochs: int = 30,
        batch_size: int = 64,
        learning_rate: float = 0.05,
        weight_decay: float = 1e-4,
        device: str = "cpu",
        checkpoint: str | None = None,
        seed: int = 0,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self.encoder = encoder
        self.atoms = atoms
        self.options = options
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.device = device
        self.checkpoint = checkpoint
        self.seed = seed
        self.progress = progress
        self.cancelled = cancelled

    def fit(self, X: ArrayLike, y: ArrayLike) -> EncodedClassifier:
        """Train on feature vectors (n, P) and their labels (n,)."""
        self._check_training()
        rows: Floats
        rows, labels = validate_data(self, X, y, dtype=np.float32)
        numbers = self._numbered(labels, len(rows))
        samples = torch.from_numpy(rows).to(self.device)
        with self._drawn_weights():
            encoder = self._encoder(rows.shape[1])
            head = nn.Linear(encoder.outputs, len(self.classes_))
        norm = nn.BatchNorm1d(encoder.outputs, affine=False)
        net = nn.Sequential(encoder, norm, head).to(self.device)

        def read(chosen: Tensor, draw: torch.Generator) -> Tensor:
            logits: Tensor = net(samples[chosen])
            return logits

        self._train(net, rows, numbers, lambda: read, encoder.constrain_)
        self._net, self.encoder_ = net.eval(), encoder
        return self

    def encoded(self, X: ArrayLike) -> Floats:
        """Codes (n, outputs) of feature vectors (n, P)."""
        return self._applied(X, lambda part: self.encoder_(part))

    def decision_function(self, X: ArrayLike) -> Floats:
        """Logits (n, classes); (n,) of the second less the first where there are two."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def _logits(self, X: ArrayLike) -> Floats:
        return self._applied(X, lambda part: self._net(part))

    def _applied(self, X: ArrayLike, function: Callable[[Tensor], Tensor]) -> Floats:
        check_is_fitted(self, "encoder_")
        rows: Floats = validate_data(self, X, dtype=np.float32, reset=False)
        with torch.no_grad():
            parts = torch.from_numpy(rows).split(_PART)
            return torch.cat([function(part.to(self.device)).cpu() for part in parts]).numpy()

    def _encoder(self, inputs: int) -> Encoder:
        if self.encoder not in ENCODERS:
            known = ", ".join(ENCODERS)
            raise ValueError(f"There is no encoder {self.encoder!r}; there are {known}.")
        sizes = [inputs] if self.encoder == "none" else [inputs, self.atoms]
        try:
            return ENCODERS[self.encoder](*sizes, **(self.options or {}))
        except TypeError as error:
            raise ValueError(f"An option of {self.encoder} is unknown: {error}") from error
