"""The compiled loops of the surface's fit: slice by slice, from the longest expiry to the shortest.

Inputs come rounded, and only + - * / and square roots are used, in a fixed order: IEEE 754 fixes these to
the last bit, so the same chain gives the same parameters on every processor. One file on purpose, as
Numba's cache watches only the file of the function it compiled.

A slice is fitted by least squares in volatility, each point weighted by how well its quote tells a
volatility. For a given place and bend (m, sigma) the other three parameters of SVI are a linear problem in
a polygon (Zeliade 2009), so Nelder and Mead's simplex searches two dimensions only. SSVI is linear in
theta in the same way. Where the curve is not free of butterfly arbitrage SSVI replaces it; where it
crosses the next expiry's curve it is drawn under that, then scaled (which keeps it free: g is then
at least the scale times what it was).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alluse_assets.option_chains.pricing.kernels.compilation import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Columns of the result.
A, B, RHO, M, SIGMA, POINTS, RMSE, LARGEST, INSIDE, BUTTERFLY, CALENDAR, STATUS = range(12)
COLUMNS = 12
SVI_FIT, SSVI_FIT, NEIGHBOUR_FIT, FLAT_FIT, NO_POINTS = range(5)

LEAST_SVI_POINTS = 5
LEAST_SSVI_POINTS = 3
_STEEPEST_RHO = 0.999
_GRID = 33
_FINE_GRID = 201
_BEYOND = 0.25
_CALENDAR_ROUNDS = 8
# All points of the next expiry's curve together against all quotes, by relative errors.
_LIMIT_STRENGTH = 0.5
_TOLERANCE = 1e-9
# Of the lowest total variance seen: no curve dips further between or beyond the quotes.
_FLOOR_SHARE = 0.2


class Points(NamedTuple):
    """Quotes of one slice: log-moneyness, total variance, weight (per squared total variance)."""

    k: Floats
    w: Floats
    weight: Floats


class Frame(NamedTuple):
    """What a search on one slice needs beside its points: units, bounds, how dear a free butterfly is."""

    deviation: float
    floor: float
    low: float
    high: float
    is_ssvi: bool
    strictness: float


@compiled
def variance_at(curve: Floats, k: float) -> float:
    """Total variance of the raw SVI ``curve`` (a, b, rho, m, sigma) at ``k``."""
    offset = k - curve[M]
    root = math.sqrt(offset * offset + curve[SIGMA] * curve[SIGMA])
    return float(curve[A] + curve[B] * (curve[RHO] * offset + root))


@compiled
def density_factor_at(curve: Floats, k: float) -> float:
    """Gatheral's g of ``curve`` at ``k``; minus one where the variance is not positive."""
    offset = k - curve[M]
    root = math.sqrt(offset * offset + curve[SIGMA] * curve[SIGMA])
    w = curve[A] + curve[B] * (curve[RHO] * offset + root)
    if w <= 0.0:
        return -1.0
    slope = curve[B] * (curve[RHO] + offset / root)
    bend = curve[B] * curve[SIGMA] * curve[SIGMA] / (root * root * root)
    left = 1.0 - 0.5 * k * slope / w
    return float(left * left - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * bend)


@compiled
def _edge(moments: Floats, c0: float, d0: float, c1: float, d1: float, best: Floats) -> None:
    """The lowest loss from corner 0 to corner 1 of the polygon; into ``best`` (loss, c, d) if lower."""
    zz, yz, yy, zw, yw = moments[0], moments[1], moments[2], moments[3], moments[4]
    dc, dd = c1 - c0, d1 - d0
    curvature = dc * dc * zz + 2.0 * dc * dd * yz + dd * dd * yy
    slope = dc * (c0 * zz + d0 * yz - zw) + dd * (c0 * yz + d0 * yy - yw)
    t = -slope / curvature if curvature > 0.0 else (0.0 if slope > 0.0 else 1.0)
    t = min(max(t, 0.0), 1.0)
    c, d = c0 + t * dc, d0 + t * dd
    loss = c * c * zz + 2.0 * c * d * yz + d * d * yy - 2.0 * (c * zw + d * yw)
    if loss < best[0]:
        best[0], best[1], best[2] = loss, c, d


