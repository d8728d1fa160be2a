"""Who sells, and which people act for them."""

from sqlalchemy import Column, ForeignKey, String, Table, delete, insert, select

from storage.accounts import people
from storage.database import Tx, metadata
from storage.errors import Conflict, NotFound
from storage.ids import new_id

merchants = Table(
    "merchants",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("handle", String(80), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
)
merchant_members = Table(
    "merchant_members",
    metadata,
    Column("person_id", ForeignKey(people.c.id, ondelete="CASCADE"), primary_key=True),
    Column("merchant_id", ForeignKey("merchants.id", ondelete="CASCADE"), nullable=False, index=True),
)


def add_merchant(tx: Tx, handle: str, name: str) -> str:
    """Write a merchant and return its id; raises Conflict `handle-taken`."""
    if merchant_by_handle(tx, handle) is not None:
        raise Conflict("handle-taken", "There is already something with this name. Choose another one.", field="handle")
    merchant_id = new_id()
    tx.execute(insert(merchants).values(id=merchant_id, handle=handle, name=name))
    return merchant_id


def merchant_by_handle(tx: Tx, handle: str) -> str | None:
    """Return the id of the merchant with this handle."""
    found: str | None = tx.scalar(select(merchants.c.id).where(merchants.c.handle == handle))
    return found


def merchant_name(tx: Tx, merchant_id: str) -> str:
    """Return what a merchant is called; raises NotFound."""
    name: str | None = tx.scalar(select(merchants.c.name).where(merchants.c.id == merchant_id))
    if name is None:
        raise NotFound("merchant-unknown", "There is no such merchant.")
    return name


def join_merchant(tx: Tx, person_id: str, merchant_id: str) -> None:
    """Let a person act for a merchant, instead of the one before."""
    tx.execute(delete(merchant_members).where(merchant_members.c.person_id == person_id))
    tx.execute(insert(merchant_members).values(person_id=person_id, merchant_id=merchant_id))


def merchant_of(tx: Tx, person_id: str) -> str | None:
    """Return the id of the merchant that a person acts for."""
    found: str | None = tx.scalar(
        select(merchant_members.c.merchant_id).where(merchant_members.c.person_id == person_id)
    )
    return found


def export(tx: Tx, person_id: str) -> str | None:
    """Return the name of the merchant that a person acts for."""
    merchant_id = merchant_of(tx, person_id)
    return None if merchant_id is None else merchant_name(tx, merchant_id)


def erase(tx: Tx, person_id: str) -> None:
    """Let a person act for no merchant; the merchant stays."""
    tx.execute(delete(merchant_members).where(merchant_members.c.person_id == person_id))
