"""Files that mean harm end with a clear refusal or are harmless: no child dies, nothing is left, limits hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.video_assembly.attack import campaign

pytestmark = pytest.mark.slow


def test_three_hundred_hostile_files(tmp_path: Path) -> None:
    campaign(300, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(14_400)
def test_ten_thousand_hostile_files(tmp_path: Path) -> None:
    campaign(10_000, tmp_path, show=True)
