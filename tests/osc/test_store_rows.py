"""Takes and profiles by address: asked of the store, answered later, whatever the wire."""

from __future__ import annotations

import pytest

from bridge.errors import Refused
from engine import commands as do
from engine import questions as ask
from engine.errors import UnknownThing
from engine.story.model import AS_IS, Line

LINE = Line(text="Hello.", voice="anna", delivery=type(AS_IS)(seed=7))


def test_takes_are_told_one_by_one_with_an_end(running, client):
    running.engine.answers[ask.ListTakes] = ((1, 7, "chosen", "2026-01-01 12:00:00", 1, "the good one"),)
    client.send("/takes", "hello")
    assert client.receive("/takes/end") == ("hello", 1)
    assert client.receive("/takes") == (1, 7, "chosen", "2026-01-01 12:00:00", 1, "the good one")
    assert running.engine.questions == [ask.ListTakes(line=LINE)]


def test_a_take_is_chosen_and_locked_by_its_seed(running, client):
    running.engine.answers[ask.FindTake] = ((9,),)
    running.engine.answers[ask.LockTake] = ((9,),)
    assert client.ask("/takes/choose", "hello", 2) == client.ask("/takes/lock", "hello", 2) == (9,)
    assert running.engine.commands == [do.SetClip(clip="hello", seed=9)] * 2
    client.ask("/takes/unlock", "hello")
    client.ask("/takes/note", "hello", 2, "slower")
    assert running.engine.questions[1:] == [
        ask.LockTake(line=LINE, number=2),
        ask.UnlockTake(line=LINE),
        ask.RemarkTake(line=LINE, number=2, note="slower"),
    ]


def test_a_take_is_made_as_a_job(running, client):
    assert client.ask("/takes/new", "hello", 5) == (1,)
    assert running.engine.commands == [do.MakeTake(clip="hello", seed=5, job="1")]


def test_a_recording_is_written_down_as_a_job(running, client):
    assert client.ask("/transcribe", "recordings/friday.wav", "de") == (1,)
    assert running.engine.commands == [do.Transcribe(file="recordings/friday.wav", language="de", job="1")]


def test_a_model_is_pulled_as_a_job(running, client):
    assert client.ask("/models/pull", "pocket-tts") == (1,)
    assert running.engine.commands == [do.PullModel(model="pocket-tts", job="1")]


def test_what_the_store_refuses_is_the_answer(running, client):
    running.engine.answers[ask.FindTake] = UnknownThing("take of this line", 3, [1, 2])
    with pytest.raises(Refused, match="no take of this line named '3'; there is: 1, 2"):
        client.ask("/takes/choose", "hello", 3)
    with pytest.raises(Refused, match="no clip named 'x'"):
        client.ask("/takes", "x")
    with pytest.raises(Refused, match="1001 characters; at most 1000"):
        client.ask("/takes/note", "hello", 1, "x" * 1001)
    with pytest.raises(Refused, match="files: name the samples"):
        client.ask("/profiles/add", "ines", "Ines, 2026", " ")
    assert running.engine.commands == []


def test_profiles_are_listed_shown_checked_made_and_carried(running, client):
    answers = running.engine.answers
    answers[ask.ListProfiles] = (("ines", "Ines", "pocket", "en", 2, 12.5),)
    assert client.ask("/profiles") == (1,)
    assert client.receive("/profiles") == ("ines", "Ines", "pocket", "en", 2, 12.5)
    answers[ask.ShowProfile] = (("Ines agreed.", "reverb", "temperature: 0.6"), (1, "a.wav", 6.0, "Hello."))
    assert client.ask("/profiles/show", "ines") == ("ines", 1, "Ines agreed.", "reverb", "temperature: 0.6")
    answers[ask.CheckSample] = answers[ask.AddProfile] = (("noise", -60.0, "dB", ""),)
    assert client.ask("/profiles/check", "a.wav") == ("a.wav", 1)
    assert client.ask("/profiles/add", "ines", "Ines agreed.", "my sample.wav, b.wav", "Ines") == ("ines", 1)
    answers[ask.ImportProfile] = (("ines",),)
    assert client.ask("/profiles/export", "ines", "ines.zip") == ("ines.zip",)
    assert client.ask("/profiles/import", "ines.zip") == ("ines",)
    client.ask("/profiles/remove", "ines")
    made = running.engine.questions[3]
    assert (made.files, made.name, made.backend) == (("my sample.wav", "b.wav"), "Ines", "pocket")
    client.ask("/profiles/add", "ines", "Yes.", "a.wav,b.wav", "", "pocket", "en", "", "reverb", "Hello.\nBye, now.")
    client.ask("/profiles/set", "ines", "effects", "gain: {gain_db: 3}")
    client.ask("/profiles/text", "ines", 2, "Good night.")
    made, *changed = running.engine.questions[-3:]
    assert (made.effects, made.texts) == ("reverb", ("Hello.", "Bye, now."))
    assert changed == [
        ask.ChangeProfile(profile="ines", key="effects", value="gain: {gain_db: 3}"),
        ask.WordSample(profile="ines", number=2, text="Good night."),
    ]
    with pytest.raises(Refused, match="there are 2 samples and 1 texts"):
        client.ask("/profiles/add", "ines", "Yes.", "a.wav,b.wav", "", "pocket", "en", "", "", "Hello.")


def test_voices_tell_what_they_take_and_how_fast_they_are(client):
    assert client.ask("/voices") == ("anna", "robot")
    assert client.ask("/voice/anna/vram") == (358.0,)
    assert client.ask("/voice/anna/rtf") == (0.5,)


def test_the_library_is_searched_pinned_and_measured(running, client):
    running.engine.answers[ask.SearchLibrary] = ((41, "anna", 1.5, 0, "The light is on.", ""),)
    assert client.ask("/library/search", "light", "anna", 0, 20) == (1,)
    assert client.receive("/library/search") == (41, "anna", 1.5, 0, "The light is on.", "")
    assert client.ask("/library/search") == (1,)
    with pytest.raises(Refused, match="limit"):
        client.ask("/library/search", "light", "", 0, 0)
    client.ask("/library/pin", 41)
    client.ask("/library/unpin", 41)
    running.engine.answers[ask.LibraryUsage] = ((12, 10, 3.5, 1.0, 20.0, 900.0),)
    assert client.ask("/library/usage") == (12, 10, 3.5, 1.0, 20.0, 900.0)
    job = (3, "7", "export", "a.yaml to b", "running", 0.25, "mix", "", "tablet", "anna@desk", "2026-05-01 12:00")
    running.engine.answers[ask.ListJobs] = (job,)
    assert client.ask("/library/jobs", 10) == (1,)
    assert client.receive("/library/jobs") == job
    assert running.engine.questions == [
        ask.SearchLibrary(words="light", voice="anna", limit=20),
        ask.SearchLibrary(),
        ask.PinTake(entry=41, pinned=True),
        ask.PinTake(entry=41, pinned=False),
        ask.LibraryUsage(),
        ask.ListJobs(limit=10),
    ]
