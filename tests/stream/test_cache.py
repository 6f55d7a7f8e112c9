"""The cache beside a list of who was touched when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.cache import Cache

TOUCHES = st.lists(st.tuples(st.sampled_from(["keep", "get", "forget"]), st.integers(0, 12)), max_size=200)


@given(size_max=st.integers(1, 9), touches=TOUCHES)
def test_it_remembers_what_was_touched_last_and_no_more_than_it_may(
    size_max: int, touches: list[tuple[str, int]]
) -> None:
    cache: Cache[int, int] = Cache(size_max)
    kept: dict[int, int] = {}
    """In the order in which they were touched."""
    for number, (what, key) in enumerate(touches):
        if what == "keep":
            cache.keep(key, number)
            kept.pop(key, None)
            kept[key] = number
        elif what == "forget":
            cache.forget(key)
            kept.pop(key, None)
        else:
            found = cache.get(key)
            assert found in (None, kept.get(key))
            assert found is not None or key not in list(reversed(kept))[: size_max // 2]
            if found is None:
                kept.pop(key, None)
            else:
                kept[key] = kept.pop(key)
        assert len(cache) <= size_max
