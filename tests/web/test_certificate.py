"""The certificate of `up --https`: whom it is for, who may read it, when it is made anew; and the QR code."""

import socket
import ssl
import stat
import threading
from datetime import timedelta
from pathlib import Path

import segno
from cryptography import x509

from storage.clock import utcnow
from web import certificate


def names(path: Path) -> list[str]:
    found = x509.load_pem_x509_certificate(path.read_bytes())
    return [str(each.value) for each in found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]


def test_it_names_the_machine_and_its_addresses_and_is_private(tmp_path: Path) -> None:
    made, key = certificate.ensure(tmp_path, ["192.0.2.2", "fd00::2"], utcnow())
    assert {"localhost", "127.0.0.1", "::1", "192.0.2.2", "fd00::2"} <= set(names(made))
    assert any(socket.gethostname() in name for name in names(made))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(certificate.fingerprint(made).split(":")) == 32


def test_it_is_kept_until_an_address_changes_or_it_nears_its_end(tmp_path: Path) -> None:
    now = utcnow()
    made, key = certificate.ensure(tmp_path, ["192.0.2.2"], now)
    first = made.read_bytes()
    certificate.ensure(tmp_path, ["192.0.2.2"], now + timedelta(days=300))
    assert made.read_bytes() == first
    certificate.ensure(tmp_path, ["192.0.2.3"], now)
    second = made.read_bytes()
    assert second != first
    assert "192.0.2.3" in names(made)
    certificate.ensure(tmp_path, ["192.0.2.3"], now + timedelta(days=370))
    assert made.read_bytes() != second
    third = made.read_bytes()
    key.write_text("broken")
    certificate.ensure(tmp_path, ["192.0.2.3"], now + timedelta(days=370))
    assert made.read_bytes() != third


def test_our_own_programs_trust_it_and_no_other(tmp_path: Path) -> None:
    made, key = certificate.ensure(tmp_path, [], utcnow())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for _ in range(2):
                taken, _ = listening.accept()
                try:
                    server.wrap_socket(taken, server_side=True).close()
                except OSError:
                    taken.close()

        thread = threading.Thread(target=serve)
        thread.start()
        refusals = []
        for context in (certificate.client_context(tmp_path), ssl.create_default_context()):
            with socket.create_connection(listening.getsockname()) as plain:
                try:
                    context.wrap_socket(plain, server_hostname="127.0.0.1").close()
                except ssl.SSLCertVerificationError as error:
                    refusals.append(error.verify_message)
        thread.join()
    assert refusals == ["self-signed certificate"]


def test_the_qr_code_holds_the_address() -> None:
    """The half blocks are read back into modules and compared with the code itself."""
    url = "https://192.168.178.23:8000"
    drawn = certificate.qr_code(url, colours=False).splitlines()
    halves = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}
    rows = [[halves[sign][half] for sign in line] for line in drawn for half in (0, 1)]
    zone = certificate.QUIET_ZONE
    wanted = [list(row) for row in segno.make(url, error="m", micro=False).matrix]
    inner = [row[zone : zone + len(wanted)] for row in rows[zone : zone + len(wanted)]]
    assert inner == wanted
    assert not any(rows[0])
    assert certificate.qr_code(url, colours=True).startswith("\033[")
