"""What a file says of where it came from: written, found again, and never made up."""

import io
import json
import struct
import wave
from importlib.util import find_spec

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxhaus.core import provenance
from voxhaus.core.audio import FORMATS, Chapter, encode, write_audio
from voxhaus.core.errors import InputError
from voxhaus.core.provenance import TRAINED, Provenance, examine, read, spoken_by
from voxhaus.core.speech import Speech, VoiceInfo

RATE = 24_000
TITLE = "Monday’s {news} ☕"
CHAPTERS = (Chapter("Welcome", 0.0, 0.25), Chapter("“Moons”", 0.25, 1.0))
RECORD = Provenance(
    model="voxhaus-voice-1",
    model_version="2",
    voices=("anna", "mine"),
    created="2026-11-25T08:00:00Z",
    version="0.1.0",
    consent={"mine": "contracts/2026-11-01, „Einwilligung“"},
)
NEEDS_AV = pytest.mark.skipif(find_spec("av") is None, reason="needs the extra 'aac'")
TAGGED = ["wav", "flac", "mp3", "ogg", "opus", pytest.param("m4a", marks=NEEDS_AV)]
UNTAGGED = ["pcm", pytest.param("aac", marks=NEEDS_AV)]


@pytest.fixture(scope="module")
def speech():
    at = np.arange(RATE) / RATE
    return Speech(samples=(0.4 * np.sin(2 * np.pi * 220 * at)).astype(np.float32), sample_rate=RATE)


@pytest.mark.parametrize("name", TAGGED)
def test_round_trip(name, speech, tmp_path):
    for title, chapters in ((None, ()), (TITLE, CHAPTERS)):
        path = tmp_path / f"a.{name}"
        write_audio(path, speech, title=title, chapters=chapters, provenance=RECORD)
        assert examine(path) == (name, RECORD)
        assert read(path) == RECORD


@pytest.mark.parametrize("name", UNTAGGED)
def test_formats_without_a_place_have_none(name, speech, tmp_path):
    assert name in provenance.UNTAGGED
    path = tmp_path / f"a.{name}"
    write_audio(path, speech, provenance=RECORD)
    assert examine(path) == (name, None)


def test_every_format_is_known_with_or_without_a_place():
    tagged = {getattr(t, "values", (t,))[0] for t in TAGGED}
    assert tagged | set(provenance.UNTAGGED) == set(FORMATS)


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "opus"])
def test_provenance_changes_no_sample(name, speech):
    plain, tagged = (
        soundfile.read(io.BytesIO(encode(speech, name, provenance=p)))[0] for p in (None, RECORD)
    )
    np.testing.assert_array_equal(plain, tagged)


def test_wav_stays_readable_for_the_standard_library(speech):
    data = encode(speech, "wav", title=TITLE, chapters=CHAPTERS, provenance=RECORD)
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    with wave.open(io.BytesIO(data)) as file:
        assert file.getnframes() == RATE
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert file.software == "Voxhaus 0.1.0"
        assert file.comment.startswith("Synthetic speech, made by a machine: Voxhaus 0.1.0, ")
        assert file.title == TITLE


@pytest.mark.parametrize("name", ["flac", "ogg", "opus"])
def test_vorbis_comments_are_plain_to_other_programs(name, speech):
    data = encode(speech, name, provenance=RECORD)
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert file.comment == RECORD.origin().sentence
    assert b"ENCODER=Voxhaus 0.1.0" in data
    assert TRAINED.encode() in data


def test_mp3_has_a_comment_for_people_and_a_record_for_programs(speech):
    data = encode(speech, "mp3", provenance=RECORD)
    assert [data.count(n) for n in (b"TSSE", b"COMM", b"TXXX")] == [1, 1, 1]
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert "made by a machine" in file.comment


@pytest.mark.parametrize("name", TAGGED)
def test_nothing_is_found_where_nothing_was_said(name, speech, tmp_path):
    path = tmp_path / f"a.{name}"
    write_audio(path, speech, title=TITLE, chapters=CHAPTERS)
    assert examine(path) == (name, None)


@pytest.mark.parametrize(
    "comment",
    [
        "my holiday",
        '{"generator": "Voxhaus"}',
        '{"',
        '{"a":' + "[" * 100_000,
        json.dumps({**RECORD.as_dict(), "voices": "anna"}),
        json.dumps({**RECORD.as_dict(), "voices": [1]}),
        json.dumps({**RECORD.as_dict(), "consent": ["x"]}),
        json.dumps({**RECORD.as_dict(), "model": "\x1b[2J"}),
        json.dumps({**RECORD.as_dict(), "version": "\ud800"}),
    ],
    ids=range(9),
)
def test_somebody_elses_comment_is_no_provenance(comment, tmp_path):
    path = tmp_path / "a.wav"
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        file.comment = comment
        file.write(np.zeros(RATE))
    assert read(path) is None


