"""Strategies for valid stories, changes to them and files that tell them.

Each draws one seed and makes the rest with it: a story has hundreds of values, and drawing each would take most of
the tests' time.
"""

from __future__ import annotations

from random import Random
from typing import Any

import yaml
from hypothesis import settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.story.checks import check_story
from engine.story.document import read_story
from engine.story.dump import dump
from engine.story.model import (
    RESERVED_IDS,
    After,
    At,
    Beat,
    Bus,
    Clip,
    Cue,
    Delivery,
    Effect,
    Line,
    Marker,
    Master,
    PlayClip,
    PlaySection,
    Position,
    Pronunciation,
    Send,
    Slot,
    SpeakLine,
    Story,
    Strip,
    Target,
    TempoPoint,
    Track,
    entries_in,
)
from engine.story.tree import Planter

RATES = (48000, 44100, 8000, 22050, 96000, 192000)
HARD_TEXTS = (
    "Hello, world.", "yes", "no", "null", "~", "1.5", "0x10", "1e3", "- a", "a: b", "a #b", "#", "'", '"', "\\", "{}",
    "[x", "&a", "*a", "!t", "|", ">", "%", "@", "`", "?", "a\nb", "a\n\n b\n", " a ", "\t", "\u2028", "\x85", "\ufeff",
    "\x00", "\x7f", "\ud7ff", "\ue000", "\ufffe", "é", "日本", "😀", "<<", "---", "...", "after", "2|1", "0:30", "",
)  # fmt: skip
HARD_IDS = ("1", "12a", "0", "007", "no", "null", "y", "on", "true", "1e3", "_", "a-", "after", "bypass", "say")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CHARACTERS = "abzÄß :#-'\"\\,[]{}&*!|>%@\n\t0é日😀\x00\x7f\u2029"


def few(examples: int) -> settings:
    """Return settings for the same examples on every run."""
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None)


def seeds() -> st.SearchStrategy[int]:
    """What a story is made from."""
    return st.integers(0, 2**48)


def stories() -> st.SearchStrategy[Story]:
    """A valid story, small but of every kind of thing there is."""
    return seeds().map(lambda seed: Maker(seed).story())


@st.composite
def edited_stories(draw: Any) -> tuple[Story, Story]:
    """A valid story, and another that is a few steps away: things set, gone, new or in another order."""
    maker = Maker(draw(seeds()))
    story = maker.story()
    return story, maker.changed(story)


def text_of(story: Story) -> str:
    """Return the file that Cuevox itself would write."""
    return dump(Planter().story(story))


def foreign_text(story: Story, seed: int) -> str:
    """Return a file that says the same in PyYAML's layouts: flow or block, folded, with Windows' line ends."""
    choose = Random(seed).choice
    content = yaml.load(text_of(story), _LOADER)
    text: str = yaml.dump(
        content,
        Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper),
        default_flow_style=choose((None, True, False)),
        sort_keys=False,
        width=choose((20, 80, 10000)),
        indent=choose((2, 4)),
        allow_unicode=choose((True, False)),
        explicit_start=choose((True, False)),
        line_break=choose(("\n", "\r\n")),
    )
    if yaml.load(text, _LOADER) != content:  # PyYAML's own writer loses a lone NEL
        return text_of(story)
    return choose(("", "\ufeff", "# mine\n\n")) + text


def read(text: str) -> Story:
    """Return the story that a text tells."""
    return read_story(text, "story.yaml")


DICTIONARY = (
    Pronunciation(word="Zoë", phonemes='z"o:I#'),
    Pronunciation(word="9", say="nine: yes"),
    Pronunciation(word="null", phonemes="~", say="no"),
)


