"""The `vitrine` command: everything in one (`up`) or the parts by themselves."""

import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from storage.settings import Settings, child_environment
from web import logs, operating
from web.options import media_options, with_settings
from web.supervisor import Part, Supervisor, answers, free_port, is_ready, vitrine_command

if TYPE_CHECKING:
    from storage.database import Database
    from web.services import Services

# Commands import what they run inside themselves: six processes start at once, and none should load the others' part.

# uvicorn's own defaults would buffer headers and messages of any size.
LARGEST_HEADER = 16_384
LARGEST_MESSAGE = 65_536
BROKER_PATIENCE = 15.0
PATIENCE = 60.0


@click.group()
@click.version_option(package_name="vitrine")
def main() -> None:
    """Self-hosted live shopping and short videos put together for each viewer."""


@main.command()
@click.option("--demo", is_flag=True, default=None, help="With the demo shop and one-click sign-in (loopback only).")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@click.option("--https", is_flag=True, default=None, help="Self-signed certificate, all addresses, QR code for phones.")
@media_options
@with_settings
def up(settings: Settings) -> None:
    """Start everything and print one URL."""
    from storage import broker, schema
    from storage.clock import utcnow
    from storage.database import Database
    from storage.media import Media
    from storage.messages import Messages
    from web import demo, phones

    if settings.https and "host" not in settings.model_fields_set:
        settings = settings.model_copy(update={"host": phones.EVERYWHERE})
    port = free_port(settings.host, settings.port)
    # Over HTTPS phones may look at the demo, too: its one-click sign-in asks by itself that one sits at this machine.
    if settings.demo and not settings.https and settings.host not in ("127.0.0.1", "::1", "localhost"):
        raise click.ClickException("The demo lets anybody sign in as anybody: it runs on 127.0.0.1 only.")
    own_broker = not settings.redis_url
    settings = settings.model_copy(update={"port": port, "redis_url": settings.redis_url or broker.url(settings)})
    trust = phones.make_certificate(settings) if settings.https else None
    url = phones.web_url(settings, "127.0.0.1" if settings.host == phones.EVERYWHERE else settings.host)
    supervisor = Supervisor(settings.data_dir, child_environment(settings))
    click.echo("Starting: 10 s, on a busy machine a minute ...", err=True)
    try:
        if own_broker:
            messages = Messages(settings.redis_url)
            supervisor.start([Part("broker", broker.command(settings), messages.ping, BROKER_PATIENCE)])
        database = Database(settings.resolved_database_url)
        schema.upgrade(database)
        if settings.demo:
            demo.load(database, Media(settings.media_dir), utcnow())
        supervisor.start(
            [Part("recorder", recorder_command(settings), settings.recorder_socket.exists)],
            [_media(settings, number) for number in range(len(settings.media_sockets))],
            [Part("web", vitrine_command("web"), lambda: is_ready(f"{url}/livez", trust), PATIENCE)],
            [
                # Ingest is nice to everybody else, assembly is not kept waiting by it.
                _worker("ingest", nice=10),
                _worker("assemble"),
                Part("beat", vitrine_command("beat"), lambda: is_ready(f"{url}/readyz", trust), PATIENCE),
            ],
        )
        if settings.demo:
            demo.write_credentials(database, settings, url, utcnow())
            supervisor.start([Part("showcase", vitrine_command("demo", "broadcast"), lambda: True)])
        _greet(database, url, settings)
        database.dispose()
        supervisor.run()
    finally:
        supervisor.stop()


def _media(settings: Settings, number: int) -> Part:
    name = f"media-{number}" if number else "media"
    return Part(name, media_command(settings, number), lambda: answers(settings.media_sockets[number]))


def _worker(queue: str, nice: int = 0) -> Part:
    # Without a broker Celery's slow farewell could outlive a killed supervisor; jobs survive a SIGKILL by design.
    command = vitrine_command("worker", "--queue", queue)
    return Part(queue, command, lambda: True, nice=nice, last_signal=signal.SIGKILL)


def _greet(database: "Database", url: str, settings: Settings) -> None:
    from storage import accounts
    from storage.clock import utcnow

    with database.writing() as tx:
        if not accounts.has_operator(tx):
            token = accounts.invite(tx, "operator", "", utcnow())
            click.echo(f"operator {url}/welcome/{token}  (opens once: the first operator's account)")
    click.echo(f"ready {url}")
    if settings.https:
        from web import phones

        phones.greet(settings)
    click.echo(f"data {settings.data_dir.resolve()}  (logs are in its folder logs/; Ctrl-C stops everything)", err=True)
    sys.stdout.flush()


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
@click.option("--https", is_flag=True, default=None, help="Speak HTTPS with the data directory's own certificate.")
@with_settings
def web(settings: Settings) -> None:
    """Serve pages and API."""
    import uvicorn

    from web.app import create_app
    from web.protocol import PunctualProtocol

    logs.configure("web", settings.log_level, settings.log_format)
    services = build_services(settings)
    if settings.https:
        from web import phones

        phones.make_certificate(settings)
    uvicorn.run(
        create_app(services),
        ssl_certfile=settings.data_dir / "https.crt" if settings.https else None,
        ssl_keyfile=settings.data_dir / "https.key" if settings.https else None,
        host=settings.host,
        port=settings.port,
        loop="asyncio",
        http=PunctualProtocol,
        ws="websockets-sansio",
        h11_max_incomplete_event_size=LARGEST_HEADER,
        ws_max_size=LARGEST_MESSAGE,
        ws_max_queue=16,
        ws_per_message_deflate=False,
        limit_concurrency=1000,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=3,
        server_header=False,
        access_log=False,
        log_config=None,
        proxy_headers=settings.trust_proxy,
    )


