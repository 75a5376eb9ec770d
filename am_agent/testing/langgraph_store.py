"""What a LangGraph store promises, as a suite held against InMemoryStore. Knows the framework, and no store of ours."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

try:
    import pytest
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st
    from langgraph.store.base import (
        BaseStore,
        GetOp,
        IndexConfig,
        InvalidNamespaceError,
        ListNamespacesOp,
        MatchCondition,
        Op,
        PutOp,
        Result,
        SearchItem,
        SearchOp,
    )
    from langgraph.store.memory import InMemoryStore
except ImportError as error:
    raise ImportError(
        f"LangGraphStoreContract needs pytest, hypothesis and langgraph's store ({error}). "
        'Install them with: pip install pytest hypothesis "am-agent[langgraph]"'
    ) from error

StoreFactory = Callable[[IndexConfig], BaseStore]

_TOLERANCE = 1e-5
_DIMENSION = 32


def fake_embed(texts: Sequence[str]) -> list[list[float]]:
    """Vectors that count words by their hash, so that texts resemble each other by the words they share."""
    rows = []
    for text in texts:
        row = [0.0] * _DIMENSION
        for word in text.lower().split() or [""]:
            row[zlib.crc32(word.encode("utf-8", "surrogatepass")) % _DIMENSION] += 1.0
        rows.append(row)
    return rows


def fake_index(*fields: str) -> IndexConfig:
    """An index with the fake embeddings over some fields; over the whole value where none is named."""
    return {"dims": _DIMENSION, "embed": fake_embed, "fields": list(fields or ("$",))}


class Reference(InMemoryStore):
    """InMemoryStore without three faults that no other store need share.

    It keeps the vectors of a value that was replaced, lists namespaces that hold nothing any more or were only asked
    for, and cannot take one text twice in a batch.
    """

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Reads first, each for itself, then the puts, each without what its key had before."""
        listed = list(ops)
        results: list[Result] = []
        for op in listed:
            results.extend([None] if isinstance(op, PutOp) else super().batch([op]))
            self._forget_empty()
        for op in {(op.namespace, op.key): op for op in listed if isinstance(op, PutOp)}.values():
            self._vectors[op.namespace].pop(op.key, None)
            super().batch([op])
            self._forget_empty()
        return results

    def _forget_empty(self) -> None:
        for namespace in [each for each, items in self._data.items() if not items]:
            del self._data[namespace]


_LABELS = st.sampled_from(["a", "ab", "b", "%", "_", "a%", "é", "A"])
_NAMESPACES = st.lists(_LABELS, min_size=1, max_size=3).map(tuple)
_PREFIXES = st.lists(_LABELS, max_size=2).map(tuple)
_KEYS = st.sampled_from(["k", "k1", "K", "%", "_", "ключ", "a b", "x.y"])
_WORDS = st.sampled_from(["tea", "rain", "chess", "rex", "oslo", "grüße", "cello"])
_TEXTS = st.lists(_WORDS, min_size=1, max_size=3).map(" ".join)
_KINDS, _NUMBERS = st.sampled_from(["x", "y"]), st.integers(-2, 2)
_PLAIN_VALUES = st.fixed_dictionaries({"text": _TEXTS, "kind": _KINDS, "n": _NUMBERS})
_VALUES = st.fixed_dictionaries(
    {"text": _TEXTS, "kind": _KINDS, "n": _NUMBERS},
    optional={
        "notes": st.lists(_WORDS.map(lambda word: f"note {word}"), max_size=3, unique=True),
        "nested": st.fixed_dictionaries({"x": st.integers(0, 1), "more": st.lists(_NUMBERS, max_size=2)}),
        "maybe": st.one_of(st.none(), st.booleans(), st.just("é")),
    },
)
_PLAIN_FILTERS = st.one_of(
    st.none(),
    st.fixed_dictionaries({"kind": _KINDS}),
    st.fixed_dictionaries({"kind": st.fixed_dictionaries({"$ne": _KINDS})}),
    st.fixed_dictionaries(
        {"n": st.dictionaries(st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), _NUMBERS, min_size=1)}
    ),
)
_FILTERS = st.one_of(
    _PLAIN_FILTERS,
    st.fixed_dictionaries({"nested": st.fixed_dictionaries({"x": st.integers(0, 1)})}),
    st.fixed_dictionaries({"nested": st.fixed_dictionaries({"more": st.lists(_NUMBERS, max_size=2)})}),
    st.fixed_dictionaries({"maybe": st.one_of(st.none(), st.booleans(), st.just({"$ne": "é"}))}),
)
_CONDITIONS = st.builds(
    MatchCondition,
    match_type=st.sampled_from(["prefix", "suffix"]),
    path=st.lists(st.one_of(_LABELS, st.just("*")), min_size=1, max_size=2).map(tuple),
)
_GETS = st.builds(GetOp, namespace=_NAMESPACES, key=_KEYS)
_DELETES = st.builds(PutOp, namespace=_NAMESPACES, key=_KEYS, value=st.none(), index=st.none(), ttl=st.none())
_LISTS = st.builds(
    ListNamespacesOp,
    match_conditions=st.lists(_CONDITIONS, max_size=2).map(tuple),
    max_depth=st.one_of(st.none(), st.integers(1, 3)),
    limit=st.integers(1, 5),
    offset=st.integers(0, 3),
)
_INDEXES = st.one_of(st.none(), st.just(False), st.just(["kind"]), st.just(["notes[*]"]))


