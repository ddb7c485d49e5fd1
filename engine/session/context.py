"""What the parts of the session share: the story, the graph, the library, the players, the way to the mixer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

from msgspec.structs import replace

from engine.errors import Busy, NotReady
from engine.events import Event, PlayedCold
from engine.mixer.graph import Graph, compile_graph
from engine.mixer.regraph import leaving, swept
from engine.realtime.notes import Notes
from engine.realtime.records import NOW
from engine.session.index import Index, clip_source
from engine.session.inputs import Input, Swept, Taken
from engine.session.library import AudioFile, Library, Loaded, Source, Stretched, describe
from engine.session.manner import in_manner
from engine.session.orders import Records, set_limiter, together
from engine.session.players import JobOwner, Owner, Players, Sound, Starts, owner_name
from engine.session.stage import Stage
from engine.story.model import Clip, Cue, Line, Manner, PlayClip, SpeakLine, Story
from engine.story.slot_takes import in_take, targets
from engine.units import seconds_to_frames

DECLICK_SECONDS = 0.005
"""The fade of what must stop at once."""


class _Instant:
    """``Context.instant``: the same one each time, since each trigger passes through it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._context.enter()

    def __exit__(self, *_: object) -> None:
        self._context.leave()


class Context:
    """The state that every part of the session reads; ``adopt`` replaces the story.

    on_graph: called when the mixer is to take over another graph; ``graphs_taken`` answers it.
    """

    def __init__(
        self, story: Story, stage: Stage, library: Library, soon: Callable[[], int], notes: Notes | None = None
    ) -> None:
        self.stage = stage
        self._soon = soon
        self._instant: int | None = None
        self._inside = False
        self._one = _Instant(self)
        self.library = library
        self.players = Players(notes)
        self.notes: list[Event] = []
        """What has to be told beside what was asked for."""
        self.client = ""
        """Who wants what is being done."""
        self._held: list[Records] | None = None
        self.story = story
        self.graph: Graph = compile_graph(story)
        self._index = Index(story)
        self.on_graph: Callable[[], None] = lambda: None
        self.on_taken: list[Callable[[], None]] = []
        """Called once the mixer plays the newest graph."""
        self.on_play: Callable[[int, Sound, float], object] = lambda *_: None
        """Hears of every live player: its id, what it plays, how much louder."""
        self._turned: deque[list[Records]] = deque()
        self._starts = Starts()
        self.scribes: list[Callable[[Input], object]] = []
        """Hear every input that has changed something, after it has."""

    def adopt(self, story: Story, graph: Graph, *, built: bool = False) -> None:
        """Play ``story`` from now on; ``graph`` goes on where the one before stands (``regraph``).

        built: the mixer plays it already.
        """
        if story.master.limiter_db != self.story.master.limiter_db and not built:
            self.turn(set_limiter(story.master.limiter_db))  # it may have been switched since the graph was built
        self.story = story
        changed = graph != self.graph
        self.graph = graph
        if changed and not built:
            self._turned.append([])
            self.on_graph()

    @property
    def index(self) -> Index:
        """What the story holds, by name."""
        self._index = self._index.follow(self.story)
        return self._index

    def sweep(self, places: Collection[int] | None = None) -> None:
        """Let go of strips that have rung out: at ``places``, or all that are leaving."""
        gone = tuple(place for place in leaving(self.graph) if places is None or place in places)
        if gone:
            self.adopt(self.story, swept(self.graph, gone))
            self.wrote(Swept(places=gone))

    def soon(self) -> int:
        """Return the first engine frame that an order which is given now is sure to meet; one input is one instant."""
        if not self._inside:
            return self._soon()
        if self._instant is None:
            self._instant = self._soon()
        return self._instant

    def instant(self) -> AbstractContextManager[None]:
        """Take in one input: however often ``soon`` is asked, it is the same, and is written down with the input."""
        return self._one

    def enter(self) -> None:
        """Begin to take in an input."""
        self._inside = True

    def leave(self) -> None:
        """End it."""
        self._inside, self._instant = False, None

    def wrote(self, what: Input) -> None:
        """Tell the scribes."""
        if self._instant is not None:
            what = replace(what, soon=self._instant)
        for scribe in self.scribes:
            scribe(what)

    def turn(self, orders: Records) -> None:
        """Send orders that set levels; a graph that is still being built will hear of them too."""
        if not len(orders):
            return
        self.push(orders)
        if self._turned:
            self._turned[-1].append(orders[orders["frame"] == NOW])

    @property
    def graphs_waiting(self) -> int:
        """How many graphs were made since the one that the mixer plays."""
        return len(self._turned)

    def graphs_taken(self, count: int) -> None:
        """Hear that the mixer plays the last of ``count`` graphs that waited: what was turned since then is told it."""
        turned: list[Records] = []
        for _ in range(min(count, len(self._turned))):
            turned = self._turned.popleft()
        if turned:
            self.push(together(*turned))
        if not self._turned:
            for hear in self.on_taken:
                hear()
        self.wrote(Taken(count=count))

    def frames(self, seconds: float) -> int:
        """Return ``seconds`` in frames of this story."""
        return seconds_to_frames(seconds, self.story.sample_rate)

    def strip(self, strip: str) -> int:
        """Return the graph index of ``strip``; UnknownThing names those that exist."""
        return self.graph.index(strip)

    def push(self, orders: Records) -> None:
        """Send orders to the mixer; Busy when its ring is full (nothing was sent, or only the first of them)."""
        if self._held is not None:
            self._held.append(orders)
        elif self.stage.push(orders) < len(orders):
            raise Busy("the audio process has not taken its last commands yet; try again")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Hold orders back and send them in one piece at the end: they are heard in one block."""
        if self._held is not None:  # already inside one
            yield
            return
        held = self._held = []
        try:
            yield
        finally:
            self._held = None
            if held:
                self.push(together(*held))

    def play(
        self,
        owner: Owner,
        sound: Sound,
        at_frame: int | None,
        gain_db: float,
        first: Records | None = None,
        note: float | None = None,
    ) -> int:
        """Start ``sound`` for ``owner``, after the orders ``first`` of the same frame; return the player's id.

        Busy: it does not sound. note: the semitones by which it was asked for.
        """
        if sound.loaded.making and not isinstance(owner, JobOwner):
            text = f"{describe(sound.source)} is played while it is made"
            self.notes.append(PlayedCold(what=owner_name(owner), did="wait", text=text))
        player = self.players.new()
        start = self._starts.order(player, sound, at_frame, gain_db)
        self.push(start if first is None else together(first, start))
        to_come = at_frame is not None and at_frame > self.soon()
        self.players.add(player, owner, sound.source, note, at_frame, to_come=to_come)
        self.on_play(player, sound, gain_db)
        return player

    def stop(self, players: Iterable[int], fade_seconds: float, at_frame: int | None) -> None:
        """Fade these players out."""
        orders = self.players.stop(players, self.frames(fade_seconds), at_frame)
        if orders is not None:
            self.push(orders)

    def target_source(self, target: PlayClip | SpeakLine) -> Source:
        """Return what ``target`` is made of."""
        if isinstance(target, SpeakLine):
            return at_speed(target.line, target.manner.speed)
        clip = in_take(self.index.clips[target.clip][1], target.take)
        return at_speed(clip_source(clip), target.manner.speed)

    def is_loaded(self, target: PlayClip | SpeakLine) -> bool:
        """Return whether ``target`` can sound at once."""
        return self.library.shelf(self.target_source(target)).loaded is not None

    def sound(self, target: PlayClip | SpeakLine, manner: Manner | None = None, source: Source | None = None) -> Sound:
        """Return what ``target`` plays, in its manner or another; NotReady when its take is not there yet.

        source: of a take that is played in place of its own. Raises UnknownThing for a word that is not in it.
        """
        manner = manner or target.manner
        source = source or self.target_source(target)
        if isinstance(target, SpeakLine):
            sound = Sound(source=source, loaded=self._loaded(source, manner), strip=self.strip(target.track))
        else:
            track, clip = self.index.clips[target.clip]
            loaded = self._loaded(source, manner)
            clip = in_take(clip, target.take)
            sound = self.clip_sound(clip, self.strip(track), target.manner.speed, loaded, source)
        sound = in_manner(sound, manner, self.story.sample_rate)
        if sound.loaded.paged and (sound.rate != 1.0 or sound.loop_frames):
            raise NotReady(
                f"{describe(source)} is played from the disk, and so neither at another pitch, nor backwards, nor in a "
                "loop: give its slot or cue that manner in the story, or raise stream_seconds"
            )
        return sound

    def cue_sound(self, cue: Cue, target: PlayClip | SpeakLine, manner: Manner | None = None) -> Sound:
        """Return what a cue plays of its ``target``: on its own bus and panned by itself, where it is so."""
        sound = self.sound(target, manner)
        if cue.bus is None and not cue.pan:
            return sound
        strip = sound.strip if cue.bus is None else self.strip(cue.bus)
        return replace(sound, strip=strip, pan=min(1.0, max(-1.0, sound.pan + cue.pan)))

    def is_plain(self, source: Source) -> bool:
        """Return whether no cue and no slot plays ``source`` otherwise than as it is, from wherever."""
        cues = (cue.target for each in self.story.cue_lists().values() for cue in each)
        targets = [*cues, *(slot.target for slot in self.story.slots)]
        return all(
            target.manner == Manner(speed=target.manner.speed, from_frame=target.manner.from_frame)
            for target in targets
            if isinstance(target, PlayClip) and self.target_source(target) == source
        )

    def _loaded(self, source: Source, manner: Manner) -> Loaded:
        """Return where ``source`` lies, or will while it is made; played in a manner it has to be whole."""
        loaded = self.library.begin(source)
        return self.library.use(source) if loaded.making and manner != Manner() else loaded

    def clip_sound(
        self,
        clip: Clip,
        strip: int,
        speed: float = 1.0,
        loaded: Loaded | None = None,
        source: Source | None = None,
    ) -> Sound:
        """Return what ``clip`` plays on ``strip``, stretched to ``speed``. loaded: where it will lie.

        source: of a take that is played in place of its own.
        """
        source = source or at_speed(clip_source(clip), speed)
        length = clip.length_frames
        return Sound(
            source=source,
            loaded=loaded or self.library.use(source),
            strip=strip,
            trim_start_frames=round(clip.trim_start_frames / speed),
            length_frames=None if length is None else max(1, round(length / speed)),
            gain_db=clip.gain_db,
            pan=clip.pan,
            fade_in_frames=clip.fade_in_frames,
            fade_out_frames=clip.fade_out_frames,
            fade_in_shape=clip.fade_in_shape,
            fade_out_shape=clip.fade_out_shape,
        )


def at_speed(source: Line | AudioFile, speed: float) -> Source:
    """Return ``source``, stretched where it has to be."""
    return source if speed == 1.0 else Stretched(source=source, speed=speed)


def story_sources(story: Story) -> tuple[Source, ...]:
    """Return every source that ``story`` can play, in the order in which it is likely needed, each once."""
    placed = {c.id: c for t in story.tracks for c in t.clips}
    cues = [cue.target for each in story.cue_lists().values() for cue in each]
    played = [
        at_speed(t.line if isinstance(t, SpeakLine) else clip_source(in_take(placed[t.clip], t.take)), t.manner.speed)
        for t in [*cues, *(target for slot in story.slots for target in targets(slot))]
        if isinstance(t, (PlayClip, SpeakLine))
    ]
    return tuple(dict.fromkeys([*map(clip_source, placed.values()), *played]))
