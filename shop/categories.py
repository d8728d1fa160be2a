"""Names of categories in German and English."""

from collections.abc import Mapping

from sqlalchemy import Column, String, Table, delete, insert, select

from storage.database import Tx, metadata

categories = Table(
    "categories",
    metadata,
    Column("handle", String(80), primary_key=True),
    Column("name_de", String(120)),
    Column("name_en", String(120)),
)


def name_category(tx: Tx, handle: str, names: Mapping[str, str]) -> None:
    """Name a category in one or more locales; names it had are replaced."""
    tx.execute(delete(categories).where(categories.c.handle == handle))
    tx.execute(insert(categories).values(handle=handle, name_de=names.get("de"), name_en=names.get("en")))


def category_names(tx: Tx, locale: str) -> dict[str, str]:
    """Return the name of every named category by its handle."""
    return {
        row.handle: in_locale(locale, row.name_de, row.name_en) or row.handle
        for row in tx.all(select(categories).order_by(categories.c.handle))
    }


def in_locale(locale: str, german: str | None, english: str | None) -> str:
    """Return the text in the language of `locale`, or in the other one, or an empty one."""
    first, second = (german, english) if locale.startswith("de") else (english, german)
    return first or second or ""
