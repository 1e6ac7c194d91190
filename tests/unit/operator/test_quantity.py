"""Quantities come out as the API server gives them back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora_operator.api.quantity import amount, canonical

numbers = st.decimals(min_value=0, max_value=10**9, places=3).map(lambda d: format(d, "f"))
quantities = st.builds(
    "{}{}".format, numbers, st.sampled_from(["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "e3", "E2", "e-3"])
)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1.5", "1500m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Gi", "512Mi"),
        ("512Ki", "512Ki"),
        ("0.5Ki", "512"),
        ("1000", "1k"),
        ("1e3", "1e3"),
        ("10e2", "1e3"),
        ("0", "0"),
        ("0Gi", "0"),
        ("100.0m", "100m"),
        ("0.0000000001", "1n"),
        ("1E", "1E"),
        ("2560Mi", "2560Mi"),
    ],
)
def test_a_quantity_is_written_as_the_api_server_writes_it(written: str, told: str) -> None:
    assert canonical(written) == told


@given(quantities)
def test_the_canonical_form_is_its_own_canonical_form(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


@given(quantities)
def test_the_canonical_form_is_the_same_amount(text: str) -> None:
    assert amount(canonical(text)) - amount(text) < amount("1n")


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "-1", "1GB", "1.Gi", "half"])
def test_what_is_no_quantity_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="512Mi"):
        canonical(text)