def _batches(*, plain: bool) -> st.SearchStrategy[list[list[Op]]]:
    puts = st.builds(
        PutOp,
        namespace=_NAMESPACES,
        key=_KEYS,
        value=_PLAIN_VALUES if plain else _VALUES,
        index=st.none() if plain else _INDEXES,
        ttl=st.none(),
    )
    searches = st.builds(
        SearchOp,
        namespace_prefix=_PREFIXES,
        filter=_PLAIN_FILTERS if plain else _FILTERS,
        limit=st.integers(1, 6),
        offset=st.integers(0, 3),
        query=st.one_of(st.none(), _TEXTS),
    )
    one = st.one_of(puts, puts, searches, searches, _GETS, _DELETES, _LISTS)
    return st.lists(st.lists(one, min_size=1, max_size=1 if plain else 4), max_size=12)


class LangGraphStoreContract:
    """What a LangGraph store promises, as tests: inherit it in a class Test... and override the fixture `make_store`.

    The framework has no suite for stores and advises to compare with its InMemoryStore. This one does so under
    sequences of operations that Hypothesis makes, and names the cases that stores have failed at.

    A store that is meant to differ says so in an attribute, and the suite then expects no more than it promises.

    Attributes:
        reference: What it is compared with.
        asynchronous: It has `abatch`.
        by_label: Namespaces are listed in the order of their labels, one after the other.
        by_insertion: A search without a query lists a namespace in the order in which its keys were first put.
        full_filters: Filters reach into nested objects and hold for absent fields as in Python.
        whole_batches: A batch may hold several operations of each kind, and one text twice.
        replaces_vectors: A put takes away the vectors of the value before it, and so does a deletion.
        fills_with_unindexed: A query that has room left returns items without a vector, with score None.
        pages_by_query: The pages of a query together are the whole, and each item counts once, however many vectors.
        omits_expired: What has expired is not seen, even before a sweep.
        keeps_created_at: A new value under a key leaves `created_at` as it was.
        refuses_unknown_operations: What is no operation is an error, and not passed over.

    Example:
        >>> class TestMyStore(LangGraphStoreContract):
        ...     @pytest.fixture
        ...     def make_store(self) -> StoreFactory:
        ...         return lambda index: InMemoryStore(index=index)
    """

    reference: ClassVar[type[InMemoryStore]] = Reference
    asynchronous: ClassVar[bool] = True
    by_label: ClassVar[bool] = True
    by_insertion: ClassVar[bool] = True
    full_filters: ClassVar[bool] = True
    whole_batches: ClassVar[bool] = True
    replaces_vectors: ClassVar[bool] = True
    fills_with_unindexed: ClassVar[bool] = True
    pages_by_query: ClassVar[bool] = True
    omits_expired: ClassVar[bool] = True
    keeps_created_at: ClassVar[bool] = True
    refuses_unknown_operations: ClassVar[bool] = True

    @pytest.fixture
    def make_store(self) -> StoreFactory:
        """Makes an empty store with the index it is given; it may be called several times in a test."""
        raise NotImplementedError(f"override the fixture 'make_store' in {type(self).__name__}")

    @pytest.fixture
    def store(self, make_store: StoreFactory) -> BaseStore:
        """An empty store with the fake index over the whole value."""
        return make_store(fake_index())

    # ------------------------------------------------------------------------------------------ differential

    def test_it_does_what_the_reference_does(self, make_store: StoreFactory) -> None:
        """Any sequence of batches has the results that InMemoryStore has, but for what an attribute excepts."""
        plain = not (self.full_filters and self.whole_batches and self.replaces_vectors)
        index = fake_index("text") if plain else fake_index("text", "notes[*]", "nested.x")

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(batches=_batches(plain=plain))
        def compare(batches: list[list[Op]]) -> None:
            store, reference = make_store(index), self.reference(index=index)
            for ops in batches:
                self._compare(store, reference, ops)

        compare()

    def _compare(self, store: BaseStore, reference: InMemoryStore, ops: list[Op]) -> None:
        if not self.pages_by_query:
            ops = [op._replace(offset=0) if isinstance(op, SearchOp) and op.query else op for op in ops]
        if not self.by_label:
            ops = [op._replace(limit=10_000, offset=0) if isinstance(op, ListNamespacesOp) else op for op in ops]
        # What the reference has without a limit, before the batch changes it: the pages are parts of it.
        wholes: list[Any] = [
            reference.batch([op._replace(limit=10_000, offset=0)])[0] if isinstance(op, SearchOp) else None
            for op in ops
        ]
        expected: list[Any] = reference.batch(ops)
        for op, own, theirs, whole in zip(ops, _results(store, ops), expected, wholes, strict=True):
            if isinstance(op, SearchOp):
                self._compare_search(op, own, theirs, whole)
            elif isinstance(op, GetOp):
                assert _facts(own) == _facts(theirs), op
            elif isinstance(op, ListNamespacesOp) and not self.by_label:
                assert sorted(own) == sorted(theirs), op
            else:
                assert own == theirs, op

    def _compare_search(
        self, op: SearchOp, own: list[SearchItem], theirs: list[SearchItem], whole: list[SearchItem]
    ) -> None:
        known = {(each.namespace, each.key): each for each in whole}
        if not self.fills_with_unindexed and op.query:
            theirs = [each for each in theirs if each.score is not None]
        assert len(own) == len({(each.namespace, each.key) for each in own}) == len(theirs), op
        for each in own:
            twin = known[each.namespace, each.key]
            assert each.value == twin.value
            assert each.score == (None if twin.score is None else pytest.approx(twin.score, abs=_TOLERANCE)), op
        # Which of two items of one score comes first, and so which of them a page ends with, is not said.
        scores = [each.score for each in theirs]
        assert [each.score for each in own] == [
            None if score is None else pytest.approx(score, abs=_TOLERANCE) for score in scores
        ]
        namespaces = {each.namespace for each in whole}
        if self.by_insertion and not op.query and len(namespaces) == 1:
            assert [each.key for each in own] == [each.key for each in theirs], op

    # ------------------------------------------------------------------------------------------ batches

    def test_batch_order(self, store: BaseStore) -> None:
        """Results are in the order of the operations, and reads see the state before the puts of their batch."""
        store.put(("test",), "key1", {"data": "value1"})
        store.put(("test",), "key2", {"data": "value2"})
        found, put, items, namespaces, missing = _results(
            store,
            [
                GetOp(("test",), "key1"),
                PutOp(("test",), "key3", {"data": "value3"}),
                SearchOp(("test",), filter={"data": "value1"}),
                ListNamespacesOp(match_conditions=None, max_depth=None),
                GetOp(("test",), "key3"),
            ],
        )
        assert _facts(found) == (("test",), "key1", {"data": "value1"})
        assert (put, missing) == (None, None)
        assert [_facts(each) for each in items] == [_facts(found)]
        assert namespaces == [("test",)]
        assert _value(store, ("test",), "key3") == {"data": "value3"}

    def test_the_last_put_of_a_key_wins(self, store: BaseStore) -> None:
        """Of several puts in one batch the last one counts, also when it is a deletion."""
        store.batch(
            [
                PutOp(("n",), "a", {"v": 1}),
                PutOp(("n",), "b", {"v": 5}),
                PutOp(("n",), "a", {"v": 2}),
                PutOp(("n",), "b", None),
            ]
        )
        assert [(each.key, each.value) for each in store.search(("n",))] == [("a", {"v": 2})]

    def test_one_text_may_come_twice_in_a_batch(self, store: BaseStore) -> None:
        """Two items of one text are two items, and a query finds both with one score."""
        ops: list[Op] = [PutOp(("n",), key, {"text": "same words"}) for key in "ab"]
        if not self.whole_batches:
            for op in ops:
                store.batch([op])
        else:
            store.batch(ops)
        found = store.search(("n",), query="same words")
        assert sorted(each.key for each in found) == ["a", "b"]
        assert found[0].score == pytest.approx(found[1].score, abs=_TOLERANCE)

    def test_an_unknown_operation_is_refused(self, store: BaseStore) -> None:
        """A batch that holds something else is an error."""
        if not self.refuses_unknown_operations:
            return
        with pytest.raises(ValueError, match="Unknown operation"):
            _results(store, ["not an operation"])

    # ------------------------------------------------------------------------------------------ items

    def test_a_value_comes_back_as_it_was_put(self, store: BaseStore) -> None:
        """Whatever JSON has, with any characters, and the caller's own object may change afterwards."""
        value = {"": 0, "deep": {"list": [1, 2.5, None, True, "ö\u0000\u2028"]}, "日本": "🙂", "big": 2**60}
        store.put(("n",), "k", value)
        found = store.get(("n",), "k")
        assert found is not None
        assert found.value == value
        value["later"] = 1
        assert "later" not in _value(store, ("n",), "k")

    @pytest.mark.parametrize("key", ["", " ", "a\tb", "line\nbreak", "x.y", "..", "%", "'; DROP TABLE store; --", "🙂"])
    def test_any_key(self, store: BaseStore, key: str) -> None:
        """A key is any string, and only itself."""
        store.put(("n",), key, {"v": key})
        store.put(("n",), "other", {"v": "other"})
        assert _facts(store.get(("n",), key)) == (("n",), key, {"v": key})
        store.delete(("n",), key)
        assert store.get(("n",), key) is None
        assert [each.key for each in store.search(("n",))] == ["other"]

    def test_put_is_idempotent(self, store: BaseStore) -> None:
        """Putting one value again leaves one item, which a query finds once."""
        for _ in range(3):
            store.put(("n",), "k", {"text": "once"})
        assert len(store.search(("n",))) == len(store.search(("n",), query="once")) == 1

    def test_deleting_what_is_not_there(self, store: BaseStore) -> None:
        """It is no error and changes nothing."""
        store.put(("n",), "k", {"v": 1})
        store.delete(("n",), "unknown")
        store.delete(("elsewhere",), "k")
        assert _value(store, ("n",), "k") == {"v": 1}

    def test_times(self, store: BaseStore) -> None:
        """An item says when it was made and changed, in that order; the change does not move backwards."""
        store.put(("n",), "k", {"v": 1})
        first = store.get(("n",), "k")
        store.put(("n",), "k", {"v": 2})
        second = store.get(("n",), "k")
        assert first is not None
        assert second is not None
        assert first.created_at <= first.updated_at <= second.updated_at
        if self.keeps_created_at:
            assert second.created_at == first.created_at

    # ------------------------------------------------------------------------------------------ namespaces

    def test_search_namespace_segment_boundary(self, store: BaseStore) -> None:
        """A prefix ends between two labels, with a query and without one."""
        for namespace in [("a", "b"), ("a", "bc"), ("ab",), ("a",), ("A", "b")]:
            store.put(namespace, "k", {"text": "tea"})
        for query in (None, "tea"):
            assert _places(store, ("a",), query) == [("a",), ("a", "b"), ("a", "bc")]
            assert _places(store, ("a", "b"), query) == [("a", "b")]
            assert len(_places(store, (), query)) == 5

    @pytest.mark.parametrize("wild", ["%", "_", "*", "?", "[a]", "a%", "\\"])
    def test_search_namespace_wildcard_chars_are_literal(self, store: BaseStore, wild: str) -> None:
        """A character that some database takes for a wildcard means itself."""
        store.put((wild, "x"), "k", {"text": "tea"})
        store.put(("a", "x"), "k", {"text": "tea"})
        store.put(("ab", "x"), "k", {"text": "tea"})
        for query in (None, "tea"):
            assert _places(store, (wild,), query) == [(wild, "x")]
        if wild != "*":
            assert store.list_namespaces(prefix=(wild,)) == [(wild, "x")]

    def test_namespace_labels_with_trailing_newline(self, store: BaseStore) -> None:
        """White space is a part of a label."""
        store.put(("a\n",), "k", {"v": 1})
        store.put(("a",), "k", {"v": 2})
        assert _value(store, ("a\n",), "k") == {"v": 1}
        assert store.list_namespaces() == [("a",), ("a\n",)]

    @pytest.mark.parametrize("namespace", [(), ("",), ("a.b",), ("a", ""), ("langgraph", "a"), ("a\x00",)])
    def test_namespaces_that_cannot_be(self, store: BaseStore, namespace: tuple[str, ...]) -> None:
        """They are refused with the framework's own error."""
        with pytest.raises(InvalidNamespaceError):
            store.put(namespace, "k", {"v": 1})

    def test_list_namespaces(self, store: BaseStore) -> None:
        """Prefixes, suffixes, the wildcard, the depth and pages, sorted."""
        here = [
            ("a", "b", "c"),
            ("a", "b", "d", "e"),
            ("a", "b", "d", "i"),
            ("a", "b", "f"),
            ("a", "c", "f"),
            ("x", "f"),
        ]
        for namespace in here:
            store.put(namespace, "k", {"v": 1})
        assert store.list_namespaces() == here
        assert store.list_namespaces(prefix=("a", "b"), max_depth=3) == [("a", "b", each) for each in "cdf"]
        assert store.list_namespaces(suffix=("f",)) == [("a", "b", "f"), ("a", "c", "f"), ("x", "f")]
        assert store.list_namespaces(prefix=("a", "*", "f")) == [("a", "b", "f"), ("a", "c", "f")]
        assert store.list_namespaces(suffix=("d", "*")) == [("a", "b", "d", "e"), ("a", "b", "d", "i")]
        assert store.list_namespaces(prefix=("a",), suffix=("f",)) == [("a", "b", "f"), ("a", "c", "f")]
        assert store.list_namespaces(max_depth=1) == [("a",), ("x",)]
        assert store.list_namespaces(limit=2, offset=1) == here[1:3]
        assert store.list_namespaces(prefix=("none",)) == []

    # ------------------------------------------------------------------------------------------ search

    def test_vector_search_with_filters(self, store: BaseStore) -> None:
        """Among those that satisfy the filter the nearest is first, however many others are nearer."""
        for number in range(30):
            store.put(("n",), f"near{number}", {"text": "red apple", "kind": "y", "n": number})
        store.put(("n",), "far", {"text": "red car", "kind": "x", "n": 50})
        store.put(("n",), "farther", {"text": "blue bike", "kind": "x", "n": 60})
        found = store.search(("n",), query="red apple", filter={"kind": "x"})
        assert [each.key for each in found] == ["far", "farther"]
        assert [each.key for each in store.search(("n",), query="red", filter={"n": {"$gt": 55}})] == ["farther"]

    def test_vector_search_pagination(self, store: BaseStore) -> None:
        """The pages of a search are its parts, without a query and with one."""
        for number in range(7):
            store.put(("n",), f"k{number}", {"text": "word " * (number + 1) + "other"})
        for query in (None, "word") if self.pages_by_query else (None,):
            whole = [each.key for each in store.search(("n",), query=query, limit=10)]
            pages = [store.search(("n",), query=query, limit=3, offset=offset) for offset in (0, 3, 6, 9)]
            assert [len(page) for page in pages] == [3, 3, 1, 0]
            assert [each.key for page in pages for each in page] == whole
            assert len(set(whole)) == 7

    def test_scores(self, store: BaseStore) -> None:
        """A score is a cosine: 1 for the same text, falling, and None where nothing was asked."""
        value = {"text": "tea"}
        store.put(("n",), "same", value)
        store.put(("n",), "other", {"text": "cello"})
        found = store.search(("n",), query='{"text": "tea"}')
        assert [each.key for each in found] == ["same", "other"]
        assert found[0].score == pytest.approx(1.0, abs=_TOLERANCE)
        assert [each.score is not None and -1 <= each.score < 0.99 for each in found] == [False, True]
        assert [each.score for each in store.search(("n",))] == [None, None]

    def test_vector_search_edge_cases(self, store: BaseStore) -> None:
        """An empty store has no answer, an empty query is none, and a long or strange one is one."""
        assert store.search(("n",), query="anything") == []
        store.put(("n",), "k", {"text": "tea"})
        for query in ("", "word " * 1000, "ö!§$%&/()=🙂"):
            assert [each.key for each in store.search(("n",), query=query)] == ["k"]

    def test_embed_with_path(self, make_store: StoreFactory) -> None:
        """Fields and elements of arrays have a vector each, and the nearest of an item counts."""
        fields = ("text",) if not self.replaces_vectors else ("text", "notes[*].say", "missing")
        store = make_store(fake_index(*fields))
        store.put(("n",), "a", {"text": "tea", "notes": [{"say": "rain"}, {"say": "snow"}], "not": "hidden"})
        store.put(("n",), "b", {"text": "cello rain"})
        if self.replaces_vectors:
            found = store.search(("n",), query="rain")
            assert [(each.key, pytest.approx(each.score, abs=_TOLERANCE)) for each in found] == [
                ("a", 1.0),
                ("b", 0.5**0.5),
            ]
        assert store.search(("n",), query="tea")[0].score == pytest.approx(1.0, abs=_TOLERANCE)

    def test_embed_with_path_of_the_operation(self, make_store: StoreFactory) -> None:
        """A put may name other fields than the store's."""
        store = make_store(fake_index("text"))
        store.put(("n",), "a", {"text": "tea", "other": "rain"}, index=["other"])
        store.put(("n",), "b", {"text": "tea cello", "other": "snow"})
        assert store.search(("n",), query="rain")[0].key == "a"
        assert store.search(("n",), query="tea")[0].key == "b"

    def test_what_is_not_indexed_has_no_score(self, store: BaseStore) -> None:
        """It is there for get and for a search without a query; a query has it last, if at all."""
        store.put(("n",), "hidden", {"text": "tea"}, index=False)
        store.put(("n",), "seen", {"text": "cello"})
        assert _value(store, ("n",), "hidden") == {"text": "tea"}
        assert sorted(each.key for each in store.search(("n",))) == ["hidden", "seen"]
        found = [(each.key, each.score is None) for each in store.search(("n",), query="tea")]
        assert found == [("seen", False), ("hidden", True)][: 2 if self.fills_with_unindexed else 1]
        assert [each.key for each in store.search(("n",), query="tea", limit=1)] == ["seen"]

    def test_a_new_value_takes_the_old_one_out_of_the_index(self, store: BaseStore) -> None:
        """What an item said before no query finds any more."""
        if not self.replaces_vectors:
            return
        store.put(("n",), "k", {"text": "tea"})
        store.put(("n",), "k", {"text": "tea"}, index=False)
        assert [each.score for each in store.search(("n",), query="tea")] == [None]

    def test_non_ascii(self, make_store: StoreFactory) -> None:
        """Texts of any script are found by themselves."""
        store = make_store(fake_index("text"))
        texts = ["これは 日本語", "Привет мир", "مرحبا بالعالم", "👋 🌍", "Grüße aus Köln"]
        for number, text in enumerate(texts):
            store.put(("nutzer", "ü"), f"schlüssel{number}", {"text": text})
        for number, text in enumerate(texts):
            assert store.search(("nutzer",), query=text, limit=1)[0].key == f"schlüssel{number}"
            assert [each.value for each in store.search(("nutzer",), filter={"text": text})] == [{"text": text}]

    def test_unsupported_operators_are_refused(self, store: BaseStore) -> None:
        """A filter that means nothing is an error, not an empty answer."""
        store.put(("n",), "k", {"n": 1})
        with pytest.raises(ValueError, match="Unsupported operator"):
            store.search(("n",), filter={"n": {"$near": 1}})

    def test_sql_injection(self, store: BaseStore) -> None:
        """Quotes in a filter's value, in a key and in a query are only characters."""
        for number, text in enumerate(["it's", 'say "x"', "' OR '1'='1", "\\'; --"]):
            store.put(("n",), text, {"text": text, "n": number})
            assert [each.key for each in store.search(("n",), filter={"text": text})] == [text]
            assert store.search(("n",), query=text)
        assert len(store.search(("n",))) == 4

    # ------------------------------------------------------------------------------------------ time to live

    def test_ttl(self, store: BaseStore) -> None:
        """What has expired is gone, and what is read in time lives on, unless it is read without a refresh."""
        if not store.supports_ttl:
            with pytest.raises(NotImplementedError):
                store.put(("n",), "k", {"v": 1}, ttl=1)
            return
        if not self.omits_expired:
            return
        minutes = 0.5 / 60
        store.put(("n",), "short", {"v": 1}, ttl=minutes)
        store.put(("n",), "long", {"v": 2}, ttl=10)
        store.put(("n",), "read", {"v": 3}, ttl=minutes)
        asyncio.run(asyncio.sleep(0.3))
        assert store.get(("n",), "read") is not None
        assert store.get(("n",), "short", refresh_ttl=False) is not None
        asyncio.run(asyncio.sleep(0.3))
        assert store.get(("n",), "read", refresh_ttl=False) is not None
        assert store.get(("n",), "short", refresh_ttl=False) is None
        asyncio.run(asyncio.sleep(0.3))
        assert [each.key for each in store.search(("n",))] == ["long"]

    # ------------------------------------------------------------------------------------------ at once

    def test_eight_threads(self, store: BaseStore) -> None:
        """What they put is there, each once."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: store.put(("n", str(n % 3)), f"k{n}", {"text": f"word{n}", "n": n}), range(64)))
        found = store.search(("n",), limit=100)
        assert sorted(each.value["n"] for each in found) == list(range(64))

    def test_fifty_coroutines(self, store: BaseStore) -> None:
        """So is what they put in one loop, and each reads what it wrote."""
        if not self.asynchronous:
            with pytest.raises(NotImplementedError):
                asyncio.run(store.aput(("n",), "k", {"n": 1}))
            return

        async def turn(number: int) -> Any:
            await store.aput(("n",), f"k{number}", {"text": f"word{number}", "n": number})
            found = await store.aget(("n",), f"k{number}")
            assert found is not None
            return found.value["n"]

        async def turns() -> tuple[list[Any], list[SearchItem], list[tuple[str, ...]]]:
            read = await asyncio.gather(*(turn(number) for number in range(50)))
            return read, await store.asearch(("n",), query="word7", limit=100), await store.alist_namespaces()

        read, found, namespaces = asyncio.run(turns())
        assert read == list(range(50))
        assert sorted(each.value["n"] for each in found) == list(range(50))
        assert namespaces == [("n",)]


def _results(store: BaseStore, ops: list[Any]) -> list[Any]:
    """The results of a batch, of whatever kind each is."""
    return list(store.batch(ops))


def _value(store: BaseStore, namespace: tuple[str, ...], key: str) -> Any:
    """The value of an item that is there."""
    item = store.get(namespace, key)
    assert item is not None, f"there is no {key!r} in {namespace!r}"
    return item.value


def _facts(item: Any) -> tuple[Any, ...] | None:
    return None if item is None else (item.namespace, item.key, item.value)


def _places(store: BaseStore, prefix: tuple[str, ...], query: str | None) -> list[tuple[str, ...]]:
    return sorted(each.namespace for each in store.search(prefix, query=query, limit=100))
