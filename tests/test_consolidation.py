"""Groups of episodes: what holds of every one, in whatever order they came, pass after pass."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent.consolidation import (
    DUPLICATE,
    THEME,
    Group,
    Grouping,
    Nearest,
    coarse_energy,
    consolidated,
    energy_bound,
    placed,
)
from am_agent.errors import InvalidArgument

SEEDS = st.integers(0, 2**32)
WIDE = 32


class Episodes:
    """Groups in space, some members said twice, some of several patterns."""

    def __init__(self, seed: int, groups: int = 8, each: int = 15, spread: float = 0.5, windows: bool = True) -> None:
        rng = np.random.default_rng(seed)
        rows = np.repeat(rng.standard_normal((groups, WIDE)), each, axis=0)
        rows = rows + spread * rng.standard_normal(rows.shape)
        rows[1::7] = rows[::7][: len(rows[1::7])]
        heights = rng.integers(1, 4, len(rows)) if windows else np.ones(len(rows), np.int64)
        self.keys = np.cumsum(rng.integers(1, 5, len(rows)))
        self.starts = np.cumsum(heights) - heights
        patterns = np.repeat(rows, heights, axis=0)
        later = np.setdiff1d(np.arange(len(patterns)), self.starts)
        patterns[later] += 0.3 * rng.standard_normal((len(later), WIDE))
        self.patterns = (patterns / np.linalg.norm(patterns, axis=1, keepdims=True)).astype(np.float32)
        self.heights = heights
        self.strengths = rng.random(len(rows)) * 2 + 0.1

    def some(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The arguments for some of them."""
        rows = [self.patterns[self.starts[p] : self.starts[p] + self.heights[p]] for p in places]
        heights = self.heights[places]
        return self.keys[places], np.cumsum(heights) - heights, np.concatenate(rows), self.strengths[places]

    def all(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The arguments for all of them."""
        return self.keys, self.starts, self.patterns, self.strengths


def _facts(groups: tuple[Group, ...]) -> list[tuple[object, ...]]:
    return [
        (g.tier, tuple(g.members.tolist()), tuple(g.weights.tolist()), g.mean.tobytes(), g.radius, g.medoid)
        for g in groups
    ]


def _labels(found: Grouping, keys: np.ndarray) -> np.ndarray:
    labels = -1 - np.arange(len(keys))
    for number, each in enumerate(found.groups):
        if each.tier == THEME:
            labels[np.searchsorted(keys, each.members)] = number
    return labels


@settings(max_examples=15)
@given(seed=SEEDS, spread=st.floats(0.1, 1.5))
def test_what_holds_of_every_group(seed: int, spread: float) -> None:
    """Members are known, ascending and in one group of a tier; weights are theirs; patterns lie within the radius."""
    episodes = Episodes(seed, spread=spread)
    found = consolidated(*episodes.all())
    tiers = [each.tier for each in found.groups]
    assert tiers == sorted(tiers)
    for tier in (DUPLICATE, THEME):
        groups = [each for each in found.groups if each.tier == tier]
        members = np.concatenate([np.zeros(0, np.int64), *(each.members for each in groups)])
        assert len(np.unique(members)) == len(members)
        firsts = [int(each.members[0]) for each in groups]
        assert firsts == sorted(firsts)
    for each in found.groups:
        assert len(each.members) >= 2
        assert (np.diff(each.members) > 0).all()
        places = np.searchsorted(episodes.keys, each.members)
        assert each.weights.tolist() == episodes.strengths[places].tolist()
        _, starts, patterns, _ = episodes.some(places)
        apart = np.linalg.norm(patterns.astype(np.float64) - each.mean.astype(np.float64), axis=1)
        assert (apart <= each.radius).all()
        assert each.radius == pytest.approx(apart.max(), rel=1e-9, abs=1e-9)
        first = patterns[starts].astype(np.float64)
        assert each.mean == pytest.approx((each.weights / each.weights.sum()) @ first, abs=1e-7)
        nearest = np.flatnonzero(apart[starts] <= apart[starts].min() + 1e-7)[0]
        assert each.medoid == each.members[nearest]


@settings(max_examples=10)
@given(seed=SEEDS)
def test_the_order_in_which_episodes_came_changes_nothing(seed: int) -> None:
    """Not a bit of any mean, though every key is another."""
    episodes = Episodes(seed, spread=1.0)
    order = np.random.default_rng(seed).permutation(len(episodes.keys))
    found = consolidated(*episodes.all())
    _, starts, patterns, strengths = episodes.some(order)
    turned = consolidated(np.arange(len(order)), starts, patterns, strengths)
    theirs = {
        (g.tier, tuple(np.sort(episodes.keys[order[g.members]]).tolist()), g.mean.tobytes(), g.radius)
        for g in turned.groups
    }
    assert theirs == {(g.tier, tuple(g.members.tolist()), g.mean.tobytes(), g.radius) for g in found.groups}
    assert turned.saving == found.saving


def test_groups_are_found_and_twins_are_duplicates() -> None:
    """Eight themes of fifteen; and what was said twice, each time."""
    episodes = Episodes(4, spread=0.4)
    found = consolidated(*episodes.all())
    assert found.structured
    assert found.saving > 0.3
    themes = [each.members.tolist() for each in found.groups if each.tier == THEME]
    twins = [each.members.tolist() for each in found.groups if each.tier == DUPLICATE]
    # The sixteenth episode says what the fifteenth says, who is of the first group.
    assert [len(each) for each in themes] == [16, 14, *[15] * 6]
    assert all([episodes.keys[7 * n], episodes.keys[7 * n + 1]] in twins for n in range(17))
    assert found.thresholds.neighbours == 5


def test_a_text_said_a_thousand_times_is_one_group() -> None:
    """Though its vectors are rounded in different ways."""
    rng = np.random.default_rng(2)
    rows = np.concatenate([rng.standard_normal((1, WIDE)).repeat(300, axis=0), rng.standard_normal((60, WIDE))])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows = (rows + rng.uniform(-5e-8, 5e-8, rows.shape)).astype(np.float32)
    found = consolidated(np.arange(360), np.arange(360), rows, np.ones(360))
    (said,) = [each for each in found.groups if each.tier == DUPLICATE]
    assert said.members.tolist() == list(range(300))
    assert said.radius < 1e-6
    assert said.medoid == 0


def test_noise_has_no_themes() -> None:
    """Of the covariance of groups, but without groups; and neither have a few unrelated episodes."""
    rows = Episodes(1, groups=30, each=20, windows=False).patterns.astype(np.float64)
    rng = np.random.default_rng(0)
    for count in (60, 600):
        made = (
            rows.mean(axis=0) + rng.standard_normal((count, len(rows))) @ (rows - rows.mean(axis=0)) / len(rows) ** 0.5
        )
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        found = consolidated(np.arange(count), np.arange(count), made.astype(np.float32), np.ones(count))
        assert not found.structured
        assert [each for each in found.groups if each.tier == THEME] == []
    for count in range(6):
        few = consolidated(np.arange(count), np.arange(count), rows[::100][:count].astype(np.float32), np.ones(count))
        assert (few.groups, few.structured, few.saving) == ((), False, 0.0)


@settings(max_examples=5)
@given(seed=SEEDS)
def test_a_pass_without_anything_new_changes_nothing(seed: int) -> None:
    """Not after a full pass, and not after one that went on."""
    episodes = Episodes(seed, spread=1.0)
    found = consolidated(*episodes.all())
    none = np.zeros(0, np.int64)
    again = consolidated(*episodes.all(), before=found.groups, fresh=none, known=found.neighbours)
    assert _facts(again.groups) == _facts(found.groups)
    assert again.neighbours.others.tolist() == found.neighbours.others.tolist()
    half = np.arange(60)
    first = consolidated(*episodes.some(half))
    onward = consolidated(*episodes.all(), before=first.groups, fresh=episodes.keys[60:])
    last = consolidated(*episodes.all(), before=onward.groups, fresh=none)
    assert _facts(last.groups) == _facts(onward.groups)


def test_ten_passes_find_what_one_pass_finds() -> None:
    """And what was known of neighbours is the same as if it had been found anew, also after some went."""
    episodes = Episodes(7, groups=20, each=30, spread=0.9, windows=False)
    order = np.sort(np.random.default_rng(0).permutation(600)[:590])
    mixed = np.random.default_rng(1).permutation(600)
    found: Grouping | None = None
    for batch in range(1, 11):
        came = np.sort(mixed[: batch * 60])
        present = came if batch < 10 else np.intersect1d(came, order)
        new = np.sort(mixed[(batch - 1) * 60 : batch * 60])
        known: Nearest | None = None if found is None else found.neighbours
        before = None if found is None else found.groups
        found = consolidated(
            *episodes.some(present), before=before, fresh=None if found is None else episodes.keys[new], known=known
        )
    assert found is not None
    whole = consolidated(*episodes.some(order))
    for name in ("keys", "others", "similarities"):
        assert getattr(found.neighbours, name).tolist() == getattr(whole.neighbours, name).tolist()
    assert _facts(tuple(g for g in found.groups if g.tier == DUPLICATE)) == _facts(
        tuple(g for g in whole.groups if g.tier == DUPLICATE)
    )
    keys = episodes.keys[order]
    one, other = _labels(found, keys), _labels(whole, keys)
    together, apart = one[:, None] == one[None], other[:, None] == other[None]
    assert (together == apart).mean() > 0.99
    assert found.saving == pytest.approx(whole.saving, abs=5e-3)


def test_the_energy_of_themes_is_within_the_bound() -> None:
    """With episodes that are in no theme as prototypes of their own; the log-weights sum to the same."""
    episodes = Episodes(5, spread=1.0)
    themes = [each for each in consolidated(*episodes.all()).groups if each.tier == THEME]
    covered = np.concatenate([each.members for each in themes])
    alone = np.setdiff1d(episodes.keys, covered)
    for key in alone.tolist():
        _, _, patterns, strengths = episodes.some(np.flatnonzero(episodes.keys == key))
        radius = float(np.linalg.norm(patterns - patterns[0], axis=1).max()) + 1e-6
        themes.append(Group(THEME, np.array([key]), strengths, patterns[0], radius, key))
    assert sum(each.weights.sum() for each in themes) == pytest.approx(episodes.strengths.sum())
    rng = np.random.default_rng(0)
    for beta in (1.0, 10.0, 60.0):
        query = rng.standard_normal(WIDE)
        query /= np.linalg.norm(query)
        scores = np.maximum.reduceat(episodes.patterns.astype(np.float64) @ query, episodes.starts)
        exact = -np.log((episodes.strengths * np.exp(beta * scores)).sum()) / beta
        change = coarse_energy(themes, query, beta) - exact
        assert -1e-6 <= change <= energy_bound(themes, beta, single=False)


def test_a_new_episode_joins_the_theme_it_lies_in() -> None:
    """Or none, where it is farther from the nearest mean than every member."""
    episodes = Episodes(4, spread=0.4)
    groups = consolidated(*episodes.all()).groups
    for number, each in enumerate(groups):
        if each.tier == THEME:
            member = episodes.patterns[episodes.starts[np.searchsorted(episodes.keys, each.medoid)]]
            assert placed(groups, member) == number
    far = np.zeros(WIDE, np.float32)
    far[0] = -1.0
    assert placed(groups, far) is None
    assert placed([], far) is None


def test_given_thresholds_hold() -> None:
    """A similarity for duplicates, one for neighbours; and a bad one is refused."""
    episodes = Episodes(4, spread=0.6, windows=False)
    found = consolidated(*episodes.all(), duplicate=0.9, theme=0.5)
    assert (found.thresholds.duplicate, found.thresholds.theme) == (0.9, 0.5)
    assert found.thresholds.nearest is not None
    assert found.thresholds.nearest >= 0.9
    assert consolidated(*episodes.all(), theme=0.999).saving < found.saving
    for wrong in ({"duplicate": 0.0}, {"duplicate": 1.0}, {"theme": -0.1}, {"theme": 1.5}, {"theme": float("nan")}):
        with pytest.raises(InvalidArgument, match="between 0 and 1"):
            consolidated(*episodes.all(), **wrong)
    with pytest.raises(InvalidArgument, match=r"theme=0.8 is not below duplicate=0.7"):
        consolidated(*episodes.all(), duplicate=0.7, theme=0.8)


def test_progress_ends_at_one() -> None:
    """And never falls."""
    seen: list[float] = []
    consolidated(*Episodes(4).all(), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
