from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpirender.errors import UsageError
from mpirender.tracks import (
    Key,
    Setting,
    Timing,
    Track,
    Value,
    Way,
    declare,
    include_header,
    parse_keys,
    parse_moment,
    parse_track,
)
from mpirender.tracks.curves import LARGEST, WAYS
from mpirender.tracks.times import AtBar, AtFrame, AtSeconds

TIMING = Timing(Fraction(24), start=1, bpm=Fraction(120))

ways = st.builds(Way, st.sampled_from([way for way in WAYS if way != "power"])) | st.builds(
    Way, st.just("power"), st.floats(0.1, 9)
)
numbers = st.floats(-1e6, 1e6) | st.integers(-5, 5).map(float)
booleans = st.booleans()
frames = st.lists(
    st.fractions(-50, 50, max_denominator=12), min_size=1, max_size=6, unique=True
).map(sorted)


@st.composite
def tracks(
    draw: st.DrawFn,
    ways: st.SearchStrategy[Way] = ways,
    loops: st.SearchStrategy[bool] = booleans,
) -> Track:
    keys = tuple(Key(AtFrame(at), draw(numbers), draw(ways)) for at in draw(frames))
    return Track("T", keys, draw(loops))


def at(text: str, frame: float, timing: Timing = TIMING) -> Value:
    return parse_keys("T", text).curve(timing).value(frame)


def number(value: Value) -> float:
    assert isinstance(value, float)
    return value


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("48", 48),
        ("-2.5", -2.5),
        (".5", 0.5),
        ("0s", 1),
        ("1.5s", 37),
        ("-1s", -23),
        ("1.1.1", 1),
        ("1.2.1", 13),
        ("1.1.2", 4),
        ("2.1.1", 49),
        ("3.4.4", 142),
    ],
)
def test_a_moment_is_this_frame_at_24_a_second_and_120_bpm(text: str, frame: float) -> None:
    moment = parse_moment(text)
    assert moment.frame(TIMING) == frame
    assert parse_moment(str(moment)) == moment


def test_a_bar_has_as_many_beats_as_the_timing_says() -> None:
    waltz = Timing(Fraction(25), start=0, bpm=Fraction(60), beats_per_bar=3)
    assert parse_moment("2.1.1").frame(waltz) == 75
    with pytest.raises(UsageError, match=r"1\.4\.1: got beat 4, expected 1-3"):
        parse_moment("1.4.1").frame(waltz)


def test_an_ntsc_second_is_not_rounded_to_frames() -> None:
    assert parse_moment("1001s").frame(Timing(Fraction(30000, 1001))) == 30000


@pytest.mark.parametrize("text", ["", "s", "2.1", "2s1", "0.1.1", "1.0.1", "1.1.5", "1e3", "x"])
def test_what_is_no_moment_is_told_or_a_frame(text: str) -> None:
    if text == "2.1":
        assert parse_moment(text) == AtFrame(Fraction(21, 10))
        return
    with pytest.raises(UsageError, match="expected a frame"):
        parse_moment(text)


@given(tracks(loops=st.just(False)))
def test_a_track_has_the_value_of_each_key_exactly(track: Track) -> None:
    curve = track.curve(TIMING)
    for key in track.keys:
        assert curve.value(float(key.moment.frame(TIMING))) == key.value


@given(tracks(loops=st.just(True)))
def test_a_loop_has_the_value_of_each_key_but_the_last(track: Track) -> None:
    curve = track.curve(TIMING)
    for key in track.keys[:-1]:
        assert curve.value(float(key.moment.frame(TIMING))) == key.value
    last = float(track.keys[-1].moment.frame(TIMING))
    assert curve.value(last) == track.keys[0].value


@given(tracks(), st.floats(-1000, 1000))
def test_a_value_never_leaves_the_span_of_the_two_keys_around_it(track: Track, at: float) -> None:
    curve = track.curve(TIMING)
    frame = curve._within(at)
    around = [
        {number(a.value), number(b.value)}
        for a, b in pairwise(track.keys)
        if a.moment.frame(TIMING) <= frame <= b.moment.frame(TIMING)
    ]
    around += [{number(track.keys[0].value)}, {number(track.keys[-1].value)}]
    assert any(min(pair) <= number(curve.value(at)) <= max(pair) for pair in around)


@given(tracks(ways=st.just(Way("cubic")), loops=st.just(False)))
def test_a_cubic_rises_where_its_keys_rise_and_falls_where_they_fall(track: Track) -> None:
    curve = track.curve(TIMING)
    for a, b in pairwise(track.keys):
        start, stop = float(a.moment.frame(TIMING)), float(b.moment.frame(TIMING))
        values = [number(curve.value(start + (stop - start) * i / 20)) for i in range(20)]
        wave = [*values, number(b.value)]
        sign = math.copysign(1, wave[-1] - wave[0])
        slack = 1e-9 * max(1, *map(abs, wave))
        assert all((after - before) * sign >= -slack for before, after in pairwise(wave))


