"""A training's state: read as written, refused where it does not belong."""

import pytest
import torch

from appkit.regression.checkpoint import Checkpoint


def test_reads_what_it_wrote(tmp_path):
    file = Checkpoint(tmp_path / "new" / "run.pt", {"width": "3"})
    assert file.read() is None
    for epoch in (1, 2):
        file.write(epoch=epoch, weights={"w": torch.arange(3)})
    state = Checkpoint(tmp_path / "new" / "run.pt", {"width": "3"}).read()
    assert state["epoch"] == 2
    assert torch.equal(state["weights"]["w"], torch.arange(3))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["run.pt"]


def test_without_a_path_nothing_is_kept():
    file = Checkpoint(None, {})
    file.write(epoch=1)
    assert file.read() is None


def test_refuses_other_settings_and_other_files(tmp_path):
    path = tmp_path / "run.pt"
    Checkpoint(path, {"width": "3", "depth": "1"}).write(epoch=1)
    with pytest.raises(ValueError, match="belongs to a training with other depth, width"):
        Checkpoint(path, {"width": "4"}).read()
    whole = path.read_bytes()
    for broken in (b"", b"not a checkpoint", whole[: len(whole) // 2]):
        path.write_bytes(broken)
        with pytest.raises(
            ValueError, match=r"run\.pt is no whole checkpoint of a training\. Remove it"
        ):
            Checkpoint(path, {"width": "3"}).read()
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="is no whole checkpoint of a training"):
        Checkpoint(path, {"width": "3"}).read()