@compiled
def _svi_loss(m: float, s: float, points: Points, frame: Frame, scratch: Floats, curve: Floats) -> float:
    """Least loss of raw SVI at place ``m`` and bend ``s``; its parameters into ``curve``."""
    total = sy = sz = syy = syz = szz = sw = swy = swz = sww = 0.0
    for i in range(points.k.size):
        y = (points.k[i] - m) / s
        z = math.sqrt(y * y + 1.0)
        weight, w = points.weight[i], points.w[i]
        wy, wz = weight * y, weight * z
        total += weight
        sy += wy
        sz += wz
        syy += wy * y
        syz += wy * z
        szz += wz * z
        sw += weight * w
        swy += wy * w
        swz += wz * w
        sww += weight * w * w
    moments, best = scratch[:5], scratch[5:8]
    moments[0] = szz - sz * sz / total
    moments[1] = syz - sy * sz / total
    moments[2] = syy - sy * sy / total
    moments[3] = swz - sz * sw / total
    moments[4] = swy - sy * sw / total
    zz, yz, yy, zw, yw = moments[0], moments[1], moments[2], moments[3], moments[4]
    det = zz * yy - yz * yz
    c, d = -1.0, 0.0
    if det > 1e-14 * zz * yy:
        c = (zw * yy - yw * yz) / det
        d = (yw * zz - zw * yz) / det
    if c < 0.0 or abs(d) > _STEEPEST_RHO * c or c + abs(d) > 2.0 * s:
        # Corners: no smile at all, each wing as steep as allowed with the other flat, both as steep.
        side = 2.0 * s / (1.0 + _STEEPEST_RHO)
        best[0], best[1], best[2] = 0.0, 0.0, 0.0
        _edge(moments, 0.0, 0.0, side, _STEEPEST_RHO * side, best)
        _edge(moments, 0.0, 0.0, side, -_STEEPEST_RHO * side, best)
        _edge(moments, side, _STEEPEST_RHO * side, 2.0 * s, 0.0, best)
        _edge(moments, side, -_STEEPEST_RHO * side, 2.0 * s, 0.0, best)
        c, d = best[1], best[2]
    loss = sww - sw * sw / total + c * c * zz + 2.0 * c * d * yz + d * d * yy - 2.0 * (c * zw + d * yw)
    a = (sw - c * sz - d * sy) / total
    lift = frame.floor - (a + math.sqrt(max(c * c - d * d, 0.0)))
    if lift > 0.0:
        a += lift
        loss += total * lift * lift
    curve[A] = a
    curve[B] = c / s
    curve[RHO] = d / c if c > 0.0 else 0.0
    curve[M] = m
    curve[SIGMA] = s
    return float(max(loss, 0.0))


@compiled
def _ssvi_loss(rho: float, phi: float, points: Points, curve: Floats) -> float:
    """Least loss of SSVI with ``rho`` and ``phi``, theta kept free of arbitrage; raw SVI into ``curve``."""
    suu = suw = sww = 0.0
    for i in range(points.k.size):
        bent = phi * points.k[i]
        u = 0.5 * (1.0 + rho * bent + math.sqrt((bent + rho) * (bent + rho) + 1.0 - rho * rho))
        weight, w = points.weight[i], points.w[i]
        suu += weight * u * u
        suw += weight * u * w
        sww += weight * w * w
    steep = phi * (1.0 + abs(rho))
    theta = min(suw / suu, 3.999 / steep, 3.999 / (steep * phi))
    curve[A] = 0.5 * theta * (1.0 - rho * rho)
    curve[B] = 0.5 * theta * phi
    curve[RHO] = rho
    curve[M] = -rho / phi
    curve[SIGMA] = math.sqrt(1.0 - rho * rho) / phi
    return float(max(sww - 2.0 * theta * suw + theta * theta * suu, 0.0))


@compiled
def _loss(x: float, y: float, points: Points, frame: Frame, scratch: Floats, curve: Floats) -> float:
    """What the search minimises at (x, y): m and sigma in deviations; SSVI: rho, phi times deviation."""
    if frame.is_ssvi:
        outside = max(abs(x) - 0.99, 0.0) + max(0.01 - y, 0.0) + max(y - 50.0, 0.0)
        rho = min(max(x, -0.99), 0.99)
        phi = min(max(y, 0.01), 50.0) / frame.deviation
        return _ssvi_loss(rho, phi, points, curve) * (1.0 + outside) + outside
    low, high = frame.low / frame.deviation - 2.0, frame.high / frame.deviation + 2.0
    outside = max(low - x, 0.0) + max(x - high, 0.0) + max(0.02 - y, 0.0) + max(y - 100.0, 0.0)
    m = min(max(x, low), high) * frame.deviation
    s = min(max(y, 0.02), 100.0) * frame.deviation
    loss = _svi_loss(m, s, points, frame, scratch, curve) * (1.0 + outside) + outside
    penalty = 0.0
    for i in range(_GRID):
        g = density_factor_at(curve, frame.low + (frame.high - frame.low) * i / (_GRID - 1))
        if g < 0.002:
            penalty += (0.002 - g) * (0.002 - g)
    return float(loss + frame.strictness * points.k.size * penalty)


