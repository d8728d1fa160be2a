"""HTTP/1.1 as uvicorn speaks it, but with an end to waiting: for a request's head, and for a body that stopped."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# A thousand connections are all there are: whoever opens one and says nothing must not keep it.
HEAD_SECONDS = 15.0
# Endpoints with large bodies give up on them earlier, with a sentence.
BODY_SECONDS = 45.0


class PunctualProtocol(H11Protocol):
    """Hangs up when a request's head does not come in time, or when nothing more of its body does."""

    _deadline: asyncio.TimerHandle | None = None
    _awaited: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a body begin the wait anew, those of a head do not."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        awaited = self.conn.their_state
        if awaited is self._awaited and awaited is h11.IDLE and self._deadline is not None:
            return
        self._stop_waiting()
        self._awaited = awaited
        # Between two requests, uvicorn's own keep-alive limit is shorter.
        seconds = {h11.IDLE: HEAD_SECONDS, h11.SEND_BODY: BODY_SECONDS}.get(awaited)
        if seconds is not None and not self.transport.is_closing() and self.transport.get_protocol() is self:
            self._deadline = self.loop.call_later(seconds, self._hang_up, awaited)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _hang_up(self, awaited: Any) -> None:
        self._deadline = None
        # A socket that was upgraded, or a request that was answered meanwhile, is nobody's debt.
        if self.conn.their_state is awaited and self.transport.get_protocol() is self:
            self.transport.close()
