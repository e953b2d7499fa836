"""Gaussian splats: read from anywhere, kept in one form."""

import numpy as np
import pytest

from engine.contracts.splats import (
    MOST_SPLATS,
    PROPERTIES,
    Splat,
    SplatRefused,
    check_canonical_splat,
    read_splat,
    write_splat,
)
from tests.splats import foreign_ply, some_splat


def test_what_is_written_is_canonical_and_reads_back_the_same() -> None:
    splat = some_splat(500)
    data = write_splat(splat)
    assert check_canonical_splat(data) == 500
    np.testing.assert_allclose(read_splat(data).values, splat.values, rtol=1e-6)


def test_a_foreign_file_loses_comments_names_and_what_is_no_gaussian() -> None:
    data = foreign_ply(some_splat(40), comments=["made by generator-x"], also=["nx", "f_rest_0"])
    with pytest.raises(SplatRefused, match="canonical form"):
        check_canonical_splat(data)
    rewritten = write_splat(read_splat(data))
    assert b"generator-x" not in rewritten
    assert b"f_rest" not in rewritten
    assert check_canonical_splat(rewritten) == 40
    np.testing.assert_allclose(read_splat(rewritten).values, some_splat(40).values, rtol=1e-6)


def test_rotations_are_made_unit() -> None:
    values = some_splat(3).values.copy()
    values[:, -4:] *= 7
    np.testing.assert_allclose(
        np.linalg.norm(read_splat(write_splat(Splat(values))).values[:, -4:], axis=1), 1, rtol=1e-6
    )


def spoiled(column: str, value: float) -> bytes:
    values = some_splat(4).values.copy()
    values[2, PROPERTIES.index(column)] = value
    return write_splat(Splat(values))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a binary"),
        (b"glTF", "not a binary"),
        (write_splat(some_splat(4)).replace(b"binary_little_endian", b"ascii"), "not a binary"),
        (write_splat(some_splat(4))[:-1], "cut short"),
        (write_splat(some_splat(4)).replace(b"vertex 4", b"vertex 0"), "0 Gaussians"),
        (write_splat(some_splat(4)).replace(b"vertex 4", b"vertex %d" % (MOST_SPLATS + 1)), "are allowed"),
        (write_splat(some_splat(4)).replace(b"property float opacity", b"property float weight"), "lacks opacity"),
        (write_splat(some_splat(4)).replace(b"float opacity", b"list uchar int opacity"), "cannot be understood"),
        (write_splat(some_splat(4)).replace(b"element vertex", b"element face"), "first element"),
        (spoiled("x", np.nan), "NaN"),
        (spoiled("scale_1", np.inf), "NaN"),
    ],
)
def test_broken_splats_are_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(SplatRefused, match=reason):
        read_splat(data)


def test_a_splat_out_of_its_place_or_with_a_tail_is_not_canonical() -> None:
    with pytest.raises(SplatRefused, match="reaches to 9"):
        check_canonical_splat(spoiled("y", 9.0))
    with pytest.raises(SplatRefused, match="canonical form"):
        check_canonical_splat(write_splat(some_splat(4)) + b"a message at the end")
