"""A wrong story tells everything that is wrong at once: file, line, path, and what is allowed."""

import pytest
from stories import read

from engine.errors import StoryError
from engine.params import ParamSpec
from engine.story.document import read_story

HEAD = "kind: story\nversion: 1\ntitle: T\n"
EFFECTS = {"reverb": {"mix": ParamSpec(low=0.0, high=1.0, default=0.3)}}


def told(text, **known):
    with pytest.raises(StoryError) as caught:
        read_story(text, "story.yaml", **known)
    return str(caught.value).splitlines()


def test_everything_at_once_in_the_order_of_the_file():
    text = HEAD + (
        "tracks:\n- id: a\n  voice: v\n  colour: red\n  clips:\n  - {say: hi, gain_db: loud}\n"
        "  - {say: hi, start: soon}\n  - {say: hi, pan: 2}\nbuses: 3\n"
    )
    lines = told(text)
    assert [line.split(":")[1] for line in lines] == ["7", "9", "10", "11", "12"]
    assert lines[0].startswith("story.yaml:7: tracks[0].colour: unknown key; allowed are id, name, voice, gain_db")
    assert lines[1] == 'story.yaml:9: tracks[0].clips[0].gain_db: expected a number, got "loud"'
    assert lines[2].startswith("story.yaml:10: tracks[0].clips[1].start: expected seconds (1.5)")
    assert lines[3] == "story.yaml:11: tracks[0].clips[2].pan: 2 is outside -1 to 1"
    assert lines[4] == 'story.yaml:12: buses: expected a list, got "3"'


