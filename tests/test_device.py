"""Devices that are not here are refused by their name."""

import pytest

from appkit.device import check_device


def test_a_processor_is_always_there():
    check_device("cpu")


@pytest.mark.parametrize("device", ["gpu", "meta", "cuda:99", "", None, "cpu0"])
def test_what_is_not_here_is_said(device):
    with pytest.raises(ValueError, match=f"There is no device '{device}' here; use cpu, or cuda"):
        check_device(device)


def test_cuda_needs_a_card(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(ValueError, match="There is no device 'cuda' here"):
        check_device("cuda")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    check_device("cuda")
    check_device("cuda:0")
    with pytest.raises(ValueError, match="There is no device 'cuda:1' here"):
        check_device("cuda:1")
