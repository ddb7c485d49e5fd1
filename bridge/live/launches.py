"""Launches: clips and scenes that are named after cues fire them, and wear the cue's name and colour."""

from __future__ import annotations

from Cuevox.names import COLOURS, cue_of, fires, with_title

SLOTS_A_TURN = 500
"""So many clip slots are read in a turn: a set of thousands must not hold Live up ten times a second."""
SCENES = -1
"""Stands for a track's number where a scene is meant."""


class Launches:
    """Looks at tracks and scenes of the set in each turn, at its clips' names little by little."""

    def __init__(self, song, send):
        self._song, self._send = song, send
        self._playing, self._blinking = {}, {}
        self._was_triggered = {}
        self._worn = {}
        self._places, self._found = {}, {}
        self._next_track, self._next_slot = 0, 0

    def look(self):
        """Send what has been launched or has ended since the last look."""
        playing, blinking = self._running() if self._song.is_playing else ({}, {})
        again = {
            key
            for key, (index, _) in playing.items()
            if self._playing.get(key, (None,))[0] == index == self._blinking.get(key) and blinking[key] == -1
        }
        for key, (index, name) in self._playing.items():
            if (playing.get(key, (None,))[0] != index or key in again) and fires(name)[1]:
                self._send(fires(name)[1])
        for key, (index, name) in playing.items():
            if (self._playing.get(key, (None,))[0] != index or key in again) and fires(name)[0]:
                self._send(fires(name)[0])
        self._playing, self._blinking = playing, blinking
        self._look_at_scenes()
        self._read_names()

    def _running(self):
        """Return the slot that each track plays, with its clip's name, and the one that blinks: -1 is none."""
        playing, blinking = {}, {}
        for track in self._song.tracks:
            index = track.playing_slot_index
            if index >= 0 and track.clip_slots[index].has_clip:
                playing[track._live_ptr] = (index, track.clip_slots[index].clip.name)
                blinking[track._live_ptr] = track.fired_slot_index
        return playing, blinking

    def _look_at_scenes(self):
        """A scene has been launched when it is triggered no more: Live had waited for the quantised moment.

        Where Live does not play then, it has been stopped before that.
        """
        triggered = {scene._live_ptr: scene for scene in self._song.scenes if scene.is_triggered}
        for key, name in self._was_triggered.items():
            if key not in triggered and self._song.is_playing and fires(name)[0]:
                self._send(fires(name)[0])
        self._was_triggered = {key: scene.name for key, scene in triggered.items()}

    def _read_names(self):
        """Read the names of the next clips; with the last one, of the scenes too, what was found counts."""
        tracks, left = self._song.tracks, SLOTS_A_TURN
        while left > 0 and self._next_track < len(tracks):
            slots = tracks[self._next_track].clip_slots
            for number in range(self._next_slot, min(self._next_slot + left, len(slots))):
                if slots[number].has_clip:
                    self._find(slots[number].clip.name, self._next_track, number)
            left -= len(slots) - self._next_slot
            self._next_slot = 0 if left >= 0 else len(slots) + left
            self._next_track += left >= 0
        if self._next_track >= len(tracks):
            for number, scene in enumerate(self._song.scenes):
                self._find(scene.name, SCENES, number)
            self._places, self._found = self._found, {}
            self._next_track, self._next_slot = 0, 0

    def _find(self, name, track, number):
        cue = cue_of(name)
        if cue:
            self._found.setdefault(cue, []).append((track, number))

    def cues(self):
        """Return the cues that the set names, each once."""
        return sorted(self._places)

    def dress(self, cue, what, value):
        """Give every clip and scene of a cue its name (what: name) or its colour (what: color)."""
        for thing in self._things(cue):
            if self._worn.get((thing._live_ptr, what)) == value:
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

    def _things(self, cue):
        """Return the clips and scenes of a cue that still are where they were found: objects of Live do not last."""
        tracks, scenes = self._song.tracks, self._song.scenes
        for track, number in self._places.get(cue, ()):
            if track == SCENES:
                thing = scenes[number] if number < len(scenes) else None
            else:
                slots = tracks[track].clip_slots if track < len(tracks) else ()
                thing = slots[number].clip if number < len(slots) and slots[number].has_clip else None
            if thing is not None and cue_of(thing.name) == cue:
                yield thing
