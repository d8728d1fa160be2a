"""Who has which room: leases in a real broker, and what a host does without one."""

from collections.abc import AsyncIterator

import pytest

from storage.messages import BrokerGone, Leases
from tests.livestream.harness import until
from web.registry import Registry

pytestmark = pytest.mark.anyio
NOWHERE = "redis://127.0.0.1:9/0"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def leases(valkey: str) -> AsyncIterator[Leases]:
    it = Leases(valkey)
    yield it
    await it.aclose()


async def test_a_name_is_its_holders_until_it_ends(leases: Leases) -> None:
    assert await leases.hold("test:name", "a", 60) == "a"
    assert await leases.hold("test:name", "b", 60) == "a"
    await leases.renew({"test:name": "b", "test:other": "b"}, 60)
    assert (await leases.find("test:name"), await leases.find("test:other")) == ("a", "b")
    await leases.renew({"test:name": "a"}, 0.05)

    async def over() -> bool:
        return await leases.find("test:name") is None

    await until(over)
    assert await leases.hold("test:name", "b", 60) == "b"


async def test_who_does_not_come_back_is_no_member_any_more(leases: Leases) -> None:
    await leases.gather("test:group", "a", -1)
    assert await leases.gather("test:group", "b", 60) == ["b"]
    assert sorted(await leases.gather("test:group", "c", 60)) == ["b", "c"]


async def test_hosts_find_each_other_and_a_room_is_at_one(valkey: str) -> None:
    one, other = Registry(Leases(valkey), "http://one"), Registry(Leases(valkey), "http://other")
    assert await one.elsewhere("registry-room") is None
    assert await one.elsewhere("registry-room", claim=True) is None
    assert await other.elsewhere("registry-room", claim=True) == "http://one"
    await one.renew(["registry-room"])
    await other.renew([])
    assert "http://one" in other.hosts
    assert "http://other" not in other.hosts
    assert await one.use_once("registry-token", 60)
    assert not await one.use_once("registry-token", 60)
    assert not await other.use_once("registry-token", 60), "not even at another host"
    await one.aclose()
    await other.aclose()


async def test_without_a_broker_the_last_knowledge_holds(valkey: str) -> None:
    one, other = Registry(Leases(valkey), "http://one"), Registry(Leases(valkey), "http://other")
    assert await one.elsewhere("kept-room", claim=True) is None
    assert await other.elsewhere("kept-room") == "http://one"
    await other.aclose()
    other._leases = Leases(NOWHERE)
    with pytest.raises(BrokerGone):
        await other._leases.find("kept-room")
    assert await other.elsewhere("kept-room") == "http://one"
    assert await other.elsewhere("new-room", claim=True) is None, "what nobody is known to have is its own"
    await other.renew(["new-room"])
    assert await other.use_once("lonely-token", 60)
    assert not await other.use_once("lonely-token", 60)
    await one.aclose()
    await other.aclose()
