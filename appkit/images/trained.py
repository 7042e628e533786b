"""Networks of positions as scikit-learn classifiers: trained, stopped, resumed, and explained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.nn.functional import pad

from appkit import memory
from appkit.images.fields import Fields
from appkit.images.heads import simple_patch
from appkit.images.networks import PositionNet, bagnet, bagnet_scattering, hybrid
from appkit.images.pictures import Batch, as_batch, brightest, check_same
from appkit.images.training import GradientTrained, Reader

#: Pictures at once outside of training.
_PART = 128
#: Bytes of features that are kept between epochs; more are computed anew in each.
KEPT_BYTES = memory.share(4_000_000_000)

#: What builds a network of pictures (C, H, W) and a number of classes, by its name.
ARCHITECTURES = {
    "bagnet-scattering": bagnet_scattering,
    "bagnet": bagnet,
    "hybrid": hybrid,
    "simple-patch": simple_patch,
}

Floats = NDArray[np.float32]


class PositionClassifier(GradientTrained):
    """A network of `appkit.images.networks` trained on pictures (n, H, W[, C]).

    By gradient descent, see :class:`appkit.images.training.GradientTrained`.

    Parameters
    ----------
    architecture : "bagnet-scattering", "bagnet", "hybrid" or "simple-patch".
    options : of the function that builds it, such as ``{"J": 2, "width": 256}``.
    epochs : passes over the pictures.
    batch_size : pictures of a step.
    learning_rate : at the start.
    weight_decay : of all weights.
    crop : pixels of zeros around a picture, of which a window is drawn anew in each epoch.
    flip : mirror every second picture, drawn anew in each epoch.
    device : "cpu", or "cuda" where there is one.
    checkpoint : a file that keeps the state after every epoch.
    seed : of weights, order, windows and mirrors.
    progress : called with (done, steps) after each step; what it raises ends the training.
    cancelled : asked before each step; True ends the training by `appkit.regression.Cancelled`.

    Attributes
    ----------
    classes_ : the labels, sorted.
    net_ : the trained :class:`appkit.images.networks.PositionNet`.
    history_ : frame with a row for each epoch: loss, error (share of the training pictures missed
        while it ran).
    shape_, top_ : (C, H, W) of the pictures, and their largest number, signs aside.

    Raises
    ------
    ValueError
        for bad parameters or pictures, fewer than two classes, labels that do not fit, a checkpoint
        of another training, a step over the memory, a loss that grows beyond all numbers.
    """

    _samples = "pictures"

    def __init__(
        self,
        architecture: str = "bagnet-scattering",
        options: Mapping[str, Any] | None = None,
        epochs: int = 30,
        batch_size: int = 64,
        learning_rate: float = 0.05,
        weight_decay: float = 1e-4,
        crop: int = 0,
        flip: bool = False,
        device: str = "cpu",
        checkpoint: str | None = None,
        seed: int = 0,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self.architecture = architecture
        self.options = options
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.crop = crop
        self.flip = flip
        self.device = device
        self.checkpoint = checkpoint
        self.seed = seed
        self.progress = progress
        self.cancelled = cancelled

    def fit(self, X: ArrayLike, y: ArrayLike) -> PositionClassifier:
        """Train on pictures and their labels (n,)."""
        self._check_training(crop=0)
        batch = as_batch(X)
        numbers = self._numbered(y, len(batch))
        self.shape_, self.top_ = tuple(int(n) for n in batch.shape[1:]), brightest(batch)
        if self.crop > min(self.shape_[1:]):
            raise ValueError(
                f"crop is at most the {min(self.shape_[1:])} pixels of a picture's side, not "
                f"{self.crop}."
            )
        net = self._net(self.shape_, len(self.classes_)).to(self.device)
        net.fit(batch)
        self._check_memory(net, self.shape_, len(batch))
        self._train(net, batch, numbers, lambda: self._reader(net, batch))
        self.net_ = net.eval()
        return self

    def check(self, shape: tuple[int, int, int], n_classes: int, n: int) -> None:
        """Raise ``ValueError`` where it could not be trained on n pictures (C, H, W).

        Before any picture is read.
        """
        self._check_training(crop=0)
        together = min(n, self.batch_size)
        what = f"A step on {together} pictures of {shape[1]:,} × {shape[2]:,} pixels"
        memory.require(4 * together * math.prod(shape), what, "take smaller pictures")
        self._check_memory(self._net(shape, n_classes).to(self.device), shape, n)

    def decision_function(self, X: ArrayLike) -> Floats:
        """Logits (n, classes)."""
        return self._logits(X)

    def evidence(self, X: ArrayLike) -> Floats:
        """What each position says for each class: (n, classes, rows, columns).

        Summed over the positions it is the classes' logits.
        """
        parts = [part / (part.shape[2] * part.shape[3]) for part in self._positions(X)]
        return np.concatenate(parts)

    @property
    def fields(self) -> Fields:
        """Which pixels each position looks at; exact for "bagnet".

        Of wavelets, which end nowhere, but for a share of 1e-2.
        """
        check_is_fitted(self, "net_")
        channels, height, width = self.shape_
        blank = np.zeros((1, height, width, channels), np.float32)
        rows, columns = next(self._positions(blank)).shape[2:]
        net = self.net_
        return Fields(net.field, net.stride, net.start, (rows, columns), (height, width))

    def _logits(self, X: ArrayLike) -> Floats:
        return np.concatenate([part.mean((2, 3)) for part in self._positions(X)])

    def _positions(self, X: ArrayLike) -> Iterator[Floats]:
        check_is_fitted(self, "net_")
        batch = as_batch(X)
        check_same(batch, self.shape_, self.top_)
        for start in range(0, len(batch), _PART):
            part = torch.from_numpy(batch[start : start + _PART]).to(self.device)
            with torch.no_grad():
                yield self.net_.positions(part).cpu().numpy()

    def _reader(self, net: PositionNet, batch: Batch) -> Reader:
        """Logits of chosen pictures; their features are kept where they stay the same."""
        features = self._kept(net, batch)

        def read(chosen: Tensor, draw: torch.Generator) -> Tensor:
            if features is not None:
                found = features[chosen].to(self.device)
            else:
                found = net.front(self._drawn(batch[chosen.numpy()], draw).to(self.device))
            return net.body(found).mean((-2, -1))

        return read

    def _drawn(self, part: Batch, draw: torch.Generator) -> Tensor:
        """Pictures in windows and mirrors of this epoch."""
        pictures = torch.from_numpy(part)
        if self.flip:
            mirrored = torch.rand(len(pictures), generator=draw) < 0.5
            pictures[mirrored] = pictures[mirrored].flip(-1)
        if self.crop:
            height, width = pictures.shape[-2:]
            room = 2 * self.crop + 1
            corners = torch.randint(room, (len(pictures), 2), generator=draw).tolist()
            wide = pad(pictures, [self.crop] * 4)
            windows = zip(wide, corners, strict=True)
            pictures = torch.stack([p[:, y : y + height, x : x + width] for p, (y, x) in windows])
        return pictures

    def _kept(self, net: PositionNet, batch: Batch) -> Tensor | None:
        """The front's features of all pictures, where they stay the same and fit the memory."""
        if self.crop or self.flip:
            return None
        with torch.no_grad():
            first = net.front(torch.from_numpy(batch[:1]).to(self.device))
            if first.numel() * 4 * len(batch) > KEPT_BYTES:
                return None
            parts = torch.from_numpy(batch).split(_PART)
            return torch.cat([net.front(part.to(self.device)).cpu() for part in parts])

    def _net(self, shape: tuple[int, ...], n_classes: int) -> PositionNet:
        """With weights drawn from the seed, whatever torch's own is."""
        if self.architecture not in ARCHITECTURES:
            known = ", ".join(ARCHITECTURES)
            raise ValueError(f"There is no architecture {self.architecture!r}; there are {known}.")
        build: Any = ARCHITECTURES[self.architecture]
        with self._drawn_weights():
            try:
                return build(shape, n_classes, **(self.options or {}))
            except TypeError as error:
                raise ValueError(f"An option of {self.architecture} is unknown: {error}") from error

    def _check_memory(self, net: PositionNet, shape: tuple[int, ...], n: int) -> None:
        """Refuse a step whose fields, kept for the gradient, would pass the memory."""
        if hasattr(net.front, "fit"):
            return  # patches, whose encoder has checked its own, and whose bodies are small
        sizes: list[int] = []
        hooks = [
            layer.register_forward_hook(lambda _, given, out: sizes.append(out.numel()))
            for layer in net.body.modules()
            if not list(layer.children())
        ]
        with torch.no_grad():
            read = net.front(torch.zeros(1, *shape, device=self.device))
            net.eval().body(read)
        for hook in hooks:
            hook.remove()
        together = min(n, self.batch_size)
        # A layer's output and its gradient; a weight, its gradient and its momentum.
        weights = sum(p.numel() for p in net.body.parameters())
        need = 4 * (together * (2 * sum(sizes) + 2 * read.numel()) + 3 * weights)
        if torch.device(self.device).type == "cpu":
            limit = memory.budget()
        else:
            limit = torch.cuda.mem_get_info(self.device)[0]
        if need > limit:
            raise ValueError(
                f"A step on {together} pictures of {' × '.join(map(str, shape[1:]))} pixels "
                f"needs {memory.gigabytes(need)}, over {memory.gigabytes(limit)}: take smaller "
                "pictures, a smaller batch, fewer or narrower layers."
            )

    def _settings(self, samples: NDArray, numbers: Tensor) -> dict[str, str]:
        # How many pictures are coded at once does not matter.
        options = {n: v for n, v in (self.options or {}).items() if n != "n_jobs"}
        return super()._settings(samples, numbers) | {"options": str(options)}
