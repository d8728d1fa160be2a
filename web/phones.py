"""`vitrine up --https`: the certificate on all addresses, and what to tell somebody with a phone in hand."""

import ssl
import sys

import click

from livestream.addresses import local_addresses, main_address
from storage.clock import utcnow
from storage.settings import Settings
from web import certificate

EVERYWHERE = "0.0.0.0"  # noqa: S104
ABOUT_THE_DEMO = (
    "On a phone the demo can be watched, and everybody can make a viewer's account. Its one-click sign-in works on this"
    "\nmachine only; to go live from a phone, invite a host on /operator and open the link there."
)


def web_url(settings: Settings, host: str) -> str:
    """Return the URL of web under one of its hosts."""
    return f"{'https' if settings.https else 'http'}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def make_certificate(settings: Settings) -> ssl.SSLContext:
    """See to a certificate that fits this machine's addresses; returns the context of programs that trust it."""
    certificate.ensure(settings.data_dir, sorted({*local_addresses(), *settings.media_addresses}), utcnow())
    return certificate.client_context(settings.data_dir)


def greet(settings: Settings) -> None:
    """Print the address for phones of the same network and its QR code."""
    address = main_address() if settings.host == EVERYWHERE else settings.host
    if address is None:
        click.echo("phones: this machine has no network that a phone could come through")
        return
    url = web_url(settings, address)
    click.echo(f"phones {url}  (same network; the browser warns of a certificate it does not know)")
    click.echo(f"certificate SHA-256 {certificate.fingerprint(settings.data_dir / certificate.CERTIFICATE)}")
    if settings.demo:
        click.echo(ABOUT_THE_DEMO)
    click.echo(certificate.qr_code(url, colours=sys.stdout.isatty()))
