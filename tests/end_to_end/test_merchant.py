"""The merchant's and the operator's work in a real browser: upload, states, segments, products, invitations."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import imageio_ffmpeg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from tests.end_to_end.conftest import Running

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

# A worker is niced: on a busy machine a clip takes minutes.
READY_MILLISECONDS = 300_000
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def telephone_clip(shared_media: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real footage as a telephone writes it: turned by a flag, with a changing frame rate, without sound."""
    folder = tmp_path_factory.mktemp("footage")
    source = shared_media / "videos" / "pexels4440949_unboxing.mp4"
    run = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"]
    changing = ["-vf", "select='not(mod(n\\,2))+not(mod(n\\,5))',scale=640:-2", "-fps_mode", "vfr", "-an", "-t", "6"]
    encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    subprocess.run([*run, "-i", source, *changing, *encoder, folder / "flat.mov"], check=True, timeout=60)
    turned = folder / "IMG_0815.mov"
    subprocess.run([*run, "-display_rotation", "90", "-i", folder / "flat.mov", "-c", "copy", turned], check=True)
    return turned


@pytest.fixture
def page(browser: Browser, running: Running) -> Iterator[Page]:
    context = browser.new_context(viewport=WIDE)
    # the demo's people prefer German
    context.add_cookies([{"name": "lang", "value": "en", "url": running.url}])
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    context.close()
    assert broken == []


def sign_in(page: Page, running: Running, who: str, path: str) -> None:
    """Become one of the demo's people by the button that the demo offers."""
    page.goto(f"{running.url}/sign-in?next={path}")
    page.locator('form[action="/demo/sign-in"] button', has_text=who).click()
    page.wait_for_url(f"{running.url}{path}")


