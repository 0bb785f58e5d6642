"""While papers are added, Python looks for circles seldom, and afterwards as before."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from rag.collecting import OBJECTS_BETWEEN, seldom_collecting


@pytest.fixture(autouse=True)
def _threshold() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_the_threshold_is_high_within_and_as_it_was_after_the_last_has_left() -> None:
    gc.set_threshold(700, 11, 12)
    with pytest.raises(KeyError), seldom_collecting:
        with seldom_collecting:
            assert gc.get_threshold() == (OBJECTS_BETWEEN, 11, 12)
        assert gc.get_threshold() == (OBJECTS_BETWEEN, 11, 12)
        raise KeyError
    assert gc.get_threshold() == (700, 11, 12)


def test_whoever_wants_no_collections_gets_none() -> None:
    gc.set_threshold(0)
    with seldom_collecting:
        assert gc.get_threshold()[0] == 0
    assert gc.get_threshold()[0] == 0
