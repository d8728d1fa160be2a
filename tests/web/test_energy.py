"""The operator's page about energy: figures from the meter, and a budget that changes how videos are made."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from storage import costs
from storage.clock import utcnow
from storage.costs import Spent, Tally
from storage.jobs import Claim
from web.services import Services

pytestmark = pytest.mark.slow

SignIn = Callable[..., str]
PAGE = "/operator/energy"


def book(services: Services, kind: str, cpu: float, made: int = 0, days_ago: int = 0) -> None:
    with services.db.writing() as tx:
        held = Claim("none", kind, "k", "s", 1, 1)
        used = Spent(cpu, 5_000_000, 2_000_000)
        costs.book(tx, held, used, Tally(4, made), 20.0, utcnow() - timedelta(days=days_ago))


def figure(page: str, name: str) -> str:
    found = re.search(rf'data-figure="{name}">([^<]*)<', page)
    assert found is not None
    return found[1]


def level(page: str) -> str:
    found = re.search(r'data-level="(\w+)" aria-current="true"', page)
    assert found is not None
    return found[1]


def test_only_operators_see_and_set_it(client: TestClient, sign_in: SignIn) -> None:
    sign_in(client, "merchant")
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, data={"budget": "1"}).status_code == 403


def test_an_empty_meter_says_so(client: TestClient, sign_in: SignIn) -> None:
    sign_in(client, "operator")
    page = client.get(PAGE).text
    assert 'class="empty"' in page
    assert figure(page, "all") == "–"
    assert level(page) == "personal"


def test_figures_bars_and_the_budget(client: TestClient, services: Services, sign_in: SignIn) -> None:
    book(services, "assemble", 36.0, 100)  # 0.2 Wh
    book(services, "personal", 36.0)
    book(services, "ingest", 180.0, days_ago=3)  # 1 Wh
    book(services, "ingest", 180.0, days_ago=99)
    sign_in(client, "operator")
    page = client.get(PAGE).text
    assert (figure(page, "all"), figure(page, "each")) == ("14", "4")
    heights = dict(re.findall(r'<rect class="energy-(\w+)" x="\d+" y="[\d.]+" width="24" height="([\d.]+)"', page))
    assert heights == {"ingest": "160.0", "assemble": "32.0", "personal": "32.0"}
    assert 'data-kind="ingest"' in page

    for wrong in ("-1", "0", "much", "nan", "1e99"):
        answer = client.post(PAGE, data={"budget": wrong})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    for typed, expected in (("5", "personal"), ("3,5", "stitched"), ("1", "whole"), ("", "personal")):
        answer = client.post(PAGE, data={"budget": typed}, follow_redirects=False)
        assert answer.status_code == 303
        assert level(client.get(PAGE).text) == expected
    metrics = client.get("/metrics").text
    assert 'job_cpu_seconds_total{kind="assemble"} 36.0' in metrics
    assert 'job_bytes_total{direction="in",kind="ingest"} 1e+07' in metrics
    assert 'video_level{level="personal"} 1.0' in metrics
