"""Dictionary, network and tagger: the parts that know words."""

import numpy as np
import pytest

from voxhaus.models.text import g2p, stress, tagger
from voxhaus.models.text.lexicon import Lexicon
from voxhaus.models.text.packed import PackedTable, pack


@pytest.fixture(scope="module")
def us():
    return Lexicon("us")


@pytest.fixture(scope="module")
def gb():
    return Lexicon("gb")


def test_packed_tables_give_back_what_was_packed(tmp_path):
    lines = {f"wort{i}é": f"ˈv{i}|=~" for i in range(1500)} | {"": "empty"}
    (tmp_path / "t.bin").write_bytes(pack(lines))
    table = PackedTable(tmp_path / "t.bin")
    assert dict(table.items()) == lines
    assert len(table) == 1501
    assert table.get("wort700é") == "ˈv700|=~"
    assert table.get("wort") is None
    assert table.get("zzz") is None
    assert table.get("\ud800") is None


def test_packed_tables_refuse_what_they_cannot_hold(tmp_path):
    with pytest.raises(ValueError, match="tab or line break in 'a'"):
        pack({"a": "b\tc"})
    (tmp_path / "t.bin").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"t\.bin is not a packed table"):
        PackedTable(tmp_path / "t.bin")


def test_senses_follow_the_part_of_speech(us):
    assert us.look_up("record", "NN") == "ɹˈɛkəɹd"
    assert us.look_up("record", "VBP") == "ɹəkˈɔɹd"
    assert us.look_up("there", "RB", before_pause=True) == "ðˈɛɹ"


def test_case_does_not_hide_a_word(us):
    assert us.look_up("London", "NNP") == us.look_up("london", "NNP")
    assert us.look_up("Polish", "JJ") != us.look_up("polish", "NN")


def test_endings_follow_the_accent(us, gb):
    assert (us.with_s("bˈɑks"), gb.with_s("bˈɒks")) == ("bˈɑksᵻz", "bˈɒksɪz")
    assert (us.with_ed("pˈæt"), gb.with_ed("pˈat")) == ("pˈæTᵻd", "pˈatɪd")
    assert us.look_up("podcasting", "VBG") == "pˈɑdkˌæstɪŋ"
    assert us.look_up("vlogged", "VBD") == "vlˈɑɡd"
    assert us.look_up("qzxw", "NN") is None


def test_letters_are_spelled_with_the_last_one_stressed(us):
    assert us.spell("FBI") == "ˌɛfbˌiˈI"


def test_stress_levels():
    assert stress.restress("ænd", stress.AT_LEAST_SECONDARY) == "ˌænd"
    assert stress.restress("ænd", stress.ALWAYS_PRIMARY) == "ˈænd"
    assert stress.restress("hˌu", stress.PRIMARY_IF_STRESSED) == "hˈu"
    assert stress.restress("hˈWs", stress.LOWERED) == "hˌWs"
    assert stress.restress("hˌWsˈO", stress.NONE) == "hWsO"
    assert stress.restress("hm", stress.ALWAYS_PRIMARY) == "hm"
    assert stress.compound(["wˈɛl", "nˈOn"]) == ["wˌɛl", "nˈOn"]


def test_network_matches_a_plain_reading_of_its_layers():
    """The cut products and the block order agree with a direct evaluation in float64."""
    network = g2p.network()
    whole = g2p.Network({k: v.astype(np.float64) for k, v in network._w.items()})
    whole._linear = lambda x, name: x @ whole._w[f"{name}.weight"].T + whole._w[f"{name}.bias"]
    ids = [g2p.LETTERS.index(c) + 1 for c in "kubernetes"]
    np.testing.assert_allclose(network._scores(ids, 0), whole._scores(ids, 0), atol=2e-3)


def test_network_guesses_sensibly_in_both_accents():
    say = g2p.network().say
    assert say("blockchainer", "us") == "blˈɑkʧˌAnəɹ"
    assert say("blockchainer", "gb").replace("ˌ", "") == "blˈɒkʧAnə"
    assert say("", "us") == say("123", "us") == ""
    assert len(say("supercali" * 12, "us")) > 60


def test_tagger_knows_common_words_in_context():
    tags = tagger.tag("The dog will record the live show .".split())
    assert (tags[0], tags[1], tags[2], tags[3]) == ("DT", "NN", "MD", "VB")
    assert tagger.tag([]) == []