@compiled
def _search(
    x: float, y: float, step: float, points: Points, frame: Frame, scratch: Floats, curve: Floats
) -> tuple[float, float]:
    """Nelder and Mead's simplex from (x, y): the best place; its curve into ``curve``."""
    px, py, f = scratch[8:11], scratch[11:14], scratch[14:17]
    px[0], py[0] = x, y
    px[1], py[1] = x + step, y
    px[2], py[2] = x, y * (1.0 + step)
    for i in range(3):
        f[i] = _loss(px[i], py[i], points, frame, scratch, curve)
    looks = 3
    while looks < 150:
        # Ascending by loss.
        for i, j in ((0, 1), (1, 2), (0, 1)):
            if f[j] < f[i]:
                f[i], f[j] = f[j], f[i]
                px[i], px[j] = px[j], px[i]
                py[i], py[j] = py[j], py[i]
        size = abs(px[1] - px[0]) + abs(py[1] - py[0]) + abs(px[2] - px[0]) + abs(py[2] - py[0])
        if size < 2e-3 or f[2] - f[0] < 5e-5 * f[0] + 1e-12:
            break
        mx, my = 0.5 * (px[0] + px[1]), 0.5 * (py[0] + py[1])
        rx, ry = 2.0 * mx - px[2], 2.0 * my - py[2]
        fr = _loss(rx, ry, points, frame, scratch, curve)
        looks += 1
        if fr < f[0]:
            ex, ey = 3.0 * mx - 2.0 * px[2], 3.0 * my - 2.0 * py[2]
            fe = _loss(ex, ey, points, frame, scratch, curve)
            looks += 1
            if fe < fr:
                px[2], py[2], f[2] = ex, ey, fe
            else:
                px[2], py[2], f[2] = rx, ry, fr
        elif fr < f[1]:
            px[2], py[2], f[2] = rx, ry, fr
        else:
            if fr < f[2]:
                cx, cy = 0.5 * (mx + rx), 0.5 * (my + ry)
            else:
                cx, cy = 0.5 * (mx + px[2]), 0.5 * (my + py[2])
            fc = _loss(cx, cy, points, frame, scratch, curve)
            looks += 1
            if fc < min(fr, f[2]):
                px[2], py[2], f[2] = cx, cy, fc
            else:
                for i in (1, 2):
                    px[i], py[i] = 0.5 * (px[i] + px[0]), 0.5 * (py[i] + py[0])
                    f[i] = _loss(px[i], py[i], points, frame, scratch, curve)
                looks += 2
    best = 0
    for i in (1, 2):
        if f[i] < f[best]:
            best = i
    _loss(px[best], py[best], points, frame, scratch, curve)
    return px[best], py[best]


@compiled
def _fit_curve(points: Points, frame: Frame, scratch: Floats, curve: Floats) -> tuple[float, float]:
    """The curve of ``points`` from a grid of starts, and its place in the search."""
    best = math.inf
    at_x = at_y = 0.0
    xs = (-0.7, -0.2, 0.3) if frame.is_ssvi else (-0.5, 0.3, 1.2)
    ys = (0.2, 0.8, 2.5) if frame.is_ssvi else (0.3, 1.0, 3.0)
    for x in xs:
        for y in ys:
            loss = _loss(x, y, points, frame, scratch, curve)
            if loss < best:
                best, at_x, at_y = loss, x, y
    return _search(at_x, at_y, 0.3, points, frame, scratch, curve)


