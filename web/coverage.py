"""The coverage map: what of a product's videos there is and what is lacking, in each language and role."""

from typing import Any

from babel import Locale
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shop import catalog, categories, merchants
from shop.catalog import Product
from storage.clock import utcnow
from storage.database import Tx
from video_assembly import coverage, search
from video_assembly.clips import ROLES
from video_assembly.coverage import Cell, Gap
from video_assembly.templates import NEEDED
from web.i18n import LOCALES, locale_of, translate
from web.merchant_access import owner
from web.pages import render
from web.services import services
from web.sessions import page_for

MOST_PRODUCTS = 500
MOST_GAPS = 12
ROLE_NAMES = {"hook": "Hook", "demo": "Demonstration", "proof": "Proof", "offer": "Offer", "cta": "Call to action"}
SENTENCES = {
    "needed": "{role} is missing for {product} in {language}: no video can be made.",
    "nothing": "There is nothing for {product} in {language} yet.",
    "uncaptioned": "Speech without captions for {product} in {language}: {count}.",
    "unheard": "For {product} in {language}, segments that sound like speech and have no word on it: {count}.",
    "expiring": "Rights or validity for {product} in {language} end within 30 days: {count}.",
    "missing": "{role} is missing for {product} in {language}.",
}
# What a gap's link shows.
STATES = {"uncaptioned": "uncaptioned", "unheard": "unheard", "expiring": "expiring"}


def page(request: Request) -> Response:
    """`GET /merchant/coverage?language=`: the map in one language, and what is lacking in all."""
    locale = locale_of(request)
    parts = services(request)
    with parts.db.reading() as tx:
        merchant_id = owner(tx, request)
        found = catalog.list_products(tx, locale, merchant_id=merchant_id, limit=MOST_PRODUCTS)
        cells = coverage.cells(tx, merchant_id, utcnow())
        languages = spoken(tx, merchant_id, locale)
        wanted = request.query_params.get("language", "")
        language = wanted if wanted in languages else languages[0]
        names = categories.category_names(tx, locale)
        gaps = coverage.gaps(cells, {each.id: each.category for each in found}, languages)
        merchant = merchants.merchant_name(tx, merchant_id)
    titles = {each.id: each.title for each in found}
    return render(
        request,
        "coverage.html",
        merchant=merchant,
        image_url=parts.media.url,
        languages=[(code, language_name(locale, code)) for code in languages],
        language=language,
        roles=[(role, translate(locale, ROLE_NAMES[role])) for role in ROLES],
        rows=[_row(each, cells, language, names) for each in found],
        gaps=[_gap(gap, titles, locale) for gap in gaps[:MOST_GAPS]],
        more=max(0, len(gaps) - MOST_GAPS),
        counted={kind: sum(gap.kind == kind for gap in gaps) for kind in coverage.KINDS},
    )


def spoken(tx: Tx, merchant_id: str, locale: str) -> list[str]:
    """Return the languages that a shop's segments speak, those of this installation where there are none."""
    found = search.languages(tx, merchant_id)
    return sorted(found, key=lambda code: (code != locale, code)) or sorted(LOCALES, key=lambda code: code != locale)


def language_name(locale: str, code: str) -> str:
    """Return the name of a language in another one; its code where it has none."""
    return str(Locale.parse(locale).languages.get(code.split("-")[0], code))


def _row(product: Product, cells: list[Cell], language: str, names: dict[str, str]) -> dict[str, Any]:
    columns = []
    for role in ROLES:
        own = coverage.held(cells, product.id, product.category, language, role)
        columns.append(
            {
                "role": role,
                "usable": sum(cell.usable for cell in own),
                "count": sum(cell.count for cell in own),
                "uncaptioned": sum(cell.uncaptioned for cell in own),
                "expiring": sum(cell.expiring for cell in own),
                "shared": sum(cell.usable for cell in own if cell.product_id is None),
                "needed": role in NEEDED,
            }
        )
    return {"product": product, "category": names.get(product.category, product.category), "columns": columns}


def _gap(gap: Gap, titles: dict[str, str], locale: str) -> dict[str, Any]:
    sentence = translate(
        locale,
        SENTENCES[gap.kind],
        role=translate(locale, ROLE_NAMES[gap.role]) if gap.role else "",
        product=titles[gap.product_id],
        language=language_name(locale, gap.language),
        count=gap.count,
    )
    return {"kind": gap.kind, "text": sentence, "gap": gap, "state": STATES.get(gap.kind)}


routes = [Route("/merchant/coverage", page_for("merchant", page))]
