"""Profiles merge in layers and are refused as a whole, with everything that is wrong."""

from __future__ import annotations

import pytest

from seechange_core.api import Instrument, Params, Scorer, Subtractor, hookimpl, parameter
from seechange_core.errors import ProfileError
from seechange_core.params import Slot
from seechange_core.profile import ProcessSchema, check_layers, load_locations, load_profile
from seechange_core.registry import Registry


class Camera(Instrument):
    """A camera for tests."""

    name = "camera"
    version = "1.0"
    read = read_header = recognises = first_mapping = None

    @classmethod
    def default_profile(cls):
        return "subtraction: {use: first, first: {tile: 256}}\ndetection: {threshold: 6}\nscoring: {use: []}"


class First(Subtractor):
    """One way."""

    name = "first"
    version = "1.0"

    class Params(Params):
        tile: int = parameter(512, description="Side of a tile", unit="pixel", ge=64)
        threads: int = parameter(1, description="Threads", critical=False)

    def subtract(self, pair):
        return pair


class Second(First):
    """Another way."""

    name = "second"


class Catalogued(First):
    """A way that has to be told something."""

    name = "catalogued"

    class Params(Params):
        path: str = parameter(description="Where")


class Judge(Scorer):
    """A scorer."""

    name = "judge"
    version = "1.0"

    def score(self, stamps, measurements):
        return [], []


class Plugin:
    @hookimpl
    def register_instruments(self):
        return [Camera]

    @hookimpl
    def register_subtractors(self):
        return [First, Second, Catalogued]

    @hookimpl
    def register_scorers(self):
        return [Judge]


class SubtractionParams(Params):
    """Of a process."""

    overlap: float = parameter(0.85, description="Overlap", ge=0, le=1)


class DetectionParams(Params):
    """Of a process."""

    threshold: float = parameter(5.0, description="Threshold", unit="sigma", ge=3)


SCHEMAS = (
    ProcessSchema("subtraction", SubtractionParams, (Slot("subtractor"),)),
    ProcessSchema("detection", DetectionParams),
    ProcessSchema("scoring", DetectionParams, (Slot("scorer", many=True),)),
)


@pytest.fixture(autouse=True)
def _small_core_profile(monkeypatch):
    text = "subtraction: {use: second}\nscoring: {use: [judge]}"
    monkeypatch.setattr(
        "seechange_core.profile.profile.resources.files",
        lambda _: type("F", (), {"joinpath": lambda s, n: s, "read_text": lambda s, e: text})(),
    )


@pytest.fixture
def registry():
    registry = Registry([])
    registry.add(Plugin())
    return registry


def load(registry, **options):
    options.setdefault("environment", {})
    options.setdefault("instrument", "camera")
    return load_profile(registry, SCHEMAS, **options)


def test_layers_win_in_order(registry, tmp_path):
    file = tmp_path / "night.yaml"
    file.write_text("detection: {threshold: 7}\n")
    assert load(registry).parameters("detection").threshold == 6
    assert load(registry, file=file).parameters("detection").threshold == 7
    environment = {"SEECHANGE__DETECTION__THRESHOLD": "8"}
    assert load(registry, file=file, environment=environment).parameters("detection").threshold == 8
    last = load(registry, file=file, environment=environment, assignments=["detection.threshold=9.5"])
    assert last.parameters("detection").threshold == 9.5
    sources = {key: source for key, _, source in last.values()}
    assert sources["detection.threshold"] == "--set"
    assert sources["subtraction.first.tile"] == "profile of camera"
    assert sources["subtraction.overlap"] == "default"


def test_blocks_merge_key_by_key_and_lists_replace(registry, tmp_path):
    file = tmp_path / "night.yaml"
    file.write_text("subtraction: {overlap: 0.5}\nscoring: {use: [judge, judge]}\n")
    profile = load(registry, file=file)
    (subtractor,) = profile.components("subtraction")[""]
    assert subtractor.name == "first"
    assert subtractor.params.tile == 256
    assert profile.parameters("subtraction").overlap == 0.5
    assert [scorer.name for scorer in profile.components("scoring")[""]] == ["judge", "judge"]


def test_switching_the_component_needs_no_cleaning_up(registry):
    profile = load(registry, assignments=["subtraction.use=second", "subtraction.second.tile=128"])
    (subtractor,) = profile.components("subtraction")[""]
    assert (subtractor.name, subtractor.params.tile) == ("second", 128)
    assert subtractor.params.critical() == {"tile": 128}


def test_slot_that_may_stay_empty(registry):
    schema = ProcessSchema("judging", DetectionParams, (Slot("subtractor", name="other", optional=True),))

    def judging(*assignments):
        return load_profile(
            registry, (*SCHEMAS, schema), instrument="camera", environment={}, assignments=assignments
        )

    empty, filled = judging(), judging("judging.other.use=first")
    assert empty.components("judging") == {"other": ()}
    assert [component.name for component in filled.components("judging")["other"]] == ["first"]
    shown = [
        {key for key, _, _ in profile.values() if key.startswith("judging.other")}
        for profile in (empty, filled)
    ]
    assert shown == [
        {"judging.other.use"},
        {"judging.other.use", "judging.other.first.tile", "judging.other.first.threads"},
    ]
    with pytest.raises(ProfileError, match="frist"):
        judging("judging.other.use=frist")


