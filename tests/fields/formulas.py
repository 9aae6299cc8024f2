"""Fields of opponents and of game dynamics in NumPy, on games of matrices: a formula each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tests.fields.games import Matrices

# (game, w, rate) -> pull, as one vector; some remember where w began.

Formula = Callable[..., np.ndarray]


def plain(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
    return m.jacobian @ w


def descending_norms(norms: Mapping[str, Sequence[str]] | None, factor: float = 1.0) -> Formula:
    def formula(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
        j, xi = m.jacobian, m.jacobian @ w
        table = {player: tuple(m.sizes) for player in m.sizes} if norms is None else norms
        pull = xi.copy()
        for player, others in table.items():
            for other in others:
                rows, columns = m.part(other), m.part(player)
                pull[columns] += factor * rate * j[rows, columns].T @ xi[rows]
        return pull

    return formula


def alignment(m: Matrices, w: np.ndarray) -> float:
    j, xi = m.jacobian, m.jacobian @ w
    adjustment = 0.5 * (j.T - j) @ xi
    return (xi @ j.T @ xi) * (adjustment @ j.T @ xi)


def adjusted(align: bool, eps: float = 0.1, count: str = "parameters") -> Formula:
    def formula(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
        j, xi = m.jacobian, m.jacobian @ w
        d = w.size if count == "parameters" else len(m.sizes)
        sign = np.sign(alignment(m, w) / d + eps) if align else 1.0
        return xi + rate * sign * 0.5 * (j.T - j) @ xi

    return formula


def answered(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
    return np.linalg.solve(np.eye(w.size) + rate * m.off_diagonal, m.jacobian @ w)


def answered_with(steps: Mapping[str, float]) -> Formula:
    """`answered`, the first player's step being the rate and the others' their own."""

    def formula(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
        own = np.concatenate([np.full(n, steps.get(p, rate)) for p, n in m.sizes.items()])
        return np.linalg.solve(np.eye(w.size) + m.off_diagonal * own, m.jacobian @ w)

    return formula


def foreseen(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
    xi = m.jacobian @ w
    return xi - rate * m.off_diagonal @ xi


def chi(m: Matrices, w: np.ndarray) -> np.ndarray:
    total = np.zeros_like(w)
    for player in m.sizes:
        for other in set(m.sizes) - {player}:
            stake = (m.losses[player] @ w)[m.part(other)]
            total[m.part(player)] += m.jacobian[m.part(other), m.part(player)].T @ stake
    return total


def shaped(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
    return m.jacobian @ w - rate * chi(m, w)


def both(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
    return foreseen(m, w, rate) - rate * chi(m, w)


def through_the_others(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
    """∇_i ½ (P_i w)ᵀ M_i (P_i w): P_i moves everyone but i."""
    pull = np.zeros_like(w)
    for player, own in m.losses.items():
        step = rate * m.jacobian
        step[m.part(player)] = 0.0
        move = np.eye(w.size) - step
        pull[m.part(player)] = (move.T @ own @ move @ w)[m.part(player)]
    return pull


def shares(m: Matrices, w: np.ndarray, rate: float) -> tuple[float, float]:
    """p_1 and p_2 of stable opponent shaping with a = 0.5, b = 0.1."""
    xi, safe, along = m.jacobian @ w, foreseen(m, w, rate), -rate * chi(m, w)
    product = along @ safe
    p1 = 1.0 if product >= 0 else min(1.0, -0.5 * (safe @ safe) / product)
    length = np.linalg.norm(xi)
    return p1, float(length**2 if length < 0.1 else 1.0)


def stable(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
    return foreseen(m, w, rate) - min(shares(m, w, rate)) * rate * chi(m, w)


def ridge(damping: float) -> Formula:
    def formula(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
        j, xi = m.jacobian, m.jacobian @ w
        x, y = m.part("gen"), m.part("disc")
        h = j[y, y]
        # ‖M s‖² / ‖s‖² for any signs s, since M is diagonal where there is damping.
        square = np.sum(j[y, x] ** 2) / len(xi[x])
        squared = h @ h + damping * square * np.eye(len(h))
        pull = xi.copy()
        pull[y] -= rate * np.linalg.solve(squared, h @ j[y, x] @ xi[x])
        return pull

    return formula


def drawn_back(m: Matrices, w: np.ndarray, rate: float, first: np.ndarray) -> np.ndarray:
    return m.jacobian @ w + rate * (w - first)


def with_the_past(m: Matrices, w: np.ndarray, rate: float, first: np.ndarray) -> np.ndarray:
    """Each player's own part now, and the others' between now and the start."""
    off = m.off_diagonal
    return (m.jacobian - off) @ w + off @ (w + first) / 2


def mean_slope(order: int, apart: bool = False, gen_norm: float = 0.0) -> Formula:
    def formula(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
        j = m.jacobian
        own = np.zeros_like(j)
        for player in m.sizes:
            own[m.part(player), m.part(player)] = j[m.part(player), m.part(player)]
        moved = own if apart else j  # what a player's slope answers
        first = j @ w
        second = first - rate * moved @ first
        if order == 2:
            return 0.5 * (first + second)
        second = first - rate / 2 * moved @ first
        third = first - rate / 2 * moved @ second
        fourth = first - rate * moved @ third
        total = (first + 2 * second + 2 * third + fourth) / 6
        if gen_norm:
            x, y = m.part("gen"), m.part("disc")
            total[y] += 2 * gen_norm * j[x, y].T @ first[x]
        return total

    return formula


def led(leader: str) -> Formula:
    def formula(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
        j, pull = m.jacobian, m.jacobian @ w
        follower = "disc" if leader == "gen" else "gen"
        x, y = m.part(leader), m.part(follower)
        h = j[y, y] + rate * np.eye(m.sizes[follower])
        pull[x] -= j[y, x].T @ np.linalg.solve(h, (m.losses[leader] @ w)[y])
        return pull

    return formula


def without_rotation(m: Matrices, w: np.ndarray, rate: float) -> np.ndarray:
    j, xi = m.jacobian, m.jacobian @ w
    shift = rate * (1 - np.exp(-xi @ xi)) * np.eye(w.size)
    return 0.5 * (xi + j.T @ np.linalg.solve(j.T @ j + shift, j.T @ xi))