@given(tracks(loops=st.just(True)), st.integers(-300, 300), st.integers(-5, 5))
def test_a_loop_repeats_itself(track: Track, frame: int, times: int) -> None:
    whole = Track(
        "T",
        tuple(Key(AtFrame(Fraction(i * 7)), k.value, k.way) for i, k in enumerate(track.keys)),
        loop=True,
    )
    period = 7 * (len(whole.keys) - 1)
    curve = whole.curve(TIMING)
    assert curve.value(frame) == curve.value(frame + times * period)


@given(tracks(loops=st.just(False)), st.floats(0, 1e9))
def test_outside_of_its_keys_a_track_holds(track: Track, beyond: float) -> None:
    curve = track.curve(TIMING)
    assert curve.value(curve.frames[0] - beyond) == track.keys[0].value
    assert curve.value(curve.frames[-1] + beyond) == track.keys[-1].value


@pytest.mark.parametrize(
    ("way", "quarter", "half"),
    [
        ("linear", 2.5, 5),
        ("step", 0, 0),
        ("ease", 1.5625, 5),
        ("ease-in", 0.625, 2.5),
        ("ease-out", 4.375, 7.5),
        ("power2", 0.625, 2.5),
        ("power0.5", 5, 10 * math.sqrt(0.5)),
        ("power3", 0.15625, 1.25),
        ("cubic", 1.5625, 5),
    ],
)
def test_a_way_goes_like_this(way: str, quarter: float, half: float) -> None:
    for text in (f"0:0:{way},8:10", f"{way},0:0,8:10", f"0:0,8:10,{way}"):
        assert [at(text, frame) for frame in (0, 2, 4, 8)] == [0, quarter, half, 10]


def test_each_key_has_its_own_way() -> None:
    assert [at("ease,0:0:step,4:1,8:2:linear,12:4", frame) for frame in (3, 5, 11)] == [
        0,
        1.15625,
        3.5,
    ]


def test_a_cubic_of_even_steps_runs_straight_between_them() -> None:
    values = [at("cubic,0:0,10:1,20:2,30:3", frame) for frame in (10, 12.5, 15, 17.5, 20)]
    assert values == pytest.approx([1, 1.25, 1.5, 1.75, 2])


def test_a_cubic_has_no_kink_at_a_key() -> None:
    curve = parse_keys("T", "cubic,0:0,10:1,15:4,40:5").curve(TIMING)
    for key in (10, 15):
        before, here, after = (number(curve.value(key + d)) for d in (-1e-4, 0, 1e-4))
        assert here - before == pytest.approx(after - here, rel=1e-3)


def test_a_cubic_loop_has_no_kink_at_its_seam() -> None:
    curve = parse_keys("T", "cubic,loop,0:0,6:90,15:200,24:360").curve(TIMING)
    before, after = number(curve.value(24 - 1e-4)), number(curve.value(24 + 1e-4))
    assert 360 - before == pytest.approx(after, rel=1e-3)
    assert after > 1e-4


def test_a_cubic_is_the_one_of_fritsch_and_butland() -> None:
    """By hand: widths 1, 2, 1 and secants 1, 0.5, 4 around the piece from 1 to 3."""
    curve = parse_keys("T", "cubic,0:0,1:1,3:2,4:6,7:7").curve(TIMING)
    left, right = 9 / (5 / 1 + 4 / 0.5), 9 / (4 / 0.5 + 5 / 4)
    middle = (1 + 2) / 2 + 2 / 8 * (left - right)
    assert curve.value(2) == pytest.approx(middle)


@pytest.mark.parametrize("way", WAYS)
def test_one_key_is_the_same_for_ever(way: str) -> None:
    track = Track("T", (Key(AtFrame(Fraction(3)), 0.1, Way(way)),), loop=True)
    assert {track.curve(TIMING).value(frame) for frame in (-9, 3, 4.5)} == {0.1}


def test_vectors_go_component_by_component() -> None:
    assert at("0:<0,1,-2>,4:<4,1,2>", 1) == (1, 1, -1)
    assert at("0:<0, 1>, 4:<4, 1>, loop", 5) == (1, 1)


def test_keys_may_stand_at_frames_seconds_and_bars() -> None:
    curve = parse_track("Ball = 1:0, 1s:1, 2.1.1:2").curve(TIMING)
    assert curve.frames == (1, 25, 49)


