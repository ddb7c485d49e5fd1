"""What is loaded ahead of its time: as much as fits, the most pressing first."""

from engine.session.library import Library, Loaded
from tests.session.studio import HandLoader, line


def test_one_that_does_not_fit_leaves_its_room_to_those_behind_it() -> None:
    loader = HandLoader()
    loader.capacity_floats = 1000
    library = Library(loader)
    floats = {"first": 300, "an hour of rain": 100_000, "second": 300, "one too many": 200, "third": 100}
    sources = [line(text) for text in floats]
    library.want(sources)
    for number, (source, count) in enumerate(zip(sources, floats.values(), strict=True)):
        library.shelf(source).loaded = Loaded(offset=1000 * number, frames=count, channels=1, digest="")
    library.approach(sources)
    assert [source.text for source in loader.preferred] == ["first", "second", "third"]
    assert [library.shelf(source).near for source in sources] == [True, False, True, False, True]


def test_one_that_failed_is_tried_again_when_it_comes_near_not_as_long_as_it_is() -> None:
    loader = HandLoader()
    library = Library(loader)
    good, bad = line("good"), line("bad")
    library.approach([good, bad])
    library.fail(bad, "no such voice")
    for _ in range(3):
        library.approach([bad, good])
    assert (library.shelf(bad).state, library.shelf(bad).near) == ("failed", True)
    assert [source for source, _ in loader.asked] == [good, bad]
    library.approach([good])
    library.approach([good, bad])
    assert library.shelf(bad).state == "queued"
    assert [source for source, _ in loader.asked] == [good, bad, bad]
