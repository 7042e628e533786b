"""What pages share."""

from urllib.parse import urlencode

import pytest
from panel.util import parse_query

from appkit.dashboards.page import UrlString

TEXTS = ["", "C=C", "[H][H]", "[1]", "{}", "12", "1e5", "true", '"', '"a"', "a b"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_string_survives_the_address(text):
    address = "?" + urlencode({"smiles": UrlString.serialize(text)})
    assert UrlString.deserialize(parse_query(address).get("smiles", "")) == text