def test_extreme_values_make_no_infinity() -> None:
    text = f"cubic,loop,0:{-LARGEST},1:{LARGEST},2:1e-320,3:{-LARGEST}"
    values = [number(at(text, frame / 8)) for frame in range(32)]
    assert all(abs(value) <= LARGEST for value in values)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "track: got '', expected NAME=KEYS"),
        ("=0:1", "track: got '=0:1', expected NAME=KEYS"),
        ("Ball", "track: got 'Ball', expected NAME=KEYS"),
        ("Ball=", "track 'Ball': got '', expected a key or one of linear, step"),
        ("Ball=loop", "track 'Ball': no keys"),
        ("Ball=0:1,", "track 'Ball': got '', expected a key"),
        ("Ball=0:1:eas", "track 'Ball': got 'eas', expected a key or one of"),
        ("Ball=0:1:power", "track 'Ball': got 'power', expected"),
        ("Ball=0:1:power0", "track 'Ball': got exponent 0, expected more than 0"),
        ("Ball=0:1:ease:2", "track 'Ball': got '0:1:ease:2', expected MOMENT:VALUE"),
        ("Ball=ease,linear,0:1", "got ease, linear, expected one way and one loop at most"),
        ("Ball=0:one", "track 'Ball': got value 'one', expected a number or a vector"),
        ("Ball=0:nan", "got value 'nan', expected a number"),
        ("Ball=0:1e999", "track 'Ball': key 0: got inf, expected up to 3.4e+38"),
        ("Ball=0:4e38", "track 'Ball': key 0: got 4e+38, expected up to 3.4e+38"),
        ("Ball=0:<1>", "track 'Ball': key 0: got 1 components, expected 2 to 5"),
        ("Ball=0:<1,2", "track 'Ball': got '0:<1', a vector without its < or >"),
        ("Ball=0:<1,2>,1:3", "track 'Ball': values of 1 and of 2 numbers"),
        ("Ball=1h:2", "track 'Ball': got '1h', expected a frame (48), a time (1.5s)"),
    ],
)
def test_what_is_no_track_is_told(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_track(text)
    assert told in caught.value.message


def test_keys_that_do_not_follow_each_other_are_told() -> None:
    with pytest.raises(UsageError, match="track 'T': key 1s is not after key 30") as caught:
        at("30:0,1s:1", 1)
    assert caught.value.hint == "they are at frames 25 and 30"
    with pytest.raises(UsageError, match=r"track 'T': 1\.5\.1: got beat 5, expected 1-4"):
        at("1.5.1:0", 1)


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(
        UsageError, match="got 0 frames a second, 120 bpm, 4 beats a bar, expected more"
    ):
        Timing(Fraction(0))


def test_a_way_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="got way 'bounce', expected one of linear, step"):
        Way("bounce")
    with pytest.raises(UsageError, match="expected a name and at least one key"):
        Track("", ())


@pytest.mark.parametrize(
    ("value", "arguments"),
    [
        (1.5, ("Declare=B=1.5",)),
        (-2.0, ("Declare=B=-2",)),
        (-0.0, ("Declare=B=0",)),
        (0.1, ("Declare=B=0.1",)),
        (1e-7, ("Declare=B=1e-07",)),
        ((1.0, 2.5), ("Declare=B_x=1", "Declare=B_y=2.5")),
        ((1.0, 2.0, 3.0), ("Declare=B_x=1", "Declare=B_y=2", "Declare=B_z=3")),
    ],
)
def test_a_value_is_declared_like_this(value: Value, arguments: tuple[str, ...]) -> None:
    assert declare([("B", value)]) == arguments


def test_the_names_of_four_and_five_components_are_those_of_povray() -> None:
    names = [argument.split("=")[1] for argument in declare([("C", (0.0,) * 4), ("D", (0.0,) * 5)])]
    assert names == ["C_x", "C_y", "C_z", "C_t", "D_r", "D_g", "D_b", "D_f", "D_t"]


@given(st.floats(-LARGEST, LARGEST))
def test_a_declared_number_is_the_same_when_read_again(value: float) -> None:
    (argument,) = declare([("B", value)])
    assert float(argument.rpartition("=")[2]) == value


@pytest.mark.parametrize("name", ["clock", "x", "frame_number", "1a", "a-b", "a.b", "é", "", "a b"])
def test_a_name_that_povray_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="track"):
        declare([(name, 1.0)])
    with pytest.raises(UsageError, match="track"):
        include_header([(1, [(name, 1.0)])])


def test_an_include_file_tells_the_frames_apart() -> None:
    frames: list[tuple[int, list[Setting]]] = [
        (1, [("A", 0.5), ("B", (1.0, 2.0))]),
        (2, [("A", 1.0)]),
    ]
    assert include_header(frames).splitlines() == [
        "#switch (frame_number)",
        "#case (1)",
        "#declare A = 0.5;",
        "#declare B_x = 1;",
        "#declare B_y = 2;",
        "#declare B = <1, 2>;",
        "#break",
        "#case (2)",
        "#declare A = 1;",
        "#break",
        "#end",
    ]


def test_the_example_of_the_package_is_right() -> None:
    track = parse_track("Ball=1:0, 2.1.1:1.5:ease, 3s:0, loop")
    curve = track.curve(Timing(rate=Fraction(24), start=1, bpm=Fraction(90)))
    assert declare([("Ball", curve.value(7))]) == ("Declare=Ball=0.140625",)


def test_moments_are_values_of_their_own() -> None:
    assert {parse_moment(text) for text in ("1", "1.0", "1s", "1.1.1", "1.1.2")} == {
        AtFrame(Fraction(1)),
        AtSeconds(Fraction(1)),
        AtBar(1, 1, 1),
        AtBar(1, 1, 2),
    }
