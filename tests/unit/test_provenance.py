"""Identities depend on what decides a result, on all of it, and on nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seechange_core.api import Params, Scorer, parameter
from seechange_core.params import canonical_json, content_id
from seechange_core.provenance import Provenance, differences, exposure_identity, product_id


class Judge(Scorer):
    """A scorer."""

    name = "judge"
    version = "1.0"

    class Params(Params):
        depth: int = parameter(3, description="Depth")
        threads: int = parameter(1, description="Threads", critical=False)

    def score(self, stamps, measurements):
        return [], []


def provenance(**changes):
    arguments = {
        "process": "scoring",
        "version": "1.0",
        "parameters": {"threshold": 5.0},
        "components": {"": [Judge()]},
        "upstream": {},
    }
    return Provenance.of(**(arguments | changes))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_order_of_keys_does_not_matter(values):
    backwards = dict(reversed(values.items()))
    assert content_id(values) == content_id(backwards)


def test_canonical_json_is_what_it_says():
    assert canonical_json({"b": [1, 2.5, "\u00e9"], "a": None}) == '{"a":null,"b":[1,2.5,"\\u00e9"]}'
    # 5 and 5.0 are the same setting, whichever way a profile writes it.
    assert canonical_json(5.0) == canonical_json(5)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_without_a_json_form_are_refused(value):
    with pytest.raises(ValueError, match="no place in JSON"):
        canonical_json([value])


def test_identity_is_stable():
    # A stored value: a change of the recipe would orphan every product of every archive.
    assert provenance().id == "6qhi2e6yedpq7opdrdh5"
    assert len(provenance().id) == 20


def test_everything_that_decides_the_output_changes_the_identity():
    base = provenance()
    upstream = {"stamps": base}
    changed = [
        provenance(process="other"),
        provenance(version="1.1"),
        provenance(parameters={"threshold": 5.5}),
        provenance(components={"": [Judge(Judge.Params(depth=4))]}),
        provenance(components={"": [type("J", (Judge,), {"version": "1.1"})()]}),
        provenance(components={"": [type("J", (Judge,), {"fingerprint": lambda self: "abc"})()]}),
        provenance(components={"": []}),
        provenance(upstream=upstream),
        provenance(upstream={"measurements": base}),
    ]
    identities = {entry.id for entry in [base, *changed]}
    assert len(identities) == len(changed) + 1


def test_what_cannot_change_the_output_does_not():
    assert provenance(components={"": [Judge(Judge.Params(threads=8))]}).id == provenance().id


def test_order_of_components_matters():
    one, two = Judge(Judge.Params(depth=1)), Judge(Judge.Params(depth=2))
    assert provenance(components={"": [one, two]}).id != provenance(components={"": [two, one]}).id


def test_product_id_depends_on_place_inputs_and_roles():
    base = product_id("p", "N3", {"new": "a", "ref": "b"})
    assert base == product_id("p", "N3", {"ref": "b", "new": "a"})
    others = [
        ("p", "N4", {"new": "a", "ref": "b"}),
        ("q", "N3", {"new": "a", "ref": "b"}),
        ("p", "N3", {"new": "b", "ref": "a"}),
    ]
    assert base not in {product_id(*other) for other in others}


def test_exposure_is_its_instrument_and_its_files():
    assert exposure_identity("decam", ["1", "2"]) == exposure_identity("decam", ["2", "1"])
    assert exposure_identity("decam", ["1"]) != exposure_identity("ls4", ["1"])


def test_differences_name_the_path():
    other = provenance(parameters={"threshold": 5.5}, components={"": [Judge(Judge.Params(depth=4))]})
    assert differences(provenance(), other) == [
        ("parameters.components.judge.parameters.depth", 3, 4),
        ("parameters.step.threshold", 5.0, 5.5),
    ]
    assert differences(provenance(), provenance()) == []