def test_file_named_in_the_environment_is_used(registry, tmp_path):
    file = tmp_path / "night.yaml"
    file.write_text("detection: {threshold: 7}\n")
    assert load(registry, environment={"SEECHANGE_CONFIG": str(file)}).parameters("detection").threshold == 7


def test_missing_file_is_an_error(registry, tmp_path):
    with pytest.raises(ProfileError, match=r"nowhere\.yaml does not exist"):
        load(registry, file=tmp_path / "nowhere.yaml")


def test_all_errors_come_at_once_with_source_path_and_nearest_key(registry, tmp_path):
    file = tmp_path / "night.yaml"
    file.write_text("detection: {threshhold: 5, threshold: 1}\nsubtraction: {use: frist}\ndetektion: {}\n")
    with pytest.raises(ProfileError) as caught:
        load(registry, file=file, assignments=["subtraction.first.tile=wide"])
    text = str(caught.value)
    assert len(caught.value.problems) == 5
    assert "detection.threshhold: there is no such key (did you mean detection.threshold?)" in text
    assert "detection.threshold: Input should be greater than or equal to 3, not 1" in text
    assert (
        "no subtractor is called 'frist'; installed: catalogued, first, second (did you mean first?)" in text
    )
    assert "detektion: there is no such key (did you mean detection?)" in text
    assert "in --set, key subtraction.first.tile" in text
    assert f"in {file}, key detection.threshold" in text


@pytest.mark.parametrize("text", ["detection: [", "- a\n- b\n", "detection: {threshold: {a: 1}}"])
def test_malformed_files_are_refused_by_name(registry, tmp_path, text):
    file = tmp_path / "night.yaml"
    file.write_text(text)
    with pytest.raises(ProfileError, match=r"night\.yaml"):
        load(registry, file=file)


def test_block_whose_name_yaml_takes_for_something_else_is_refused(registry, tmp_path):
    file = tmp_path / "night.yaml"
    file.write_text("no: {threshold: 5}\n")
    with pytest.raises(ProfileError, match=r"night\.yaml: False cannot name a block"):
        load(registry, file=file)


def test_place_of_a_mistake_in_the_yaml_is_named(registry, tmp_path):
    file = tmp_path / "night.yaml"
    file.write_text("detection:\n  threshold: [1\nsubtraction: {}\n")
    with pytest.raises(
        ProfileError, match=r"night\.yaml, line 3, column 12 is not valid YAML: expected ',' or ']'"
    ):
        load(registry, file=file)


def test_value_in_place_of_a_block_is_refused_in_words(registry):
    with pytest.raises(ProfileError, match="instrument: expected a block of keys below it, not 'camera'"):
        load(registry, instrument="", assignments=["instrument=camera"])


def test_assignment_without_value_is_refused(registry):
    with pytest.raises(ProfileError, match="expected KEY=VALUE"):
        load(registry, assignments=["detection.threshold"])


def test_unknown_and_missing_instruments_are_named(registry):
    with pytest.raises(ProfileError, match=r"no instrument is called 'camra'.*did you mean camera"):
        load(registry, instrument="camra")
    with pytest.raises(ProfileError, match=r"give --instrument.*installed: camera"):
        load(registry, instrument="")


def test_secrets_are_never_shown(registry):
    profile = load(registry, environment={"SEECHANGE__DATABASE__PASSWORD": "hunter2"})
    assert profile.database.password.get_secret_value() == "hunter2"
    assert "hunter2" not in str(profile.values())
    assert "hunter2" not in repr(profile.model)


def test_wrong_secret_is_not_quoted_in_the_error(registry):
    with pytest.raises(ProfileError) as caught:
        load(registry, environment={"SEECHANGE__DATABASE__PASSWORD": "[hunter2]"})
    assert "hunter2" not in str(caught.value)


def test_same_layers_make_the_same_profile_elsewhere(registry):
    profile = load(registry, assignments=["detection.threshold=9"])
    again = check_layers(registry, SCHEMAS, profile.layers)
    assert again.model.model_dump() == profile.model.model_dump()


def test_locations_are_read_without_camera_and_chain(tmp_path):
    file = tmp_path / "night.yaml"
    file.write_text(
        "database: {url: 'sqlite:///a.db'}\nstorage: {root: here}\nsubtraction: {use: unheard of}"
    )
    found = load_locations(file, ["storage.root=there"], {"SEECHANGE__DATABASE__PASSWORD": "geheim"})
    assert (found.database.url, str(found.storage.root)) == ("sqlite:///a.db", "there")
    assert found.database.secret() == "geheim"


def test_wrong_locations_are_refused(tmp_path):
    with pytest.raises(
        ProfileError, match=r"storage\.rot: there is no such key \(did you mean storage\.root\?\)"
    ):
        load_locations(None, ["storage.rot=x"], {})


def test_required_value_is_missed_only_where_its_component_is_used(registry):
    assert load(registry).parameters("subtraction").overlap == 0.85
    with pytest.raises(ProfileError, match=r"subtraction\.catalogued\.path: a value must be given"):
        load(registry, assignments=["subtraction.use=catalogued"])
    chosen = load(registry, assignments=["subtraction.use=catalogued", "subtraction.catalogued.path=here"])
    assert chosen.components("subtraction")[""][0].params.path == "here"


def test_use_of_a_wrong_type_is_an_error_of_the_profile(registry):
    with pytest.raises(ProfileError, match=r"subtraction\.use: Input should be a valid string"):
        load(registry, assignments=["subtraction.use={}"])
