"""What was computed is kept within a budget of bytes, the newest used first."""

import torch

from appkit.scattering.kept import kept


def test_tensors_are_made_once_until_the_budget_is_spent():
    made = []

    @kept(most_bytes=100)
    def zeros(n):
        made.append(n)
        return torch.zeros(n, dtype=torch.uint8)

    for n in (40, 50, 40):
        assert zeros(n).shape == (n,)
    assert made == [40, 50]
    zeros(30)  # the 50 was not used for longest
    zeros(40)
    zeros(50)
    assert made == [40, 50, 30, 50]


def test_what_is_larger_than_the_budget_is_returned_and_not_kept():
    made = []

    @kept(most_bytes=10)
    def zeros(n):
        made.append(n)
        return torch.zeros(n)

    assert zeros(100).sum() == zeros(100).sum() == 0
    assert made == [100, 100]
    zeros(1)
    zeros(1)
    assert made == [100, 100, 1]