WRONG = {
    "unknown voice": ("tracks: [{id: a, voice: bob}]", "tracks[0].voice: there is no voice 'bob'; there is: v"),
    "no voice": ("tracks: [{id: a, clips: [{say: x}]}]", "tracks[0].clips[0]: the line has no voice"),
    "negative trim": (
        "tracks: [{id: a, clips: [{audio: x, trim: [-1, 2]}]}]",
        "tracks[0].clips[0].trim: starts 1 s before the source",
    ),
    "trim backwards": ("tracks: [{id: a, clips: [{audio: x, trim: [2, 1]}]}]", "trim: ends before it starts"),
    "fades too long": (
        "tracks: [{id: a, clips: [{audio: x, trim: [0, 1], fade_out: 2}]}]",
        "fade_out: the fades take 2 s, the clip lasts 1 s",
    ),
    "send ring": (
        "buses: [{id: a, sends: {b: 0}}, {id: b, sends: {a: 0}}]",
        "buses[0].sends.b: sends go round in a ring: a -> b -> a",
    ),
    "send to itself": ("buses: [{id: a, sends: {a: 0}}]", "buses[0].sends.a: a bus can't send to itself"),
    "unknown bus": ("tracks: [{id: a, sends: {hall: 0}}]", "tracks[0].sends.hall: there is no bus 'hall'"),
    "clip ring": (
        "tracks: [{id: a, clips: [{id: x, audio: x, start: after y}, {id: y, audio: x}]}]",
        "tracks[0].clips[0].start: clips wait for one another: x after y after x",
    ),
    "duplicate clip": (
        "tracks: [{id: a, clips: [{id: x, audio: x}, {id: x, audio: x}]}]",
        "tracks[0].clips[1].id: there is another clip 'x' above",
    ),
    "track and bus of one id": ("tracks: [{id: a}]\nbuses: [{id: a}]", "buses[0].id: there is another strip 'a' above"),
    "bad id": ("tracks: [{id: A b}]", "tracks[0].id: 'A b' is no id"),
    "reserved id": ("tracks: [{id: master}]", "tracks[0].id: 'master' is a word of the addresses"),
    "slots on one pad": (
        "tracks: [{id: a}]\nslots: [{bank: p, index: 1, say: x, voice: v, track: a}, "
        "{bank: p, index: 1, say: y, voice: v, track: a}]",
        "slots[1].index: there is another slot 'p 1' above",
    ),
    "out of the folder": ("tracks: [{id: a, clips: [{audio: ../x.wav}]}]", "clips[0].audio: '../x.wav' leads out of"),
    "absolute": ("tracks: [{id: a, clips: [{audio: /x.wav}]}]", "clips[0].audio: '/x.wav' leads out of"),
    "windows drive": ("tracks: [{id: a, clips: [{audio: 'C:\\x'}]}]", "leads out of"),
    "say and audio": (
        "tracks: [{id: a, voice: v, clips: [{say: x, audio: y}]}]",
        "clips[0]: has say and audio; keep one",
    ),
    "neither": ("tracks: [{id: a, clips: [{start: 1}]}]", "clips[0]: needs say or audio"),
    "unknown effect": (
        "buses: [{id: a, inserts: [flange]}]",
        "inserts[0].flange: there is no effect 'flange'; there is: reverb",
    ),
    "unknown parameter": ("buses: [{id: a, inserts: [reverb: {wet: 1}]}]", "reverb has no 'wet'; it has: mix"),
    "parameter range": ("buses: [{id: a, inserts: [reverb: {mix: 7}]}]", "reverb.mix: 7 is outside 0 to 1"),
    "no such beat": ("markers: [{id: a, at: 1|5}]", "markers[0].at: bar 1 has no beat 5: it has 4"),
    "bars go up": ("tempo: [{bar: 1}, {bar: 1}]", "tempo[1].bar: bar 1 does not come after bar 1"),
    "marker after nothing": ("markers: [{id: a, at: after}]", "markers[0].at: after what?"),
    "cue of no clip": ("cues: [{id: 1, clip: x}]", "cues[0].clip: there is no clip 'x'"),
    "cue of no marker": ("cues: [{id: 1, section: x}]", "cues[0].section: there is no marker 'x'"),
    "cue of nothing": ("cues: [{id: 1}]", "cues[0]: needs one of clip, say (with track) or section"),
    "slot mode": ("slots: [{bank: a, index: 1, section: x, mode: loop}]", "expected one of oneshot, gate, toggle"),
    "number in quotes": ("tempo: '90'", "tempo: expected"),
    "key twice": ("tempo: 90\ntempo: 91", "story.yaml:5: tempo: stands here a second time"),
    "version": ("master: {volume: 1}", "master.volume: unknown key"),
    "not yaml": ("tracks: [", "story.yaml:"),
    "a tag": ("tracks: !!python/name:os.system x", "a story has no tags"),
    "second document": ("---\na: 1", "a second document begins here"),
    "loop of aliases": ("tracks: &a [*a]", "the anchor &a stands inside itself"),
}


@pytest.mark.parametrize(("text", "wanted"), WRONG.values(), ids=WRONG)
def test_each_fault_is_told(text, wanted):
    lines = told(HEAD + text + "\n", voices=["v"], effects=EFFECTS)
    assert any(wanted in line for line in lines), lines
    assert all(line.startswith("story.yaml:") for line in lines)


def test_endless_nesting_and_long_lists_of_faults_end():
    assert "levels deep" in told(HEAD + "tracks: " + "[" * 5000)[0]
    many = told(HEAD + "tracks:\n" + "- {id: A}\n" * 500)
    assert len(many) == 101
    assert many[-1].endswith("more problems")


def test_words_stay_words_and_numbers_stay_numbers():
    story = read(
        HEAD.replace("T", "no") + "tracks: [{id: 12, name: 0x10, voice: null, mute: on}]\nmaster: {limiter_db: off}\n"
    )
    assert (story.title, story.tracks[0].id, story.tracks[0].name) == ("no", "12", "0x10")
    assert (story.tracks[0].voice, story.tracks[0].strip.mute, story.master.limiter_db) == (None, True, None)
