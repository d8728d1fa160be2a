"""The page of experiments and its interface: who may do what, and figures that say what was planted."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from personalization import experiments, log
from personalization.interleaving import preference
from personalization.log import Event
from personalization.offpolicy import Showing, proposed
from shop import merchants
from storage import accounts
from storage.clock import utcnow
from web.comparisons import Weighed, preference_shown, weighed_shown
from web.services import Services

pytestmark = pytest.mark.slow


def crowd(services: Services, experiment_id: str, viewers: int, dice: random.Random) -> None:
    """Viewers of either variant over four days; the second watches half as long again."""
    now = utcnow()
    with services.db.writing() as tx:
        names = [each.name for each in experiments.get(tx, experiment_id).variants]
        for number in range(viewers):
            at = now - timedelta(days=4) + timedelta(days=3.9) * (number / viewers)
            viewer, name = accounts.add_guest(tx, "en", at), names[number % 2]
            tx.execute(
                experiments.exposures.insert().values(
                    experiment_id=experiment_id, viewer_id=viewer, variant=name, at=at
                )
            )
            watched = int(dice.gammavariate(9, 2_000) * (1 + (number % 2) / 2))
            event = Event(str(number), "Video Playback Exited", at + timedelta(minutes=1), watched_ms=watched)
            log.append(tx, viewer, [event], at, personalise=False, measure=True)


def test_an_operator_starts_widens_and_stops(client: TestClient, sign_in: Callable[..., str]) -> None:
    sign_in(client, "operator")
    made = client.post("/v1/experiments", json={"preset": "personal", "traffic": 0.25})
    assert made.status_code == 201
    address = f"/v1/experiments/{made.json()['id']}"
    assert [each["name"] for each in made.json()["variants"]] == ["same-for-all", "personal"]
    assert client.post(f"{address}/ramp", json={"traffic": 0.5}).json()["traffic"] == 0.5
    assert client.post("/v1/experiments", json={"preset": "check"}).status_code == 409
    assert client.post(f"{address}/share").status_code == 422
    assert client.post(f"{address}/stop").json()["state"] == "stopped"
    assert client.post(f"{address}/ramp", json={"traffic": 0.5}).status_code == 409
    assert client.post(f"{address}/ramp", json={"traffic": 5}).status_code == 422
    assert client.post("/v1/experiments", json={"preset": "nothing"}).status_code == 422
    assert client.get("/v1/experiments/nothing").status_code == 404
    assert [each["state"] for each in client.get("/v1/experiments").json()["experiments"]] == ["stopped"]
    whole = client.post("/v1/experiments", json={"preset": "holdout"}).json()
    assert [(each["name"], each["share"]) for each in whole["variants"]] == [("held-out", 0.02), ("as-always", 0.08)]
    assert client.post(f"/v1/experiments/{whole['id']}/ramp", json={"traffic": 0.5}).status_code == 409
    assert "2 % of the viewers never get a personal feed" in client.get("/merchant/experiments?lang=en").text


def test_two_rankings_in_one_feed_and_what_other_shares_would_earn(
    client: TestClient, sign_in: Callable[..., str]
) -> None:
    sign_in(client, "operator")
    made = client.post("/v1/experiments", json={"preset": "interleave", "traffic": 0.5}).json()
    found = client.get(f"/v1/experiments/{made['id']}").json()["preference"]
    assert (found["verdict"], found["first"], found["second"]) == ("open", 0, 0)
    page = client.get("/merchant/experiments?lang=en").text
    assert "Nobody has watched such a feed yet." in page
    assert "The log says too little about this ranking: 0 showings and 0 clicks count" in page
    assert client.get("/v1/exploration?share=0.1").status_code == 409
    assert client.get("/v1/exploration?share=none").status_code == 422


def test_estimates_and_preferences_as_the_page_shows_them() -> None:
    dice, found = random.Random(1), []
    for number in range(3_000):
        explored = dice.random() < 0.05 * 9 / 10
        welcomed = dice.random() < (0.2 if explored else 0.4)
        found.append(Showing(str(number % 30), 0.05, 10, 1, explored, 0.005 if explored else 0.955, welcomed))
    none, more = proposed(found, 0.0, 0.05), proposed(found, 0.1, 0.05)
    shown = weighed_shown(Weighed(3_000, 1_170, (none, more), None), "en")
    assert [row["share"] for row in shown["rows"]] == ["0%", "10%"]
    assert shown["now"] == "39%"
    assert shown["plot"].bars[0].high < shown["plot"].bars[0].middle < shown["plot"].bars[0].low
    votes = preference_shown(preference([(1, 0)] * 60 + [(0, 1)] * 20 + [(0, 0)] * 20), ["One", "Other"], "en")
    assert votes["sentence"] == "Viewers prefer the first."
    assert votes["parts"] == [("One", 60, 60.0), ("No difference", 20, 20.0), ("Other", 20, 20.0)]


def test_a_merchant_reads_and_a_viewer_does_not(
    client: TestClient, services: Services, sign_in: Callable[..., str]
) -> None:
    assert client.get("/v1/experiments").status_code == 401
    assert client.get("/merchant/experiments", follow_redirects=False).status_code == 303
    sign_in(client)
    assert client.get("/v1/experiments").status_code == 403
    with services.db.writing() as tx:
        merchant = merchants.add_merchant(tx, "hut", "Hut & Co")
    sign_in(client, "merchant", merchant=merchant)
    page = client.get("/merchant/experiments?lang=en").text
    assert "Nothing yet." in page
    assert "Try something" not in page
    assert client.post("/v1/experiments", json={"preset": "check"}).status_code == 403
    assert (
        client.post("/merchant/experiments", data={"act": "new", "preset": "check", "traffic": "1"}).status_code == 403
    )


def test_the_page_shows_what_was_planted(client: TestClient, services: Services, sign_in: Callable[..., str]) -> None:
    sign_in(client, "operator")
    page = client.post("/merchant/experiments?lang=en", data={"act": "new", "preset": "personal", "traffic": "1.0"})
    experiment_id = page.url.params["id"]
    assert "too few viewers for an interval" in client.get("/merchant/experiments?lang=en").text
    crowd(services, experiment_id, 1_200, random.Random(1))
    report = client.get(f"/v1/experiments/{experiment_id}").json()
    found = report["metrics"]["watch_time"]["variants"][0]
    assert found["verdict"] == "better"
    assert found["uplift"]["relative_low"] < 0.5 < found["uplift"]["relative_high"]
    assert report["metrics"]["conversion"]["variants"][0]["verdict"] == "open"
    assert report["sample_ratio"]["alarm"] is False
    page = client.get(f"/merchant/experiments?id={experiment_id}&metric=watch_time&lang=en")
    assert "Clearly better than the control." in page.text
    assert "<polygon" in page.text
    assert "As a table" in page.text


def test_a_broken_split_is_an_alarm(client: TestClient, services: Services, sign_in: Callable[..., str]) -> None:
    sign_in(client, "operator")
    made = client.post("/v1/experiments", json={"preset": "check", "traffic": 1}).json()
    crowd(services, made["id"], 300, random.Random(1))
    with services.db.writing() as tx:
        gone = experiments.exposures.c.variant == "usual"
        tx.execute(experiments.exposures.delete().where(gone))
    assert client.get(f"/v1/experiments/{made['id']}").json()["sample_ratio"]["alarm"] is True
    assert "do not trust these figures" in client.get("/merchant/experiments?lang=en").text


def test_a_bandit_is_shared_out_anew(client: TestClient, sign_in: Callable[..., str]) -> None:
    sign_in(client, "operator")
    made = client.post("/v1/experiments", json={"preset": "bandit", "traffic": 1}).json()
    shares = [each["share"] for each in client.post(f"/v1/experiments/{made['id']}/share").json()["variants"]]
    assert abs(sum(shares) - 1) < 1e-9
    assert min(shares) >= 0.05