def test_a_record_with_more_in_it_is_still_read(tmp_path):
    """A later version may know more."""
    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        file.comment = "words {first} " + json.dumps({**RECORD.as_dict(), "mood": [1]}) + " more"
        file.write(np.zeros(RATE))
    assert read(path) == RECORD


def test_content_decides_and_not_the_suffix(speech, tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(encode(speech, "flac", provenance=RECORD))
    assert examine(path) == ("flac", RECORD)


def test_what_is_no_audio_file_is_named(tmp_path):
    (tmp_path / "a.wav").write_text("Hello")
    (tmp_path / "b.wav").touch()
    (tmp_path / "c.wav").mkdir()
    (tmp_path / "d.flac").write_bytes(b"fLaC\0")
    for name, reason in (
        ("a.wav", "is not a WAV, FLAC, MP3"),
        ("b.wav", "is empty"),
        ("c.wav", "is not a file"),
        ("d.flac", "begins like a file of the format flac but is damaged"),
        ("e.wav", "is not there"),
    ):
        with pytest.raises(InputError, match=reason):
            read(tmp_path / name)


HEADS = [
    b"",
    b"RIFF\xff\0\0\0WAVE",
    b"RIFF\xff\0\0\0WAVELIST\x40\0\0\0INFOICMT\x10\0\0\0",
    b"fLaC",
    b"fLaC\x84\0\0\x40",
    b"ID3\x03\0\0\0\0\0\x40",
    b"ID3\x04\0\x40\0\0\0\x40COMM\0\0\0\x20\0\0",
    b"OggS\0\x02" + bytes(20) + b"\x01\x10OpusHead",
    b"OggS\0\x02" + bytes(20) + b"\x01\x10\x01vorbis",
    b"\0\0\0\x10ftypM4A \0\0\0\0",
    b"\0\0\0\x10ftypM4A \0\0\0\0\0\0\0\0moov\0\0\0\0udta",
    b"\xff\xfb\x90\0",
    b"\xff\xf1\x50\x80",
]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    head=st.sampled_from(HEADS),
    body=st.binary(max_size=300),
    suffix=st.sampled_from([*FORMATS, "aiff"]),
)
def test_arbitrary_bytes_end_in_an_answer_or_a_sentence(tmp_path, head, body, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(head + body)
    try:
        found = read(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert found is None


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_files_of_our_own_do_too(tmp_path, data):
    name = data.draw(st.sampled_from(["wav", "flac", "mp3", "ogg", "opus"]))
    whole = OURS[name]
    damaged = bytearray(whole[: data.draw(st.integers(1, len(whole)))])
    for at in data.draw(st.lists(st.integers(0, min(len(damaged), 2000) - 1), max_size=4)):
        damaged[at] = data.draw(st.integers(0, 255))
    path = tmp_path / f"a.{name}"
    path.write_bytes(damaged)
    try:
        assert read(path) is None or read(path).voices
    except InputError as error:
        assert str(path) in str(error)


OURS = {
    name: encode(
        Speech(samples=np.zeros(2400, np.float32), sample_rate=RATE), name, provenance=RECORD
    )
    for name in ("wav", "flac", "mp3", "ogg", "opus")
}

PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=40)


@given(
    record=st.builds(
        Provenance,
        model=PRINTABLE,
        model_version=PRINTABLE,
        voices=st.lists(PRINTABLE, max_size=4).map(tuple),
        created=PRINTABLE,
        version=PRINTABLE,
        generator=PRINTABLE,
        consent=st.dictionaries(PRINTABLE, PRINTABLE, max_size=3),
    )
)
def test_the_json_form_loses_nothing(record):
    text = record.origin().record
    assert text.isascii()
    assert provenance._parsed(text) == record
    assert json.loads(text) == record.as_dict()


class Model:
    name, version = "voxhaus-voice-1", "2"

    def voices(self):
        def voice(name, consent=None):
            return VoiceInfo(
                id=name,
                name=name,
                sex="female",
                accent="us",
                language="en-US",
                styles=("neutral",),
                consent=consent,
            )

        return [voice("anna"), voice("mine", "letter 7"), voice("yours", "letter 8")]


def test_spoken_by_tells_model_voices_and_consent():
    made = spoken_by(Model(), ["anna", "anna:0.6+mine:0.4", "anna"])
    assert (made.model, made.model_version) == ("voxhaus-voice-1", "2")
    assert made.voices == ("anna", "anna:0.6+mine:0.4")
    assert made.consent == {"mine": "letter 7"}
    assert made.digital_source_type == TRAINED
    assert made.created.endswith("Z")
