"""The self-signed certificate of `vitrine up --https`, and the QR code that takes a phone to it."""

import os
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import segno
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERTIFICATE, KEY = "https.crt", "https.key"
# Browsers refuse certificates that live longer (CA/Browser Forum, ballot SC-31).
LIFE = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
# A clock that is a little behind must not find it not yet valid.
BACKDATED = timedelta(hours=1)
LONGEST_NAME = 64
QUIET_ZONE = 2
BRIGHT_ON_BLACK, PLAIN = "\033[97;40m", "\033[0m"


def ensure(data_dir: Path, addresses: Sequence[str], now: datetime) -> tuple[Path, Path]:
    """Return the files of a certificate for this machine, made anew when its addresses changed or it nears its end."""
    certificate, key = data_dir / CERTIFICATE, data_dir / KEY
    names = wanted_names(addresses)
    if not _fits(certificate, key, names, now):
        _write(certificate, key, names, now)
    return certificate, key


def wanted_names(addresses: Sequence[str]) -> list[str]:
    """Return what the certificate is for: names first, then addresses."""
    host = socket.gethostname()
    usable = host.isascii() and 0 < len(host) <= LONGEST_NAME
    names = ["localhost", *([host, f"{host}.local"] if usable and host != "localhost" and "." not in host else [])]
    if usable and "." in host:
        names.append(host)
    return [*names, *dict.fromkeys(str(ip_address(each)) for each in ("127.0.0.1", "::1", *addresses))]


def client_context(data_dir: Path) -> ssl.SSLContext:
    """Return the context of our own programs, which trust this very certificate and no other."""
    return ssl.create_default_context(cafile=str(data_dir / CERTIFICATE))


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 fingerprint as browsers show it."""
    digest = x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256())
    return digest.hex(":").upper()


def qr_code(text: str, *, colours: bool) -> str:
    """Draw a QR code of half blocks, two modules a character high; with colours it is bright on any terminal."""
    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix_iter(border=QUIET_ZONE)]
    if len(rows) % 2:
        rows.append(bytes(len(rows[0])))
    # bright modules are drawn, dark ones are left to the background
    pieces = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    lines = ("".join(pieces[pair] for pair in zip(*rows[at : at + 2], strict=True)) for at in range(0, len(rows), 2))
    return "\n".join(f"{BRIGHT_ON_BLACK}{line}{PLAIN}" if colours else line for line in lines)


def _fits(certificate: Path, key: Path, names: Sequence[str], now: datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        held = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError):
        return False
    alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        found.public_key() == held.public_key()
        and [str(each.value) for each in alternatives] == list(names)
        and found.not_valid_before_utc <= now < found.not_valid_after_utc - RENEW_BEFORE
    )


def _write(certificate: Path, key: Path, names: Sequence[str], now: datetime) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vitrine on this machine")])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now - BACKDATED + LIFE)
        .add_extension(x509.SubjectAlternativeName([_general_name(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # The key first: a crash in between leaves a pair that does not fit and is made anew.
    for path, content in ((key, secret), (certificate, built.public_bytes(serialization.Encoding.PEM))):
        partial = path.with_suffix(".new")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        partial.replace(path)


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)
