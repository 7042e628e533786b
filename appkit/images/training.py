"""What classifiers trained by gradient descent share: batches, checkpoints, progress, labels."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from appkit import memory
from appkit.device import check_device
from appkit.images.checks import as_labels, check_number, check_whole
from appkit.regression import Cancelled
from appkit.regression.checkpoint import Checkpoint

#: Logits (batch, classes) of the samples of these numbers; draws come from the generator.
Reader = Callable[[Tensor, torch.Generator], Tensor]


class GradientTrained(ClassifierMixin, BaseEstimator):
    """A classifier whose network is trained on batches, by gradient descent with momentum 0.9.

    The learning rate falls to 0 as a half cosine. What an epoch draws follows from the seed and its
    number alone, so that a training that was stopped goes on bit for bit as if it had not been.

    A subclass has the parameters epochs, batch_size, learning_rate, weight_decay, device,
    checkpoint, seed, progress and cancelled, and the method ``_logits``.
    """

    #: What a sample is called where a person is told of it.
    _samples: ClassVar[str] = "samples"

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    device: str
    checkpoint: str | None
    seed: int
    progress: Callable[[int, int], None] | None
    cancelled: Callable[[], bool] | None
    classes_: NDArray

    def _logits(self, X: Any) -> NDArray[np.float32]:
        """Of each sample for each class, (n, classes)."""
        raise NotImplementedError

    def predict(self, X: Any) -> NDArray:
        """The class of the largest logit of each sample, (n,)."""
        best = self._logits(X).argmax(1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Softmax of the logits, (n, classes)."""
        return torch.softmax(torch.from_numpy(self._logits(X)), dim=1).numpy()

    def _numbered(self, y: ArrayLike, n: int) -> Tensor:
        """The labels of n samples as numbers of ``classes_``, which are set."""
        labels = as_labels(y, n, self._samples)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("A classifier needs two classes or more, not 1 class.")
        return torch.from_numpy(numbers)

    @contextmanager
    def _drawn_weights(self) -> Iterator[None]:
        """Weights made within are drawn from the seed, whatever torch's own is."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            try:
                yield
            except RuntimeError as error:
                asked = re.search(r"allocate (\d+) bytes", str(error))
                if asked is None:
                    raise
                raise ValueError(
                    f"The weights of a layer need {memory.gigabytes(int(asked[1]))}, more than "
                    "this machine gives: take fewer channels, atoms or patches."
                ) from error

    def _train(
        self,
        net: nn.Module,
        samples: NDArray,
        numbers: Tensor,
        reader: Callable[[], Reader],
        after_step: Callable[[], None] | None = None,
    ) -> None:
        """Train ``net`` and set ``history_``: loss and share of misses of each epoch.

        ``reader`` is called once, when a checkpoint has been read; ``after_step`` after each step.
        """
        weights = [p for p in net.parameters() if p.requires_grad]
        sgd = torch.optim.SGD(
            weights, lr=self.learning_rate, momentum=0.9, weight_decay=self.weight_decay
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, self.epochs)
        history: list[tuple[float, float]] = []
        file = Checkpoint(self.checkpoint, self._settings(samples, numbers))
        if (state := file.read()) is not None:
            for part, name in ((net, "net"), (sgd, "sgd"), (schedule, "schedule")):
                part.load_state_dict(state[name])
            history = state["history"]
        read = reader()
        for epoch in range(len(history), self.epochs):
            history.append(self._epoch(net, sgd, read, numbers, epoch, after_step))
            schedule.step()
            file.write(
                net=net.state_dict(),
                sgd=sgd.state_dict(),
                schedule=schedule.state_dict(),
                history=history,
            )
        self.history_ = pd.DataFrame(history, columns=["loss", "error"])

    def _epoch(
        self,
        net: nn.Module,
        sgd: torch.optim.Optimizer,
        read: Reader,
        numbers: Tensor,
        epoch: int,
        after_step: Callable[[], None] | None,
    ) -> tuple[float, float]:
        """Mean loss and share of misses."""
        net.train()
        draw = torch.Generator().manual_seed(_of_epoch(self.seed, epoch))
        order = torch.randperm(len(numbers), generator=draw)
        loss, missed = 0.0, 0
        parts = order.split(self.batch_size)
        for step, chosen in enumerate(parts, epoch * len(parts)):
            if self.cancelled is not None and self.cancelled():
                raise Cancelled(f"Stopped after {epoch} of {self.epochs} epochs.")
            if len(chosen) == 1 and len(order) > 1:
                continue  # a batch norm of one sample would see no spread
            target = numbers[chosen].to(self.device)
            logits = read(chosen, draw)
            mean = cross_entropy(logits, target)
            sgd.zero_grad()
            mean.backward()
            sgd.step()
            if after_step is not None:
                after_step()
            loss += float(mean.detach()) * len(chosen)
            if not math.isfinite(loss):
                raise ValueError(
                    f"The loss is no finite number any more, in epoch {epoch + 1} of "
                    f"{self.epochs}: take a learning rate below {self.learning_rate:g}."
                )
            missed += int((logits.detach().argmax(1) != target).sum())
            if self.progress is not None:
                self.progress(step + 1, self.epochs * len(parts))
        return loss / len(numbers), missed / len(numbers)

    def _settings(self, samples: NDArray, numbers: Tensor) -> dict[str, str]:
        """What a checkpoint must agree with."""
        beside = ("checkpoint", "device", "progress", "cancelled")
        own = {n: v for n, v in self.get_params().items() if n not in beside}
        digest = hashlib.blake2b(samples.tobytes() + numbers.numpy().tobytes()).hexdigest()
        return {name: str(value) for name, value in {**own, self._samples: digest}.items()}

    def _check_training(self, **least: int) -> None:
        """The parameters of the training, and more whole numbers from ``least`` up."""
        check_device(self.device)
        for name, smallest in {"epochs": 1, "batch_size": 2, "seed": 0, **least}.items():
            check_whole(smallest, **{name: getattr(self, name)})
        check_number(learning_rate=self.learning_rate, weight_decay=self.weight_decay)


def _of_epoch(seed: int, epoch: int) -> int:
    """A seed unlike those of the neighbouring epochs, and of other seeds."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