@compiled
def _down_weighted(points: Points, quoted: Floats, tolerance: Floats, curve: Floats) -> None:
    """Into the weights of ``points``: those that are ``quoted``, less for quotes that stand out.

    A quote stands out that is farther from ``curve`` than its spread and three times what quotes usually are.
    """
    usual = 0.0
    count = tolerance.size
    for i in range(count):
        usual += abs(points.w[i] - variance_at(curve, points.k[i])) * math.sqrt(quoted[i])
    usual *= 3.0 / count
    for i in range(count):
        miss = abs(points.w[i] - variance_at(curve, points.k[i]))
        far = (miss - tolerance[i]) * math.sqrt(quoted[i])
        points.weight[i] = quoted[i]
        if far > usual:
            points.weight[i] *= usual / far


@compiled
def _is_free(curve: Floats, low: float, high: float) -> bool:
    """Whether no butterfly is free on a fine grid, nor far out on a wing."""
    if curve[B] * (1.0 + abs(curve[RHO])) > 2.0 + _TOLERANCE:
        return False
    for i in range(_FINE_GRID):
        k = low + (high - low) * i / (_FINE_GRID - 1)
        if density_factor_at(curve, k) < 0.0:
            return False
    return True


@compiled
def _highest_scale(curve: Floats, above: Floats, low: float, high: float) -> float:
    """By how much ``curve`` may be multiplied to stay under the curve ``above`` on the grid."""
    scale = math.inf
    for i in range(_FINE_GRID):
        k = low + (high - low) * i / (_FINE_GRID - 1)
        scale = min(scale, variance_at(above, k) / variance_at(curve, k))
    return scale


@compiled
def _rounded(curve: Floats) -> None:
    for i in range(5):
        scale = 1e12 if i <= B else 1e8
        curve[i] = math.floor(curve[i] * scale + 0.5) / scale


@compiled
def _under_the_next(
    points: Points,
    count: int,
    frame: Frame,
    place: tuple[float, float],
    above: Floats,
    reach: tuple[float, float],
    scratch: Floats,
    curve: Floats,
) -> None:
    """Draw ``curve`` under ``above``: where it crosses, the curve above becomes a point of its own.

    ``points`` has room for a grid's points behind its ``count`` quotes.
    """
    used = count
    strength = 0.0
    for i in range(count):
        strength += points.weight[i] * points.w[i] * points.w[i]
    strength *= _LIMIT_STRENGTH / _GRID
    x, y = place
    step = (reach[1] - reach[0]) / (_GRID - 1)
    for _ in range(_CALENDAR_ROUNDS):
        crossed = False
        for i in range(_GRID):
            k = reach[0] + step * i
            limit = variance_at(above, k)
            if variance_at(curve, k) > limit and used < points.k.size:
                points.k[used] = k
                points.w[used] = limit
                points.weight[used] = strength / (limit * limit)
                used += 1
                crossed = True
        if not crossed:
            break
        part = Points(points.k[:used], points.w[:used], points.weight[:used])
        x, y = _search(x, y, 0.08, part, frame, scratch, curve)


@compiled
def _neighbour(points: Points, above: Floats, curve: Floats) -> None:
    """The next expiry's curve, scaled to the few points there are."""
    suu = suw = 0.0
    for i in range(points.k.size):
        u = variance_at(above, points.k[i])
        suu += points.weight[i] * u * u
        suw += points.weight[i] * u * points.w[i]
    scale = min(suw / suu, 1.0)
    curve[:5] = above[:5]
    curve[A] *= scale
    curve[B] *= scale


@compiled
def _report(points: Points, tolerance: Floats, years: float, row: Floats) -> None:
    """How near ``row``'s curve is to the quotes: in points of volatility, and by their bid and ask."""
    squares = weights = largest = 0.0
    inside = 0
    for i in range(tolerance.size):
        volatility = math.sqrt(points.w[i] / years)
        miss = 100.0 * (math.sqrt(max(variance_at(row, points.k[i]), 0.0) / years) - volatility)
        # The tolerance is half the spread in total variance; its slope by volatility is 2 sigma t.
        half_spread = 100.0 * tolerance[i] / (2.0 * volatility * years)
        weight = 1.0 / (half_spread * half_spread + 0.04)
        squares += weight * miss * miss
        weights += weight
        largest = max(largest, abs(miss))
        if abs(miss) <= half_spread + 1e-6:
            inside += 1
    row[RMSE] = math.sqrt(squares / weights)
    row[LARGEST] = largest
    row[INSIDE] = inside / tolerance.size


