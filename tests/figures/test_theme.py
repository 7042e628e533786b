import numpy as np
import pytest

from appkit.figures import theme


@pytest.mark.parametrize(("surfaces", "dark"), [(theme.LIGHT, False), (theme.DARK, True)])
def test_maps_start_at_the_card_and_get_steadily_further_from_it(surfaces, dark):
    colours = theme.sequential(dark)
    assert colours[0] == surfaces["card"]
    steps = [theme.contrast(colours[0], colour) for colour in colours[::16]]
    assert np.all(np.diff(steps) > 0)
    assert theme.diverging(dark)[127] == surfaces["card"]


@pytest.mark.parametrize("surfaces", [theme.LIGHT, theme.DARK])
def test_text_is_readable_and_lines_are_visible(surfaces):
    for ground in (surfaces["ground"], surfaces["card"]):
        assert theme.contrast(surfaces["ink"], ground) > 10
        assert theme.contrast(surfaces["muted"], ground) > 4.5
        assert theme.contrast(surfaces["accent"], ground) > 4.5
        for colour in (*theme.DICTIONARY_COLOURS.values(), *theme.MODEL_COLOURS.values()):
            assert theme.contrast(colour, ground) > 3


def test_gamma_keeps_the_ends():
    plain, bent = theme.sequential(False), theme.sequential(False, 0.5)
    assert (plain[0], plain[-1]) == (bent[0], bent[-1])
    assert theme.contrast(bent[0], bent[64]) > theme.contrast(plain[0], plain[64])
