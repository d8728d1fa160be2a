"""Every setting with its default and its meaning, read once from the environment and then frozen."""

import hashlib
import os
import re
import secrets
import tempfile
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SHORTEST_SECRET = 32
MEBIBYTE = 1024 * 1024
# sockaddr_un holds 108 bytes with the final zero (unix(7))
LONGEST_SOCKET_PATH = 107
# RFC 7064 and 7065, without what could end the value of a header
ICE_URL = re.compile(r"(stun|turn)s?:(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(\?transport=(udp|tcp))?")


class Settings(BaseSettings):
    """What an operator can set, as `VITRINE_<NAME>`; the URLs of services also under their usual bare names."""

    model_config = SettingsConfigDict(env_prefix="VITRINE_", frozen=True, extra="ignore", populate_by_name=True)

    data_dir: Path = Field(Path("data"), description="database, media, uploads, the embedded broker's file")
    host: str = Field("127.0.0.1", description="address that web listens on")
    port: int = Field(8000, ge=0, le=65535, description="port that web listens on; 0 takes a free one")
    https: bool = Field(False, description="web speaks HTTPS with the self-signed certificate of the data directory")
    redis_url: str = Field("", validation_alias="REDIS_URL", description="broker; empty: the embedded one")
    database_url: str = Field("", validation_alias="DATABASE_URL", description="rows; empty: SQLite in data_dir")
    media_url: str = Field("", validation_alias="MEDIA_URL", description="media files; empty: a folder in data_dir")
    media_address: str = Field("", description="comma separated IP addresses that rooms announce to viewers")
    media_port: int = Field(0, ge=0, le=65535, description="the one UDP port of live rooms; 0 takes free ones")
    stun_urls: str = Field("", description="comma separated stun: URLs that peers are told of")
    turn_urls: str = Field("", description="comma separated turn: and turns: URLs of a relay for who cannot send UDP")
    turn_secret: SecretStr = Field(SecretStr(""), description="the relay's static-auth-secret")
    turn_secret_file: Path | None = Field(None, description="a file with the relay's static-auth-secret")
    media_processes: int = Field(1, ge=0, le=64, description="media processes; 0: one for each core but one")
    max_viewers: int = Field(200, ge=1, description="viewers of one media process; more are sent to HLS")
    public_url: str = Field("", description="this host's URL for browsers, where several hosts share the rooms")
    shared_secret: SecretStr = Field(SecretStr(""), description="32 characters or more, the same on all hosts")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")
    log_format: Literal["text", "json"] = Field("text", description="json for log collectors")
    demo: bool = Field(False, description="demo shop and its one-click sign-in, on loopback only")
    unconfined: bool = Field(False, description="decode uploads though this machine can only limit time and memory")
    upload_limit: int = Field(200 * MEBIBYTE, ge=MEBIBYTE, description="bytes of one uploaded clip")
    upload_quota: int = Field(5120 * MEBIBYTE, ge=MEBIBYTE, description="bytes of originals of one merchant")
    disk_reserve: int = Field(512 * MEBIBYTE, ge=0, description="bytes of disk below which uploads are refused")
    record_shows: bool = Field(True, description="keep what shows sent: replays, and clips of what was pinned")
    replay_days: int = Field(90, ge=1, le=3650, description="days after which a replay is deleted")
    watts_per_core: float = Field(
        10.0, gt=0, le=500, description="power of one busy core, for the cost meter's estimate"
    )
    exploration: float = Field(0.1, ge=0.0, le=0.5, description="share of feed places given to surprise")
    trust_proxy: bool = Field(False, description="take the client's address and scheme from X-Forwarded-*")
    allowed_hosts: str = Field("*", description="comma separated Host values that web answers to")
    operator_name: str = Field("", description="name and address for the Impressum page")

    @field_validator("media_address")
    @classmethod
    def _only_addresses(cls, text: str) -> str:
        # Browsers do not look up names in candidates.
        return ",".join(str(ip_address(each.strip())) for each in text.split(",") if each.strip())

    @model_validator(mode="after")
    def _relays_can_be_used(self) -> Self:
        for kind in ("stun", "turn"):
            for url in self.ice_urls(kind):
                if not ICE_URL.fullmatch(url) or not url.startswith(kind):
                    raise ValueError(f"{url!r} is not like {kind}:host:3478 ({kind}_urls)")
        if self.turn_urls and not self.turn_key:
            raise ValueError("turn_urls need VITRINE_TURN_SECRET or VITRINE_TURN_SECRET_FILE")
        return self

    def ice_urls(self, kind: str) -> list[str]:
        """Return the URLs of the `stun` or the `turn` servers."""
        text = self.stun_urls if kind == "stun" else self.turn_urls
        return [url.strip() for url in text.split(",") if url.strip()]

    @property
    def turn_key(self) -> str:
        """The secret that the relay shares with us; raises ValueError when its file cannot be read."""
        if self.turn_secret_file is None:
            return self.turn_secret.get_secret_value()
        try:
            return self.turn_secret_file.read_text().strip()
        except OSError as error:
            raise ValueError(f"turn_secret_file cannot be read: {error.strerror}") from None

    @property
    def media_addresses(self) -> tuple[str, ...]:
        """The addresses of `media_address`: those of this machine are bound, others announced as leading here."""
        return tuple(each for each in self.media_address.split(",") if each)

    @field_validator("shared_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        if 0 < len(secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"at least {SHORTEST_SECRET} characters, drawn at random")
        return secret

    @field_validator("public_url")
    @classmethod
    def _an_origin(cls, text: str) -> str:
        if text and not re.fullmatch(r"https?://[^/\s?#]+/?", text):
            raise ValueError("a URL without a path, such as https://live.example.org")
        return text.rstrip("/")

    @property
    def resolved_database_url(self) -> str:
        """The database URL, SQLite in the data directory unless another one is set."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'vitrine.sqlite3'}"

    @property
    def media_dir(self) -> Path:
        """The folder of segments, thumbnails and uploads."""
        return Path(self.media_url.removeprefix("file://")) if self.media_url else self.data_dir.resolve() / "media"

    @property
    def media_socket(self) -> Path:
        """The unix socket on which the media process takes its calls."""
        return self.run_path("media.sock")

    @property
    def recorder_socket(self) -> Path:
        """The unix socket on which the recorder process takes streams."""
        return self.run_path("recorder.sock")

    @property
    def recordings_dir(self) -> Path:
        """The folder of what live shows sent, a folder for each."""
        return self.media_dir / "recordings"

    @property
    def media_sockets(self) -> list[Path]:
        """The unix sockets of all media processes of this host, that of `media_socket` first."""
        count = self.media_processes or max(1, len(os.sched_getaffinity(0)) - 1)
        return [self.media_socket, *(self.run_path(f"media-{number}.sock") for number in range(1, count))]

    def run_path(self, name: str) -> Path:
        """Return where the socket `name` lives: the data directory, or a short private folder when that is too deep."""
        path = self.data_dir.resolve() / name
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            return path
        digest = hashlib.sha256(os.fsencode(self.data_dir.resolve())).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"vitrine-{os.getuid()}-{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / name

    def prepare(self) -> None:
        """Make the data directory, private to its user."""
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.media_dir.mkdir(parents=True, exist_ok=True)

    def secret_key(self) -> bytes:
        """Return this installation's key for signed links, made at first use, readable by its user only."""
        shared = self.shared_secret.get_secret_value()
        if shared:
            return hashlib.sha256(shared.encode()).digest()
        path = self.data_dir / "secret.key"
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
        except FileExistsError:
            pass
        return path.read_bytes()


def child_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a part started by the supervisor: this process's, plus the settings it resolved."""
    return os.environ | {
        "VITRINE_DATA_DIR": str(settings.data_dir.resolve()),
        "VITRINE_HOST": settings.host,
        "VITRINE_HTTPS": "1" if settings.https else "0",
        "VITRINE_PORT": str(settings.port),
        "VITRINE_DEMO": "1" if settings.demo else "0",
        "VITRINE_MEDIA_ADDRESS": settings.media_address,
        "VITRINE_MEDIA_PORT": str(settings.media_port),
        "VITRINE_MEDIA_PROCESSES": str(settings.media_processes),
        "VITRINE_LOG_LEVEL": settings.log_level,
        "VITRINE_LOG_FORMAT": settings.log_format,
        "REDIS_URL": settings.redis_url,
    }