@compiled
def _fit_slice(
    points: Points, tolerance: Floats, years: float, above: Floats, has_above: bool, row: Floats
) -> None:
    """Fit one expiry under the curve ``above`` of the next, if there is one; the columns of ``row``."""
    count = points.k.size
    row[POINTS] = count
    scratch = np.zeros(17)
    if count < LEAST_SSVI_POINTS:
        if has_above:
            _neighbour(points, above, row)
            row[STATUS] = NEIGHBOUR_FIT
        else:
            level = 0.0
            weights = 0.0
            for i in range(count):
                level += points.weight[i] * points.w[i]
                weights += points.weight[i]
            row[A], row[SIGMA] = level / weights, 1.0
            row[STATUS] = FLAT_FIT
        low, high = points.k[0] - 0.1, points.k[count - 1] + 0.1
    else:
        nearest = 0
        lowest = points.w[0]
        for i in range(count):
            if abs(points.k[i]) < abs(points.k[nearest]):
                nearest = i
            lowest = min(lowest, points.w[i])
        deviation = math.sqrt(points.w[nearest])
        width = points.k[count - 1] - points.k[0]
        low, high = points.k[0] - _BEYOND * width, points.k[count - 1] + _BEYOND * width
        # Room behind the quotes for the points where the next expiry's curve is the limit.
        room = _CALENDAR_ROUNDS * _GRID
        k, w, weight = np.empty(count + room), np.empty(count + room), np.empty(count + room)
        k[:count], w[:count] = points.k, points.w
        held = Points(k, w, weight)
        quotes = Points(k[:count], w[:count], weight[:count])
        free = row.copy()
        for attempt in range(3):
            is_ssvi = attempt == 2 or count < LEAST_SVI_POINTS
            strictness = 1000.0 if attempt == 1 else 10.0
            frame = Frame(deviation, _FLOOR_SHARE * lowest, low, high, is_ssvi, strictness)
            weight[:count] = points.weight
            x, y = _fit_curve(quotes, frame, scratch, row)
            for _ in range(2):
                _down_weighted(quotes, points.weight, tolerance, row)
                x, y = _search(x, y, 0.1, quotes, frame, scratch, row)
            free[:5] = row[:5]
            if has_above:
                _under_the_next(held, count, frame, (x, y), above, (low, high), scratch, row)
            _rounded(row)
            row[STATUS] = SSVI_FIT if is_ssvi else SVI_FIT
            if is_ssvi or _is_free(row, low, high):
                break
        _rounded(free)
        if has_above:
            scale = _highest_scale(row, above, low, high)
            if scale < 1.0:
                # A hair less, so that rounding does not lift it again.
                row[A] *= scale * (1.0 - 1e-7)
                row[B] *= scale * (1.0 - 1e-7)
                _rounded(row)
            _report(points, tolerance, years, free)
            _report(points, tolerance, years, row)
            # Quotes that contradict the next expiry's are not bent to it: the row says so instead.
            if row[RMSE] > 1.5 * free[RMSE] + 0.25 and _is_free(free, low, high):
                row[:5] = free[:5]
    _rounded(row)
    row[BUTTERFLY] = 1.0 if _is_free(row, low, high) else 0.0
    row[CALENDAR] = 1.0
    if has_above and _highest_scale(row, above, low, high) < 1.0:
        row[CALENDAR] = 0.0
    _report(points, tolerance, years, row)


@compiled
def fit_chains(
    chain_edges: Integers,
    slice_edges: Integers,
    years: Floats,
    columns: Points,
    tolerance: Floats,
    first: int,
    last: int,
    out: Floats,
) -> None:
    """Fit chains ``first`` to ``last`` (exclusive), each from its longest expiry to its shortest.

    Slices ``chain_edges[c]`` to ``chain_edges[c + 1]`` are a chain's, by expiry; points ``slice_edges[s]``
    to ``slice_edges[s + 1]`` a slice's, by strike. Each slice's row of ``out`` is written.
    """
    for chain in range(first, last):
        above = np.zeros(COLUMNS)
        has_above = False
        for s in range(chain_edges[chain + 1] - 1, chain_edges[chain] - 1, -1):
            begin, end = slice_edges[s], slice_edges[s + 1]
            row = out[s]
            row[:] = 0.0
            if begin == end:
                row[STATUS] = NO_POINTS
                continue
            points = Points(columns.k[begin:end], columns.w[begin:end], columns.weight[begin:end])
            _fit_slice(points, tolerance[begin:end], years[s], above, has_above, row)
            above[:] = row
            has_above = True