def rule_breaks(page: Page) -> list[str]:
    """Return the serious accessibility rules that a page breaks."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in ("serious", "critical")]


def kept(page: Page, word: str) -> AbstractContextManager[object]:
    """Wait, around an action, until the change that holds `word` is answered; "Saved" may speak of an earlier one."""
    return page.expect_response(
        lambda answer: answer.request.method == "PATCH" and word in (answer.request.post_data or "") and answer.ok
    )


def test_a_real_clip_from_a_telephone_becomes_segments_with_role_product_and_tags(
    page: Page, running: Running, telephone_clip: Path, tmp_path: Path
) -> None:
    sign_in(page, running, "Theo Falk", "/merchant")
    before = page.locator("[data-segment]").count()
    shoot = tmp_path / "autumn shoot"
    shoot.mkdir()
    shutil.copy(telephone_clip, shoot)
    on_the_way: list[Route] = []
    page.route("**/v1/uploads/*", lambda route: on_the_way.append(route))
    page.locator("[data-folder-chooser]").set_input_files(shoot)
    row = page.locator(".progress-row", has_text="IMG_0815.mov")
    expect(row).to_have_attribute("data-state", "sending")
    row.get_by_role("button", name="Pause the upload of IMG_0815.mov").click()
    expect(row).to_contain_text("Paused at")
    page.unroute("**/v1/uploads/*")
    row.get_by_role("button", name="Go on with the upload of IMG_0815.mov").click()
    expect(row).to_have_attribute("data-state", "ready", timeout=READY_MILLISECONDS)
    expect(row).to_contain_text("Ready")
    assert page.locator("[data-segment]").count() > before

    row.get_by_role("button", name="Show segments").click()
    expect(page).to_have_url(re.compile(r"/merchant\?clip="))
    expect(page.locator(".segments")).to_have_attribute("aria-busy", "false", timeout=30_000)
    card = page.locator("[data-segment]").first
    picture = card.locator("img")
    expect(picture).to_be_visible()
    page.wait_for_function("image => image.complete && image.naturalWidth === 270", arg=picture.element_handle())

    with kept(page, "offer"):
        card.get_by_label(re.compile("^Role of")).select_option("offer")
    with kept(page, "product_id"):
        card.get_by_label(re.compile("^Product of")).select_option(index=1)
    expect(card.get_by_label(re.compile("^Tags of"))).to_have_value("autumn shoot")
    card.get_by_label(re.compile("^Tags of")).fill("sale, blue")
    with kept(page, "blue"):
        card.get_by_label(re.compile("^Tags of")).press("Tab")
    expect(page.get_by_text("Saved").first).to_be_visible()
    page.reload()
    card = page.locator("[data-segment]").first
    expect(card.get_by_label(re.compile("^Role of"))).to_have_value("offer")
    expect(card.get_by_label(re.compile("^Product of"))).not_to_have_value("")
    expect(card.get_by_label(re.compile("^Tags of"))).to_have_value("sale, blue")

    card.locator(".segment-play").hover()
    video = card.locator("video")
    page.wait_for_function("video => video.readyState >= 2 && !video.error", arg=video.element_handle())
    assert rule_breaks(page) == []


def test_what_is_wrong_with_a_file_is_said_in_a_sentence(
    page: Page, running: Running, telephone_clip: Path, tmp_path: Path
) -> None:
    whole = telephone_clip.read_bytes()
    # a moov at the end is cut off with the rest
    (tmp_path / "half.mov").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "letter.mp4").write_bytes(b"Dear Sir or Madam, " * 100)
    (tmp_path / "notes.txt").write_text("not a clip")
    sign_in(page, running, "Ines Harms", "/merchant")
    page.locator("[data-chooser]").set_input_files(
        [tmp_path / name for name in ("half.mov", "letter.mp4", "notes.txt")]
    )
    for name in ("letter.mp4", "notes.txt"):
        row = page.locator(".progress-row", has_text=name)
        expect(row).to_have_attribute("data-state", "failed", timeout=10_000)
        expect(row).to_contain_text("This is not a video file that can be read here. Please upload MP4, MOV or WebM.")
    row = page.locator(".progress-row", has_text="half.mov")
    expect(row).to_have_attribute("data-state", "refused", timeout=READY_MILLISECONDS)
    sentence = row.locator(".progress-why").inner_text()
    assert sentence.endswith(".")
    page.goto(f"{running.url}/merchant?lang=de")
    row = page.locator(".progress-row", has_text="half.mov")
    expect(row).to_have_attribute("data-state", "refused")
    assert row.locator(".progress-why").inner_text() != sentence
    assert rule_breaks(page) == []
    row.get_by_role("button", name="half.mov entfernen").click()
    expect(row).to_have_count(0)


def test_several_segments_are_changed_archived_and_brought_back(page: Page, running: Running) -> None:
    sign_in(page, running, "Ines Harms", "/merchant")
    page.get_by_label("Role", exact=True).select_option("proof")
    expect(page).to_have_url(re.compile(r"role=proof"))
    expect(page.locator(".segments")).to_have_attribute("aria-busy", "false", timeout=30_000)
    cards = page.locator("[data-segment]")
    count = cards.count()
    assert count >= 2
    for number in range(2):
        cards.nth(number).get_by_role("checkbox").check()
    bar = page.get_by_role("region", name="Change the selected segments")
    bar.get_by_label("Tags to add to all selected, separated by commas").fill("autumn")
    bar.get_by_label("Tags to add to all selected, separated by commas").press("Enter")
    expect(page.get_by_text("2 changed")).to_be_visible()
    for number in range(2):
        expect(cards.nth(number).get_by_label(re.compile("^Tags of"))).to_have_value(re.compile("autumn"))
    bar.get_by_role("button", name="Archive").click()
    expect(cards).to_have_count(count - 2)
    page.locator(".toast", has_text="2 archived").get_by_role("button", name="Undo").click()
    expect(cards).to_have_count(count)
    page.reload()
    expect(page.get_by_label("Role", exact=True)).to_have_value("proof")
    expect(cards).to_have_count(count)


def test_a_template_is_looked_at_as_three_people_saved_as_a_file_and_published(page: Page, running: Running) -> None:
    sign_in(page, running, "Ines Harms", "/merchant/templates")
    people = page.locator("[data-person]")
    expect(people).to_have_count(3)
    for number in range(3):
        expect(people.nth(number).locator(".board-parts li").nth(2)).to_be_visible(timeout=30_000)
    people.first.get_by_role("button", name="Save as a file").click()
    sheet = page.get_by_role("dialog", name="Save this video")
    sheet.get_by_label("Soft transitions").uncheck()
    sheet.get_by_label("Captions in the picture").uncheck()
    assert rule_breaks(page) == []
    sheet.get_by_role("button", name="Make the file").click()
    with page.expect_download(timeout=READY_MILLISECONDS) as found:
        sheet.get_by_role("link", name="Download").click(timeout=READY_MILLISECONDS)
    assert found.value.path().read_bytes()[4:8] == b"ftyp"
    sheet.get_by_role("button", name="Close").click()

    page.get_by_label("Name", exact=True).fill("Plain")
    page.get_by_label("With personal segments").uncheck()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Published. Videos are made by it from now on.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("With personal segments")).not_to_be_checked()
    assert rule_breaks(page) == []
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Template deleted")).to_be_visible()


def test_an_invited_merchant_starts_with_nothing_and_puts_a_product_on_sale(
    page: Page, browser: Browser, running: Running
) -> None:
    sign_in(page, running, "Oskar Wendt", "/operator")
    expect(page.get_by_text("Everything runs")).to_be_visible()
    assert rule_breaks(page) == []
    page.get_by_label("Name of the shop (for merchants)").fill("Kiste & Korb")
    page.get_by_role("button", name="Make an invitation link").click()
    link = page.get_by_label(re.compile("^Send this link")).input_value()
    assert link.startswith(f"{running.url}/welcome/")

    context = browser.new_context(viewport=PHONE, locale="en")
    theirs = context.new_page()
    theirs.goto(link)
    theirs.locator('input[name="name"]').fill("Kira")
    theirs.locator('input[name="email"]').fill("kira@example.org")
    theirs.locator('input[name="password"]').fill("a long enough sentence")
    theirs.locator('main form button:not([type="button"])').first.click()
    theirs.wait_for_url(re.compile("/merchant"))
    expect(theirs.get_by_text("Kiste & Korb")).to_be_visible()
    expect(theirs.get_by_role("heading", name="Three steps to your first video")).to_be_visible()
    theirs.get_by_role("link", name="Add a product").click()
    theirs.get_by_label("Title in English").fill("Basket")
    theirs.get_by_label("Brand").fill("Kiste")
    theirs.get_by_label("Category").fill("Living")
    theirs.get_by_label("Price in €, incl. VAT").fill("twelve")
    theirs.get_by_label("Pieces in stock").fill("4")
    theirs.get_by_role("button", name="Save product").click()
    expect(theirs.get_by_role("alert")).to_contain_text("Write the price like 12.90.")
    assert rule_breaks(theirs) == []
    theirs.get_by_label("Price in €, incl. VAT").fill("12,90")
    theirs.get_by_role("button", name="Save product").click()
    theirs.wait_for_url(re.compile("/merchant/products"))
    expect(theirs.get_by_role("link", name="Basket", exact=True)).to_be_visible()
    expect(theirs.get_by_text("€12.90")).to_be_visible()
    assert rule_breaks(theirs) == []
    theirs.get_by_role("link", name="Edit Basket").click()
    theirs.get_by_label("Price in €, incl. VAT").fill("14.50")
    assert rule_breaks(theirs) == []
    theirs.get_by_role("button", name="Save changes").click()
    expect(theirs.get_by_text("€14.50")).to_be_visible()
    theirs.get_by_role("link", name="Orders").click()
    expect(theirs.get_by_text("Nobody has ordered from your shop yet.")).to_be_visible()
    assert rule_breaks(theirs) == []
    theirs.get_by_role("link", name="Clips").click()
    theirs.get_by_text("Can videos be made?").click()
    expect(theirs.get_by_text("No offer and no call to action yet: no video can be made.")).to_be_visible()
    assert rule_breaks(theirs) == []
    assert theirs.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    context.close()
