"""Drawing on yuv420p: a stamp has its colours, a crossfade neither adds nor drops a picture."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from video_assembly import lettering
from video_assembly.painting import Canvas, Picture, Shown, Stamp, as_frame, crossfaded, planes


def grey(luma: int, width: int = 64, height: int = 96) -> Picture:
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    planes(picture)[0][:] = luma
    return picture


def test_a_stamp_has_its_colours_inside_and_changes_nothing_outside() -> None:
    picture = grey(60)
    Stamp(Image.new("RGBA", (20, 10), (220, 30, 60, 255)), 8, 16).draw(picture)
    shown = as_frame(picture).to_ndarray(format="rgb24")
    assert np.abs(shown[18:24, 12:24].astype(int) - (220, 30, 60)).max() < 6
    luma, *chroma = planes(picture)
    assert (luma[:16] == 60).all()
    assert (luma[:, 28:] == 60).all()
    assert all((plane[:8] == 128).all() for plane in chroma)


def test_a_transparent_stamp_changes_nothing() -> None:
    picture = grey(60)
    Stamp(Image.new("RGBA", (20, 10), (220, 30, 60, 0)), 8, 16).draw(picture)
    assert np.array_equal(picture, grey(60))


def test_a_stamp_comes_and_goes() -> None:
    shown = Shown(Stamp(Image.new("RGBA", (64, 96), "white"), 0, 0), 2, 12, fade=2)
    lumas = []
    for number in range(14):
        picture = grey(16)
        shown.draw(picture, number)
        lumas.append(int(picture[0, 0]))
    assert lumas[:2] == lumas[12:] == [16, 16]
    assert lumas[2] < lumas[3] < lumas[4] == lumas[9] == 235
    assert lumas[2:12] == lumas[2:12][::-1]


@given(st.lists(st.integers(20, 40), min_size=1, max_size=4), st.integers(1, 10))
def test_a_crossfade_keeps_number_and_order(lengths: list[int], half: int) -> None:
    joins = [int(each) for each in np.cumsum(lengths)[:-1]]
    source = [(number, grey(16 + 50 * sum(join <= number for join in joins), 4, 4)) for number in range(sum(lengths))]
    original = [int(picture[0, 0]) for _, picture in source]
    faded = list(crossfaded(iter(source), set(joins), half))
    assert [number for number, _ in faded] == list(range(sum(lengths)))
    for number, picture in faded:
        if all(not join - half <= number < join + half for join in joins):
            assert picture[0, 0] == original[number]
    lumas = [int(picture[0, 0]) for _, picture in faded]
    assert lumas == sorted(lumas), "from darker to lighter without going back"


def test_another_shape_keeps_the_middle_and_fills_the_sides() -> None:
    picture = grey(120, 72, 128)
    planes(picture)[0][:, 30:42] = 200
    whole = Canvas(128, 72, 1.0).fit(picture)
    luma = planes(whole)[0]
    assert luma.shape == (72, 128)
    assert luma[36, 64] > 190
    assert 40 < luma[36, 4] < 120, "what is behind is darker"


def test_a_name_is_only_written_when_every_letter_is_there() -> None:
    assert lettering.can_write("Zoë Ångström")
    assert not lettering.can_write("Ada 李")
    assert lettering.wrapped("eins zwei drei vier", lettering.face(20), 60, 2)[-1].endswith("…")
    assert len(lettering.wrapped("x" * 400, lettering.face(20), 90, 1)[0]) < 20
