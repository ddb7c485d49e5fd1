"""Launches: clips and scenes that are named after cues fire them, and wear the cue's name and colour."""

from __future__ import annotations

from Cuevox.names import COLOURS, cue_of, fires, with_title


class Launches:
    """Looks at every clip slot and scene of the set. Live calls nothing of it from another thread."""

    def __init__(self, song, send):
        self._song, self._send = song, send
        self._playing = {}
        self._was_triggered = {}
        self._worn = {}

    def look(self):
        """Send what has been launched or has ended since the last look."""
        playing = {}
        for track in self._song.tracks:
            index = track.playing_slot_index
            if index >= 0 and track.clip_slots[index].has_clip:
                playing[track._live_ptr] = (index, track.clip_slots[index].clip.name)
        for key, (index, name) in self._playing.items():
            if playing.get(key, (None,))[0] != index and fires(name)[1]:
                self._send(fires(name)[1])
        for key, (index, name) in playing.items():
            if self._playing.get(key, (None,))[0] != index and fires(name)[0]:
                self._send(fires(name)[0])
        self._playing = playing
        self._look_at_scenes()

    def _look_at_scenes(self):
        """A scene has been launched when it is triggered no more: Live had waited for the quantised moment."""
        triggered = {scene._live_ptr: scene for scene in self._song.scenes if scene.is_triggered}
        for key, name in self._was_triggered.items():
            if key not in triggered and fires(name)[0]:
                self._send(fires(name)[0])
        self._was_triggered = {key: scene.name for key, scene in triggered.items()}

    def cues(self):
        """Return the cues that the set names, each once."""
        return sorted({cue_of(thing.name) for thing in self._things()} - {None})

    def dress(self, cue, what, value):
        """Give every clip and scene of a cue its name (what: name) or its colour (what: color)."""
        for thing in self._things():
            if cue_of(thing.name) != cue or self._worn.get((thing._live_ptr, what)) == value:
                continue  # Live takes the nearest colour of its palette: to give it again would be a change for nothing
            self._worn[thing._live_ptr, what] = value
            if what == "name" and thing.name != with_title(thing.name, value):
                thing.name = with_title(thing.name, value)
            elif what == "color" and value in COLOURS:
                thing.color = COLOURS[value]

    def launch(self, cue):
        """Launch the scenes of a cue; return whether there were any."""
        scenes = [scene for scene in self._song.scenes if cue_of(scene.name) == cue]
        for scene in scenes:
            scene.fire()
        return bool(scenes)

    def _things(self):
        for track in self._song.tracks:
            for slot in track.clip_slots:
                if slot.has_clip:
                    yield slot.clip
        yield from self._song.scenes
