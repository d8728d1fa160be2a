"""The merchant's whole way in a real browser: upload a folder, sort it, caption it, write a template, publish."""

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.conftest import Running
from tests.end_to_end.test_merchant import READY_MILLISECONDS, kept, page, rule_breaks, sign_in

__all__ = ["page"]

pytestmark = pytest.mark.browser

# Several workers of other tests may be at it on the same machine.
PATIENCE_MILLISECONDS = 2 * READY_MILLISECONDS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as it comes from a camera: two clips, one of them in a folder of its own, and a text beside them."""
    made = tmp_path_factory.mktemp("shoot")
    (made / "second").mkdir()
    (made / "notes.txt").write_text("not a clip")
    for number, name in enumerate(("close.mp4", "second/far.mp4")):
        picture = f"testsrc2=size=180x320:rate=30:duration=3.3,hue=h={90 * number}"
        run = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-f", "lavfi", "-i", picture]
        sound = ["-f", "lavfi", "-i", "sine=frequency=300:duration=3.3", "-pix_fmt", "yuv420p", "-c:a", "aac"]
        subprocess.run([*run, *sound, "-preset", "ultrafast", made / name], check=True, timeout=60)
    return made


@pytest.mark.timeout(600)
def test_from_a_folder_to_published_videos(page: Page, running: Running, folder: Path) -> None:
    sign_in(page, running, "Theo Falk", "/merchant/coverage")
    expect(page.get_by_role("heading", name="Map")).to_be_visible()
    assert rule_breaks(page) == []
    page.get_by_role("link", name="Clips", exact=True).click()

    # Upload a folder and watch it: the text in it is left alone.
    page.locator("[data-folder-chooser]").set_input_files(folder)
    for name in ("close.mp4", "far.mp4"):
        row = page.locator(".progress-row", has_text=name)
        expect(row).to_have_attribute("data-state", "ready", timeout=PATIENCE_MILLISECONDS)
    expect(page.locator(".progress-row")).to_have_count(2)

    # Sort: both at once, with a way back.
    page.get_by_label("State", exact=True).select_option("unsorted")
    cards = page.locator("[data-segment]")
    expect(cards).to_have_count(2)
    page.get_by_label("Select all shown").check()
    bar = page.get_by_role("region", name="Change the selected segments")
    with kept(page, "autumn"):
        bar.get_by_label("Season for all selected").select_option("autumn")
    page.locator(".toast button", has_text="Undo").first.click()
    tags = bar.get_by_label("Tags to add to all selected, separated by commas")
    tags.fill("shoot")
    with kept(page, "shoot"):
        tags.press("Enter")
    with kept(page, "language"):
        bar.get_by_label("Language for all selected").select_option("de")
    with kept(page, "product_id"):
        bar.get_by_label("Product for all selected").select_option(index=1)
    with kept(page, "demo"):
        bar.get_by_label("Role for all selected").select_option("demo")
    page.get_by_label("Clear the selection").click()
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_label("Tag", exact=True).select_option("shoot")
    expect(cards).to_have_count(2)

    # By keyboard from one to the next, select, open the details.
    cards.first.locator(".segment-play").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    expect(cards.nth(1).get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("x")
    page.keyboard.press("e")
    sheet = page.locator("dialog.details")
    expect(sheet).to_be_visible()
    expect(sheet.get_by_label("Season")).to_have_value("")

    # Somebody speaks: without captions it is held back; a mistake has its line.
    with kept(page, "speech"):
        sheet.get_by_label("There is speech").check()
    expect(sheet.get_by_text("Speech without captions is not used in videos")).to_be_visible()
    words = sheet.get_by_label("Captions as WebVTT")
    words.fill("WEBVTT\n\n00:00.200 --> 00:09.000\nSo it folds.\n")
    sheet.get_by_role("button", name="Save captions").click()
    expect(sheet.get_by_role("button", name="Line 3")).to_be_visible()
    expect(sheet.get_by_text("The segment lasts 3.2 s; this caption is later.")).to_be_visible()
    words.fill("WEBVTT\n\n00:00.200 --> 00:01.500\nSo it folds.\n")
    sheet.get_by_role("button", name="Save captions").click()
    expect(page.get_by_text("Captions saved")).to_be_visible()
    expect(sheet.get_by_text("Speech without captions is not used in videos")).to_have_count(0)
    page.wait_for_function("() => document.querySelector('dialog video').textTracks[0]?.cues?.length === 1")
    assert rule_breaks(page) == []

    # Half as long: a worker cuts the new version from the original, and the captions come along.
    expect(sheet.get_by_text("version 1")).to_be_visible()
    sheet.get_by_label("Length", exact=True).select_option("1.6")
    sheet.get_by_role("button", name="Cut a new version").click()
    expect(sheet.get_by_text("1.6 s, version 2")).to_be_visible(timeout=PATIENCE_MILLISECONDS)
    expect(words).to_have_value(re.compile("So it folds."))
    sheet.get_by_role("button", name="Close").click()

    # How videos are told, tried out on three people side by side, with reasons.
    page.get_by_role("link", name="Templates").click()
    people = page.locator("[data-person]")
    expect(people).to_have_count(3)
    page.get_by_label("Name").fill("With the new shoot")
    must = page.get_by_label("Tags that must be in it, two at most")
    must.fill("shoot")
    must.press("Tab")
    page.get_by_label("Product", exact=True).select_option(index=0)
    for number in range(3):
        parts = people.nth(number).locator(".board-parts li")
        expect(people.nth(number)).to_have_attribute("aria-busy", "false", timeout=30_000)
        expect(parts.filter(has_text="Demonstration")).to_have_count(1)
        assert all(re.search(r"[a-z]\.$", text) for text in parts.all_inner_texts()), "each part has its reason"
    video = people.first.locator("video")
    video.evaluate("video => { video.muted = true; return video.play(); }")
    page.wait_for_function("video => video.currentTime > 0.1", arg=video.element_handle())
    assert rule_breaks(page) == []

    # Variants of a campaign: one is ruled out.
    page.get_by_role("button", name="Make variants").click()
    variants = page.locator("[data-variant]")
    expect(variants.nth(3)).to_be_visible()
    with page.expect_response(lambda answer: answer.url.endswith("/v1/vetoes") and answer.ok):
        variants.first.get_by_role("button", name="Rule Variant 1 out").click()
    expect(variants.first).to_have_class(re.compile("variant-out"))
    with page.expect_response(lambda answer: answer.url.endswith("/v1/vetoes") and answer.ok):
        variants.first.get_by_role("button", name="Allow Variant 1 again").click()

    # Publish; then back, for the tests that come after this one.
    page.get_by_role("button", name="Publish", exact=True).click()
    tab = page.get_by_role("navigation", name="Your templates").get_by_role(
        "button", name=re.compile("With the new shoot")
    )
    expect(tab).to_contain_text("Published")
    assert rule_breaks(page) == []
    page.get_by_role("button", name="Delete").click()
    expect(tab).to_have_count(0)
