"""`vitrine doctor` over real parts: what runs, what does not, and what to do about it; and `vitrine config show`."""

import json
import os
import socket
import time
from pathlib import Path

from click.testing import CliRunner

from storage import accounts, jobs, schema
from storage.clock import utcnow
from storage.database import Database
from storage.settings import Settings
from tests.web import coturn
from tests.web.peers import media_process, until
from web import certificate, cli, doctor
from web.services import Services
from web.supervisor import answers

assert media_process, "a fixture of the tests below"
assert accounts, "its table is the database's"


def by_name(settings: Settings) -> dict[str, doctor.Finding]:
    return {each.name: each for each in doctor.examine(settings)}


def test_an_empty_machine_gets_advice_and_no_files(tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    found = by_name(Settings(data_dir=folder))
    assert not folder.exists(), "it only looks"
    assert [each.name for each in found.values() if each.state == "FAIL"] == []
    for name in ("Data directory", "Broker", "Database", "Media process", "HTTPS"):
        assert found[name].state == "WARN", name
        assert found[name].fix, name
    assert {
        "Python",
        "SQLite",
        "FFmpeg",
        "Forwarding",
        "Disk",
        "Open files",
        "UDP receive buffer",
        "Clock",
        "Cores",
    } <= set(found)


def test_what_runs_is_well(services: Services, media_process: object, tmp_path: Path) -> None:
    settings = services.settings
    tmp_path.chmod(0o700)
    services.db.dispose()
    (tmp_path / "vitrine.sqlite3").unlink()
    schema.upgrade(services.db)
    with services.db.writing() as tx:
        jobs.sweep(tx, utcnow())
    until(lambda: answers(settings.media_socket))
    found = by_name(settings)
    for name in ("Broker", "Database", "Worker", "Media process", "Data directory"):
        assert found[name].state == "OK", found[name]
    assert found["Broker"].detail == "answers, and appends every write to a file"
    assert found["Live port"].state == "WARN", "no port is fixed"
    assert "127.0.0.1 (private)" in found["Live addresses"].detail
    assert by_name(settings.model_copy(update={"media_port": 8189}))["Live port"].state == "OK"


def test_what_should_run_and_does_not_is_a_failure(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings = Settings(data_dir=tmp_path, redis_url=f"redis://127.0.0.1:{port}", disk_reserve=1 << 60)
    found = by_name(settings)
    assert found["Broker"].state == "FAIL"
    assert found["Disk"].state == "FAIL"
    said = CliRunner().invoke(
        cli.main,
        ["doctor", "--json", "--data-dir", str(tmp_path)],
        env={"REDIS_URL": settings.redis_url},
    )
    assert said.exit_code == 1
    told = json.loads(said.stdout)
    assert told["state"] == "FAIL"
    (broker,) = [each for each in told["checks"] if each["name"] == "Broker"]
    assert (broker["state"], broker["detail"]) == ("FAIL", "does not answer")
    assert all(set(each) == {"name", "state", "detail", "fix"} for each in told["checks"])


def test_the_databases_schema(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    database = Database(settings.resolved_database_url)
    with database.writing() as tx:
        tx.connection.exec_driver_sql("CREATE TABLE other (id INTEGER)")
    assert by_name(settings)["Database"].fix.startswith("Run `vitrine migrate`")
    schema.upgrade(database)
    assert by_name(settings)["Database"].state == "OK"
    with database.writing() as tx:
        tx.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert by_name(settings)["Database"].state == "FAIL"
    database.dispose()
    Path(tmp_path / "vitrine.sqlite3").write_bytes(b"nonsense" * 1000)
    assert by_name(settings)["Database"].state == "FAIL"


def test_rights_and_the_certificate(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    tmp_path.chmod(0o755)
    assert by_name(settings)["Data directory"].fix == f"chmod go-rwx {tmp_path}"
    tmp_path.chmod(0o700)
    assert by_name(settings)["Data directory"].state == "OK"
    assert by_name(settings)["HTTPS"].state == "WARN"
    certificate.ensure(tmp_path, doctor.local_addresses(), utcnow())
    assert by_name(settings)["HTTPS"].state == "OK"
    certificate.ensure(tmp_path, doctor.local_addresses(), utcnow() - certificate.LIFE + certificate.RENEW_BEFORE)
    assert "ends on" in by_name(settings)["HTTPS"].detail


def test_a_relay_is_tried_with_our_credentials(tmp_path: Path) -> None:
    with coturn.running() as url:
        right = Settings(data_dir=tmp_path, turn_urls=url, turn_secret=coturn.SECRET)
        deadline = time.monotonic() + 30
        while (found := by_name(right)["Relay"]).state != "OK" and time.monotonic() < deadline:
            assert "does not answer" in found.detail or "cannot be reached" in found.detail
        assert found.detail == f"{url} relays from 127.0.0.1"
        wrong = by_name(Settings(data_dir=tmp_path, turn_urls=url, turn_secret="south"))["Relay"]
        assert (wrong.state, "refuses our credentials (401" in wrong.detail) == ("FAIL", True)
    gone = by_name(right)["Relay"]
    assert gone.state == "FAIL"


def test_the_table_for_people(tmp_path: Path) -> None:
    said = CliRunner().invoke(cli.main, ["doctor", "--data-dir", str(tmp_path)])
    assert said.exit_code == 0, said.output
    assert any(line.startswith("OK    Python ") for line in said.output.splitlines())
    assert "  -> Start it with `vitrine up`." in said.output


def test_the_configuration_is_shown_without_secrets(tmp_path: Path) -> None:
    secret = tmp_path / "turn.secret"
    secret.write_text("hidden-one")
    said = CliRunner().invoke(
        cli.main,
        ["config", "show", "--data-dir", str(tmp_path)],
        env={
            "REDIS_URL": "redis://app:hidden-two@redis.example.org/1",
            "DATABASE_URL": "postgresql://vitrine:hidden-three@db.example.org/vitrine",
            "VITRINE_TURN_URLS": "turn:turn.example.org",
            "VITRINE_TURN_SECRET": "hidden-four",
            "VITRINE_TURN_SECRET_FILE": str(secret),
        },
    )
    assert said.exit_code == 0, said.output
    assert "hidden" not in said.output
    chosen, defaults = said.output.split("# defaults")
    assert "REDIS_URL=redis://app:***@redis.example.org/1  # " in chosen
    assert "VITRINE_TURN_SECRET=***" in chosen
    assert f"VITRINE_DATA_DIR={tmp_path}" in chosen
    assert "VITRINE_PORT=8000" in defaults
    for name in Settings.model_fields:
        assert f"{name.upper()}=" in said.output, name
    assert os.environ.get("VITRINE_TURN_SECRET") is None
