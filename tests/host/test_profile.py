"""The table of a profile."""

from __future__ import annotations

from edgeq.host.profile import Profile, Row

PROFILE = Profile(
    rows=(
        Row(0, "l00_conv2d", "portable/conv2d_s8", "tflite:op[0] 'first [bold]'", 1234567, 750_000),
        Row(1, "l01_add", "portable/add_s8", "tflite:op[1]", 0, 250_000),
    ),
    total=999_500,
    repeats=25,
)


def test_the_table_holds_every_number():
    lines = str(PROFILE).splitlines()
    assert "median of 25 runs" in lines[0]
    first = next(line for line in lines if "l00_conv2d" in line)
    for text in ("portable/conv2d_s8", "'first [bold]'", "1,234,567", "750.0", "75.0 %"):
        assert text in first
    total = next(line for line in lines if "total" in line)
    assert "1,234,567" in total
    assert "999.5" in total


def test_the_table_is_plain_text_without_trailing_lines():
    assert "\x1b" not in str(PROFILE)
    assert str(PROFILE) == str(PROFILE).rstrip()
    assert max(map(len, str(PROFILE).splitlines())) <= 110


def test_a_network_that_takes_no_time_has_a_table_too():
    assert "0.0 %" in str(Profile((Row(0, "l00_x", "k", "s", 0, 0),), 0, 1))
