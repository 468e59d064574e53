"""Adapter: the shop's door. Seals a batch of messages, posts it, and gives back one result for each."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3

from ..core.addresses import host_as_sent
from ..core.errors import CallerError, ConfigurationError, SidecarError, TemporaryError
from ..core.messages import Signer
from ..core.version import VERSION
from .fetch.bounded import BoundedPool, Reply
from .shop_wall import bridge_answer, refusal

ROUTE = "smi-bridge/v1/messages"
FILES = "smi-bridge/v1/files"
MAX_ANSWER_BYTES = 32 << 20  # a page of the ledger has some MiB
AGENT = f"smi-sidecar/{VERSION}"
ANSWERED = {"error": "message_answered"}  # a question came twice


class ShopDoor:
    """Speaks to the bridge. Keeps the connection and the form of the address that worked."""

    def __init__(
        self,
        signer: Signer,
        *,
        shop_url: str,
        address: str = "",
        timeout: tuple[float, float] = (5, 90),
        clock: Callable[[], float] = time.time,
    ):
        """`address`: where to connect to when that is not `shop_url`; the Host header stays the shop's.
        `timeout`: seconds to connect, and for the whole answer."""
        self._signer, self._clock = signer, clock
        base = address or shop_url
        # The second form works where pretty permalinks are off, the third where a plugin guards or removes REST.
        self._addresses = [f"{base}/wp-json/{ROUTE}", f"{base}/?rest_route=/{ROUTE}", f"{base}/?smi-bridge=messages"]
        self.detour = ""  # why the first form is not the one that works
        self._for_bytes = ""  # the form that lets them through, where it is not that of messages
        self._host = host_as_sent(shop_url) if address else ""
        # Not `requests`, which takes half as much CPU again for the same exchange.
        self._http = BoundedPool(connect_s=timeout[0], whole_s=timeout[1], most_bytes=MAX_ANSWER_BYTES)

    def send(self, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Results in the order of the messages: {"id", "status": "done"|"refused"|"failed", "reason", "data"}.

        Safe to repeat: every message's effect has a key in the ledger. Raises TemporaryError "shop_unavailable",
        "shop_walled" (429, 503 by somebody else); ConfigurationError "shop_refused" (401: secrets, clocks or sites
        differ), "shop_door_missing", "shop_refused_message" (400, 409, 422: versions of bridge and sidecar
        differ), "shop_walled" (somebody else answers).
        """
        results = self._post("batch", {"messages": list(messages)}).get("results")
        if not isinstance(results, list) or len(results) != len(messages):
            raise TemporaryError("shop_unavailable", "the shop's answer does not fit the batch")
        return results

    def ask(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        """The answer to one question (`status`, `jobs.unfinished`, `jobs.lookup`); raises as `send`."""
        result = self.send([{"id": type, "type": type, "data": data}])[0]
        if result.get("status") != "done":
            raise TemporaryError("shop_unavailable", f"{type}: {result.get('reason')}")
        return result.get("data") or {}

    def order(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        """Have the shop do something at a person's wish; CallerError with its reason when it refuses."""
        result = self.send([{"id": type, "type": type, "data": data}])[0]
        if result.get("status") == "refused":
            raise CallerError(str(result.get("reason")), f"the shop refuses {type}")
        if result.get("status") != "done":
            raise TemporaryError("shop_unavailable", f"{type}: {result.get('reason')}")
        return result.get("data") or {}

    def send_chunk(self, data: dict[str, Any], body: bytes) -> tuple[int, dict[str, Any]]:
        """Bytes of a finished file (docs/contract.md, part 6): HTTP status and answer. When none of the address' forms
        reaches the bridge: the first one's status (0 for 200), and at most {"wall": who answers in its place}. Raises
        TemporaryError("shop_unavailable"), ConfigurationError("shop_refused")."""
        first: tuple[int, dict[str, Any]] | None = None
        for form in sorted(self._addresses, key=lambda form: form != self._for_bytes):
            address = form.replace(ROUTE, FILES).replace("smi-bridge=messages", "smi-bridge=files")
            response = self._chunk(address, data, body)
            answer = bridge_answer(response.data)
            if answer is not None:
                if response.status == 401:
                    raise ConfigurationError("shop_refused", f"{address} answered 401{self._skew(response)}")
                if first:
                    self._for_bytes = form
                return response.status, answer
            wall = refusal(address, response.status, response.headers, response.data)
            first = first or (0 if response.status == 200 else response.status, {"wall": wall.detail} if wall else {})
            if not isinstance(wall, ConfigurationError):
                break  # the size, or an outage: no other form would help
        assert first, "there is a form"
        return first

    def _chunk(self, address: str, data: dict[str, Any], body: bytes) -> Reply:
        envelope, headers = self._signer.seal("file.chunk", data, now=self._clock())
        headers["smi-envelope"] = base64.urlsafe_b64encode(envelope).decode()
        headers["Content-Type"] = "application/octet-stream"
        headers["User-Agent"] = AGENT
        if self._host:
            headers["Host"] = self._host
        return self._exchange(address, body, headers)

    def close(self) -> None:
        self._http.clear()

    def _post(self, type: str, data: dict[str, Any]) -> dict[str, Any]:
        """The bridge's answer. Where somebody else answers, the other forms of the address are tried; the one that
        works is asked first from then on."""
        first: SidecarError | None = None
        for address in list(self._addresses):
            response = self._sealed(address, type, data)
            answer = bridge_answer(response.data)
            if response.status == 409 and answer == ANSWERED:  # and that answer was lost on its way: we ask anew
                response = self._sealed(address, type, data)
                answer = bridge_answer(response.data)
            foreign = answer is None or response.status == 403  # which the bridge never says
            elsewhere = refusal(address, response.status, response.headers, response.data) if foreign else None
            if elsewhere:
                first = first or elsewhere
                continue
            answer = self._judge(address, response, answer)
            if first:
                self.detour = first.detail
                self._addresses = sorted(self._addresses, key=lambda form: form != address)  # other threads read it
            return answer
        assert first, "each form has answered or raised"
        raise first

    def _sealed(self, address: str, type: str, data: dict[str, Any]) -> Reply:
        body, headers = self._signer.seal(type, data, now=self._clock())
        headers["User-Agent"] = AGENT
        if self._host:
            headers["Host"] = self._host
        return self._exchange(address, body, headers)

    def _exchange(self, address: str, body: bytes, headers: dict[str, str]) -> Reply:
        """A kept connection that the shop has closed meanwhile is no outage: once more, on a new one."""
        for last in (False, True):
            try:
                return self._http.request("POST", address, headers, body)
            except urllib3.exceptions.ProtocolError as error:
                if last:
                    raise TemporaryError("shop_unavailable", f"{address}: {_short(error)}") from error
            except (urllib3.exceptions.HTTPError, TemporaryError) as error:
                raise TemporaryError("shop_unavailable", f"{address}: {_short(error)}") from error
        raise AssertionError("the loop returns or raises")

    def _judge(self, address: str, response: Reply, answer: dict[str, Any] | None) -> dict[str, Any]:
        status = response.status
        if answer is None or (status != 200 and "results" in answer):
            raise TemporaryError("shop_unavailable", f"{address} answered {status}, {len(response.data)} bytes")
        if status == 401:
            raise ConfigurationError("shop_refused", f"{address} answered 401{self._skew(response)}")
        if status in (400, 409, 422):
            raise ConfigurationError("shop_refused_message", f"{address} answered {status}: {_text(response)}")
        if status != 200:
            raise TemporaryError("shop_unavailable", f"{address} answered {status}: {_text(response)}")
        return answer

    def _skew(self, response: Reply) -> str:
        try:
            skew = parsedate_to_datetime(response.headers["Date"]).timestamp() - self._clock()
        except (KeyError, ValueError, TypeError):
            return ""
        return f"; its clock differs from ours by {skew:.0f} s" if abs(skew) > 60 else ""


def _text(response: Reply) -> str:
    return response.data[:200].decode(errors="replace")


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
