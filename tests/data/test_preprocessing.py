"""Options as text become a preprocessing, or one clear error."""

from __future__ import annotations

import pytest

from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import EdgeqError


def test_options_as_text() -> None:
    given = {
        "resize": "96x64",
        "crop": "center",
        "color": "BGR",
        "layout": "nchw",
        "scale": "-1..1",
        "mean": "0.5,0.25,0",
        "std": "2",
        "filter": "box",
        "labels": "not this one's",
    }
    wanted = Preprocessing(
        resize=(96, 64),
        crop="center",
        color="bgr",
        layout="nchw",
        scale=(-1.0, 1.0),
        mean=(0.5, 0.25, 0.0),
        std=(2.0,),
        filter="box",
    )
    assert Preprocessing.of(given) == wanted
    assert Preprocessing.of({"resize": "256"}).resize == 256
    assert Preprocessing.of({"scale": "input"}).scale is None


def test_nothing_given_changes_nothing() -> None:
    assert Preprocessing.of({"resize": None, "scale": None}) == Preprocessing()
    assert Preprocessing().given == ()
    assert Preprocessing(resize=3, std=(2.0,)).given == ("--resize", "--std")


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"resize": "0x3"}, "--resize 0x3"),
        ({"resize": "big"}, "--resize big.*224x224"),
        ({"crop": "middle"}, "--crop middle.*none, center"),
        ({"color": "cmyk"}, "--color cmyk.*rgb, bgr, gray"),
        ({"layout": "hwc"}, "--layout hwc"),
        ({"filter": "sinc"}, "--filter sinc"),
        ({"scale": "1"}, "--scale 1 .*LOW..HIGH"),
        ({"scale": "1..1"}, "--scale 1..1"),
        ({"scale": "0..inf"}, "--scale 0..inf"),
        ({"mean": "a,b,c"}, "'a,b,c' is no number"),
        ({"mean": "1,2"}, "--mean takes one number, or three"),
        ({"std": "nan"}, "--std takes"),
        ({"std": "1,0,1"}, "--std 0"),
        ({"color": "gray", "mean": "1,2,3"}, "three numbers for one channel"),
    ],
)
def test_text_that_says_something_else_is_refused(given: dict[str, str], what: str) -> None:
    with pytest.raises(EdgeqError, match=what):
        Preprocessing.of(given)
