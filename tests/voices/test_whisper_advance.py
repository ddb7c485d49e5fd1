"""A window of Whisper's is done after a bounded number of hearings, and nothing is skipped where the model gets on."""

from engine.voices.backends.whisper_advance import PARTS, SHORT_HEARINGS, Advance

COLUMNS = 3000


def places(*steps):
    """Return where each hearing ends if the model itself would come on by ``steps``, the last one over and over."""
    left = list(steps)
    advance = Advance(lambda **_: ([], left.pop(0) if len(left) > 1 else left[0]), COLUMNS)
    ends = [0]
    while ends[-1] < COLUMNS:
        ends.append(ends[-1] + advance()[1])
    return ends[1:]


def test_a_model_that_hardly_gets_on_or_not_at_all_hears_a_window_a_few_times_only():
    for step in (0, 2):
        ends = places(step)
        assert ends[:SHORT_HEARINGS] == [step, 2 * step] and len(ends) <= SHORT_HEARINGS + PARTS


def test_where_it_gets_on_it_goes_on_where_it_ended():
    assert places(1200, 60, 900, 50, 790) == [1200, 1260, 2160, 2210, 3000]


def test_what_was_heard_is_handed_on():
    advance = Advance(lambda **heard: ([heard], 10), COLUMNS)
    assert [advance(number=n) for n in range(3)][-1] == ([{"number": 2}], COLUMNS // PARTS)
