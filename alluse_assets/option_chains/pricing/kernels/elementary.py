"""Exponential, logarithm and scaled complementary error function from sums, products and divisions alone.

Pricing spends most of its time in these. Without calls and branches the compiler works on several rows at
once, which the C library's do not allow; and as IEEE 754 rounds sums, products and divisions in one way only,
they are the same to the last bit on every processor. Each is within 1e-15 of the true value, relatively.
Arguments too far out for a price to mean anything are taken as the farthest that a float can answer.

Polynomials: interpolation at Chebyshev nodes, computed to 50 digits. Reduction and the logarithm's
polynomial follow Cody and Waite, Software Manual for the Elementary Functions, 1980, and Sun's fdlibm; the
map of the error function's half line follows Shepherd and Laframboise, Chebyshev approximation of
(1 + 2x) exp(x**2) erfc(x), 1981.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from alluse_assets.option_chains.pricing.kernels.compilation import inlined

# Added to a small number, it leaves the nearest whole one in the low bits of the sum.
_ROUNDING = 6755399441055744.0
_ROUNDING_BITS = 0x4338000000000000
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD

_instruction: Any = intrinsic


@_instruction  # type: ignore[untyped-decorator]
def _bits_of(context: Any, x: Any) -> Any:
    """The 64 bits of a float as an integer."""

    def bits(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), bits


@_instruction  # type: ignore[untyped-decorator]
def _float_of(context: Any, x: Any) -> Any:
    """The float with these 64 bits."""

    def number(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), number


@inlined
def exponential(x: float) -> float:
    """e to the power of ``x``, of -700 below and 700 above these."""
    x = min(max(x, -700.0), 700.0)
    shifted = x * 1.4426950408889634 + _ROUNDING
    power = shifted - _ROUNDING
    r = (x - power * _LN2_HIGH) - power * _LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    p0 = (0.5000000000000019 + 0.1666666666666668 * r) + (0.0416666666664881 + 0.008333333333319601 * r) * r2
    p4 = (0.0013888888952314775 + 0.00019841269890047113 * r) + (
        2.4801485482328494e-05 + 2.755724091857897e-06 * r
    ) * r2
    p8 = 2.763263963904103e-07 + 2.5110037605963777e-08 * r
    r8 = r4 * r4
    p = (p0 + p4 * r4) + p8 * r8
    two_to_power: float = _float_of((_bits_of(shifted) + 1023) << 52)
    return (r * r * p + r + 1.0) * two_to_power


@inlined
def logarithm(x: float) -> float:
    """Natural logarithm of ``x``, of 1e-300 below and 1e300 above these."""
    x = min(max(x, 1e-300), 1e300)
    bits = _bits_of(x)
    power = (bits - _SQRT_HALF_BITS) >> 52
    mantissa = _float_of(bits - (power << 52))
    exponent = _float_of(power + _ROUNDING_BITS) - _ROUNDING
    f = mantissa - 1.0
    s = f / (2.0 + f)
    z = s * s
    z2 = z * z
    z4 = z2 * z2
    p0 = (0.6666666666666735 + 0.3999999999940942 * z) + (0.2857142874366239 + 0.22222198432149784 * z) * z2
    p4 = (0.1818357216161805 + 0.15313837699209373 * z) + 0.14798198605116586 * z2
    p = p0 + p4 * z4
    half_square = 0.5 * f * f
    low: float = half_square - (s * (half_square + p * z) + exponent * _LN2_LOW)
    result: float = exponent * _LN2_HIGH - (low - f)
    return result


@inlined
def scaled_erfc(x: float) -> float:
    """exp(x**2) * erfc(x) for ``x`` of 0 and more, of 1e100 above it."""
    x = min(x, 1e100)
    stretch = 1.0 + 2.0 * x
    inverse = 1.0 / ((x + 4.0) * stretch)
    t = (x - 4.0) * stretch * inverse
    t2 = t * t
    t4 = t2 * t2
    p0 = (1.2329951186255526 - 0.13962111684056228 * t) + (
        0.015379652102619974 + 0.06809705425466839 * t
    ) * t2
    p4 = (-0.10103906603631811 + 0.09373283499911264 * t) + (
        -0.06633036581186058 + 0.037167515526338006 * t
    ) * t2
    p8 = (-0.01619773406293477 + 0.005031970069102256 * t) + (
        -0.0007577732435942576 - 0.0001992571524726518 * t
    ) * t2
    p12 = (0.00015062142608651945 - 2.4397731143023292e-05 * t) + (
        -1.1221135665965907e-05 + 5.70657829924074e-06 * t
    ) * t2
    p16 = (2.9173425573089733e-07 - 8.210647933297337e-07 * t) + (
        7.771943241086912e-08 + 1.0631817593818149e-07 * t
    ) * t2
    p20 = (-2.0725802488181963e-08 - 1.2338731403798444e-08 * t) + (
        3.2323973445082033e-09 + 9.297625263709659e-10 * t
    ) * t2
    p24 = -2.764120233734578e-10
    t8 = t4 * t4
    t16 = t8 * t8
    p = ((p0 + p4 * t4) + (p8 + p12 * t4) * t8) + ((p16 + p20 * t4) + p24 * t8) * t16
    return p * (x + 4.0) * inverse