class Maker:
    """Makes stories, everything valid; where a value may be left away it often is."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.rate, self.tempo = 48000, (TempoPoint(),)
        self.pronounce = self.dice.choice(((), DICTIONARY))

    def some(self, value: Any, nothing: Any) -> Any:
        """Return the value as often as nothing."""
        return value if self.dice.random() < 0.5 else nothing

    def text(self) -> str:
        """Return any text that UTF-8 can hold, mostly such that YAML has a meaning for."""
        made = "".join(self.dice.choices(CHARACTERS, k=self.dice.randint(0, 12)))
        return self.some(self.dice.choice(HARD_TEXTS), made)

    def say(self) -> str:
        """Return a text that gives a voice something to say."""
        return self.text() + self.dice.choice(("a", "Zoë", "9", "!", ":", "#"))

    def ids(self, fewest: int, most: int) -> list[str]:
        """Return ids, each another."""
        found: dict[str, None] = {}
        wanted = self.dice.randint(fewest, most)
        while len(found) < wanted:
            plain = self.dice.choice("abz059_") + "".join(self.dice.choices("abz059_-", k=self.dice.randint(0, 4)))
            word = self.dice.choice(HARD_IDS) if self.dice.random() < 0.3 else plain
            found.update({word: None} if word not in RESERVED_IDS else {})
        return list(found)

    def real(self, low: float, high: float) -> float:
        """Return a number within the range, often a round one or an end of it."""
        exact = self.dice.uniform(low, high)
        return min(high, max(low, float(self.dice.choice((exact, round(exact, 1), round(exact), low, high, 0.0)))))

    def frames(self, most: int) -> int:
        """Return frames, often a round time."""
        second = min(most, self.dice.randint(0, 5) * self.rate)
        return self.dice.choice((self.dice.randint(0, most), self.dice.randint(0, min(most, self.rate)), second, most))

    def tempos(self) -> tuple[TempoPoint, ...]:
        """Return a tempo map."""
        bars = [1, *sorted(self.dice.sample(range(2, 40), self.dice.randint(0, 3)))]
        beats = (4, 4, 3, 7, 1, 64)
        return tuple(
            TempoPoint(bar=bar, tempo_bpm=self.real(10.0, 400.0), beats_per_bar=self.dice.choice(beats)) for bar in bars
        )

    def position(self, before: tuple[str | None, ...] = ()) -> Position:
        """Return a place; before: the clips that it may come after, None for the one above."""
        kind = self.dice.choice(("at", "at", "beat", "after", "after"))
        if kind == "beat":
            bar = self.dice.randint(1, 50)
            beats = next(p.beats_per_bar for p in reversed(self.tempo) if p.bar <= bar)
            beat = self.some(float(self.dice.randint(1, beats)), 1.0 + beats * self.dice.random())
            return Beat(bar=bar, beat=min(beat, beats + 0.999))
        if kind == "after" and before:
            gap = self.dice.choice((0, self.frames(90 * self.rate), -self.frames(2 * self.rate)))
            return After(clip=self.dice.choice(before), gap_frames=gap)
        return At(frame=self.frames(self.dice.choice((self.rate, 7300 * self.rate))))

    def strip(self, buses: list[str]) -> Strip:
        """Return a channel that sends to some of the buses."""
        to = self.dice.sample(buses, self.dice.randint(0, min(2, len(buses))))
        return Strip(
            gain_db=self.some(self.real(-100.0, 12.0), 0.0),
            pan=self.some(self.real(-1.0, 1.0), 0.0),
            mute=self.some(True, False),
            solo=self.some(True, False),
            inserts=self.some(tuple(self.insert() for _ in range(self.dice.randint(0, 3))), ()),
            sends=tuple(Send(to=bus, gain_db=self.real(-100.0, 12.0)) for bus in to),
        )

    def insert(self) -> Effect:
        """Return an effect; its name and its parameters are any words."""
        names = self.dice.sample(("mix", "cutoff_hz", "y", "1"), self.dice.randint(0, 2))
        params = {name: self.dice.choice((self.real(0, 1), self.real(-1e12, 1e12), 1e-9)) for name in names}
        effect = self.dice.choice(
            ("reverb", "delay", "invert", "eq-3", "no", "2", "plugin:De-Esser 2", "plugin:x/Y.vst3")
        )
        state = self.some("aGVsbG8=", "") if effect.startswith("plugin:") else ""
        return Effect(effect=effect, params=params, bypass=self.some(True, False), state=state)

    def line(self, voice: str) -> Line:
        """Return a line, with what the dictionary says of it."""
        text = self.say()
        delivery = Delivery(
            speed=self.some(self.real(0.25, 4.0), 1.0),
            pitch_semitones=self.some(self.real(-24.0, 24.0), 0.0),
            seed=self.some(self.dice.randint(0, 2**31 - 1), 0),
            temperature=self.some(self.real(0.0, 2.0), None),
            instruct=self.some(self.text(), ""),
        )
        told = self.some(delivery, Delivery())
        return Line(text=text, voice=voice, delivery=told, pronounce=entries_in(self.pronounce, text))

    def clip(self, clip_id: str, start: Position, voice: str | None) -> Clip:
        """Return a clip of either kind."""
        line = self.line(self.dice.choice((voice or "ghost", "ghost", "12")))
        audio = self.dice.choice(("a.wav", "sounds/sea 1.wav", "é/😀: #.wav", "it's", "-", "no", "x/.hid"))
        length = self.some(self.dice.randint(1, 20 * self.rate), None)
        fade_in = self.some(self.frames(min(60 * self.rate, length or 60 * self.rate)), 0)
        fade_out = self.some(self.frames(min(60 * self.rate, (length or 120 * self.rate) - fade_in)), 0)
        spoken = self.some(True, False)
        return Clip(
            id=clip_id,
            start=start,
            name=self.some(self.text(), ""),
            line=line if spoken else None,
            audio=None if spoken else audio,
            trim_start_frames=self.some(self.frames(10 * self.rate), 0),
            length_frames=length,
            gain_db=self.some(self.real(-100.0, 24.0), 0.0),
            pan=self.some(self.real(-1.0, 1.0), 0.0),
            fade_in_frames=fade_in,
            fade_out_frames=fade_out,
        )

    def tracks(self, track_ids: list[str], buses: list[str]) -> tuple[Track, ...]:
        """Return tracks whose clips come after one another in any direction across them, never in a ring."""
        voices = {t: self.dice.choice((None, "narrator", "old-radio", "1")) for t in track_ids}
        on: dict[str, list[Clip]] = {t: [] for t in track_ids}
        made: list[str] = []
        names = self.ids(0, 7) if track_ids else []
        for own in names:
            track = self.dice.choice(track_ids)
            auto = f"{track}-{len(on[track]) + 1}"
            clip_id = auto if auto not in {*made, *names} and self.some(True, False) else own
            on[track].append(self.clip(clip_id, self.position((None, *made)), voices[track]))
            made.append(clip_id)
        return tuple(
            Track(id=t, name=self.some(self.text(), ""), voice=voices[t], strip=self.strip(buses), clips=tuple(on[t]))
            for t in track_ids
        )

    def target(self, story: Story) -> Target:
        """Return something that a cue or a slot fires."""
        line = self.line(self.dice.choice(("ghost", "narrator")))
        choices: list[Target] = [PlayClip(clip=clip) for clip in story.clips()]
        choices += [SpeakLine(line=line, track=track.id) for track in story.tracks]
        ends = [None, *(m.id for m in story.markers)]
        choices += [PlaySection(from_marker=m.id, to_marker=self.dice.choice(ends)) for m in story.markers]
        return self.dice.choice(choices)

    def story(self) -> Story:
        """Return a story."""
        self.rate, self.tempo = self.dice.choice(RATES), self.some(self.tempos(), (TempoPoint(),))
        strips = self.ids(0, 5)
        split = self.dice.randint(0, len(strips))
        track_ids, buses = strips[:split], strips[split:]
        tracks = self.tracks(track_ids, buses)
        clips = tuple(c.id for t in tracks for c in t.clips)
        markers = tuple(Marker(id=m, at=self.position(clips), name=self.some(self.text(), "")) for m in self.ids(0, 3))
        story = Story(
            title=self.text(),
            sample_rate=self.rate,
            tempo=self.tempo,
            tracks=tracks,
            buses=tuple(
                Bus(id=b, name=self.some(self.text(), ""), strip=self.strip(buses[i + 1 :]))
                for i, b in enumerate(buses)
            ),
            master=self.master(),
            markers=markers,
            pronounce=self.pronounce,
            export=tuple(self.dice.sample(("stems", "mix", "reaper", "live"), self.dice.choice((0, 0, 1, 3)))),
        )
        return replace(story, cues=self.cues(story), slots=self.slots(story)) if track_ids or markers else story

    def master(self) -> Master:
        """Return a master strip."""
        return Master(
            strip=self.strip([]),
            limiter_db=self.dice.choice((-1.0, None, self.real(-24.0, 0.0))),
            limiter_on_db=self.dice.choice((-1.0, self.real(-24.0, 0.0))),
        )

    def cues(self, story: Story) -> tuple[Cue, ...]:
        """Return cues on what the story has."""
        return tuple(
            Cue(id=c, target=self.target(story), name=self.text(), gain_db=self.real(-100.0, 24.0))
            for c in self.ids(0, 3)
        )

    def slots(self, story: Story) -> tuple[Slot, ...]:
        """Return pads on what the story has."""
        return tuple(
            Slot(
                bank=bank,
                index=self.dice.choice((1, 2, 999)),
                target=self.target(story),
                name=self.some(self.text(), ""),
                mode=self.dice.choice(("oneshot", "gate", "toggle", "retrigger", "layer")),
                choke=self.some(self.ids(1, 1)[0], None),
                gain_db=self.some(self.real(-100.0, 24.0), 0.0),
            )
            for bank in self.ids(0, 3)
        )

    def changed(self, story: Story) -> Story:
        """Return the story a few steps on."""
        parts = ("tracks", "buses", "cues", "slots", "markers", "clips", "clips", "master", "title", "time", "export")
        for _ in range(self.dice.randint(1, 4)):
            further = self._step(story, self.dice.choice(parts))
            story = story if check_story(further) else further
        return story

    def _step(self, story: Story, part: str) -> Story:
        match part:
            case "title":
                return replace(story, title=self.text())
            case "time":
                return replace(story, tempo=self.tempos(), sample_rate=self.dice.choice((story.sample_rate, *RATES)))
            case "export":
                return replace(story, export=self.dice.choice(((), ("mix",), ("stems", "mix"))))
            case "master":
                return replace(story, master=self.master())
            case "clips" if story.tracks:
                at = self.dice.randrange(len(story.tracks))
                track = story.tracks[at]
                track = replace(track, clips=self._rows(story, track.clips))
                return replace(story, tracks=(*story.tracks[:at], track, *story.tracks[at + 1 :]))
            case "clips":
                return story
        return replace(story, **{part: self._rows(story, getattr(story, part))})

    def _rows(self, story: Story, rows: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the rows with one changed, gone, copied under a new id, or all in another order."""
        if not rows:
            return rows
        at = self.dice.randrange(len(rows))
        match self.dice.choice(("change", "change", "change", "remove", "copy", "shuffle")):
            case "change":
                return (*rows[:at], self._remade(story, rows[at]), *rows[at + 1 :])
            case "remove":
                return (*rows[:at], *rows[at + 1 :])
            case "copy":
                key = "bank" if isinstance(rows[at], Slot) else "id"
                spare = {"clips": ()} if isinstance(rows[at], Track) else {}
                return (*rows, replace(rows[at], **{key: self.ids(1, 1)[0]}, **spare))
            case _:
                return tuple(self.dice.sample(rows, len(rows)))

    def _remade(self, story: Story, row: Any) -> Any:
        buses = [b.id for b in story.buses]
        match row:
            case Track():
                return replace(row, name=self.text(), strip=self.strip(buses), voice=self.some(row.voice, "narrator"))
            case Bus():
                return replace(row, name=self.text(), strip=self.strip(buses[buses.index(row.id) + 1 :]))
            case Clip():
                other = self.clip(row.id, self.position((None,)), "narrator")
                names = self.dice.sample(Clip.__struct_fields__, self.dice.randint(1, 4))
                return replace(row, **{name: getattr(other, name) for name in names})
            case Marker():
                return replace(row, at=self.position(tuple(story.clips())))
            case _:
                return replace(row, target=self.target(story), name=self.text(), gain_db=self.real(-100.0, 24.0))