def build_services(settings: Settings) -> "Services":
    """Build what the endpoints work with from the settings."""
    import workers.app
    from storage import broker
    from storage.database import Database
    from storage.media import Media
    from storage.messages import Leases, Messages
    from web.media_processes import MediaProcesses
    from web.registry import Registry
    from web.services import Services

    redis_url = settings.redis_url or broker.url(settings)
    messages = Messages(redis_url)
    database = Database(settings.resolved_database_url, ring=workers.app.make_ring(redis_url), publish=messages.publish)
    # A host alone knows from its media processes what is where.
    registry = Registry(Leases(redis_url), settings.public_url) if settings.public_url else None
    media_processes = MediaProcesses(settings.media_sockets, registry)
    return Services(settings, database, Media(settings.media_dir), messages, media_processes)


@main.command()
@click.option("--number", type=click.IntRange(0), default=0, help="Which of several, from 0; web calls all of them.")
@media_options
@with_settings
def media(settings: Settings, number: int) -> None:
    """Run a media process: peer connections and packets, nothing else."""
    if number >= len(settings.media_sockets):
        raise click.ClickException(
            f"VITRINE_MEDIA_PROCESSES is {settings.media_processes}: there is no number {number}."
        )
    command = media_command(settings, number)
    os.execv(command[0], command)  # noqa: S606


def media_command(settings: Settings, number: int = 0) -> list[str]:
    """Return the command line of a media process, which needs none of the modules of this one."""
    addresses = [part for address in settings.media_addresses for part in ("--address", address)]
    port = ["--port", str(settings.media_port + number if settings.media_port else 0)]
    most = ["--max-viewers", str(settings.max_viewers), "--max-peers", str(settings.max_viewers * 5 // 4 + 16)]
    recorder = ["--recorder", str(settings.recorder_socket)]
    socket = ["--socket", str(settings.media_sockets[number])]
    return [sys.executable, "-m", "livestream.server", *socket, *recorder, *port, *most, *addresses]


@main.command()
@with_settings
def recorder(settings: Settings) -> None:
    """Run the recorder process: live HLS and recordings of what the media process forwards."""
    command = recorder_command(settings)
    os.execv(command[0], command)  # noqa: S606


def recorder_command(settings: Settings) -> list[str]:
    """Return the command line of the recorder process, which needs none of the modules of this one."""
    arguments = ["--socket", str(settings.recorder_socket), "--directory", str(settings.recordings_dir)]
    arguments += ["--reserve", str(settings.disk_reserve), "--log-level", settings.log_level]
    if settings.demo:
        # Its show never ends.
        arguments += ["--longest", "3600"]
    return [sys.executable, "-m", "livestream.recorder", *arguments]


@main.command()
@click.option("--queue", type=click.Choice(["ingest", "assemble"]), multiple=True, help="Both when not given.")
@with_settings
def worker(settings: Settings, queue: tuple[str, ...]) -> None:
    """Work on jobs."""
    import workers.app
    from video_assembly import walls

    logs.configure("worker", settings.log_level, settings.log_format)
    if walls.kind() == "limits" and not (settings.demo or settings.unconfined):
        raise click.ClickException(
            "Uploads are decoded behind walls that this machine does not have. Install bubblewrap (apt-get install "
            "bubblewrap), or run a Linux with Landlock; to try it out without, set VITRINE_UNCONFINED=1."
        )
    workers.app.run_worker(settings, queue or ("ingest", "assemble"))


@main.command()
@with_settings
def beat(settings: Settings) -> None:
    """Ring the bell of the sweep every few seconds."""
    import workers.app

    logs.configure("beat", settings.log_level, settings.log_format)
    workers.app.run_beat(settings)


@main.command()
@with_settings
def migrate(settings: Settings) -> None:
    """Bring the database to this version's schema."""
    from storage import schema
    from storage.database import Database

    schema.upgrade(Database(settings.resolved_database_url))


@main.group("demo")
def demo_group() -> None:
    """The demo shop."""


@demo_group.command("load")
@with_settings
def demo_load(settings: Settings) -> None:
    """Put the demo shop into the current database; again does no harm."""
    _load_demo(settings, anew=False)


@demo_group.command("reset")
@with_settings
def demo_reset(settings: Settings) -> None:
    """Take the demo shop out and put it in as new."""
    _load_demo(settings, anew=True)


def _load_demo(settings: Settings, anew: bool) -> None:
    from storage import schema
    from storage.clock import utcnow
    from storage.database import Database
    from storage.media import Media
    from web import demo

    database = Database(settings.resolved_database_url)
    schema.upgrade(database)
    if anew:
        demo.forget(database, utcnow())
    demo.load(database, Media(settings.media_dir), utcnow())


@demo_group.command("broadcast")
@with_settings
def demo_broadcast(settings: Settings) -> None:
    """Be the host of the demo's running room."""
    from web import showcase

    logs.configure("showcase", settings.log_level, settings.log_format)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    showcase.broadcast(settings)


main.add_command(operating.doctor)
main.add_command(operating.config)


if __name__ == "__main__":
    main()
