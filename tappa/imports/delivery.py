"""Parcels to ingest over HTTP: several on their way at once, answers in the order of sending."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Generic, TypeVar

import msgspec
import urllib3

ITEMS_MAX: Final = 100
"""Items of one parcel."""
BODY_BYTES_MAX: Final = 400_000
"""Ingest takes 500 KB; what is left is for the envelope."""
IN_FLIGHT_MAX: Final = 4
"""Parcels on their way at once: enough to keep two cores busy, few enough that arrival stays nearly in order."""
RETRIES_MAX: Final = 12
"""Tries after the first, one to thirty seconds apart: ingest may be restarted, or full, for some minutes."""
RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
TIMEOUT_S: Final = 30.0

Tag = TypeVar("Tag")


class DeliveryError(Exception):
    """A parcel did not get through; what was sent before it did. The message says what to do."""


class Parcel(msgspec.Struct, Generic[Tag], frozen=True, kw_only=True):
    """One request."""

    receipts: bool
    """To ``/v1/receipts``; else to ``/v1/batch``."""
    write_key: str
    items: list[bytes]
    """JSON objects."""
    tag: Tag
    """The sender's own note, handed back with the answer."""


class Refusal(msgspec.Struct, frozen=True):
    """What ingest said of one item that it did not take."""

    index: int
    code: str = "rejected"
    message: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What ingest said of a parcel: all items that are not refused are on disk."""

    accepted: int = 0
    rejected: list[Refusal] = []


_decode_answer = msgspec.json.Decoder(Answer).decode


def deliver(url: str, parcels: Iterable[Parcel[Tag]]) -> Iterator[tuple[Parcel[Tag], Answer]]:
    """Posts each parcel and gives it back with its answer, in the order given. What ingest cannot take now is sent
    again, after the time that it asks for. Raises ``DeliveryError`` when it does not get through."""
    retries = urllib3.Retry(
        total=RETRIES_MAX,
        backoff_factor=0.5,
        backoff_max=30,
        backoff_jitter=0.5,
        status_forcelist=RETRIED,
        allowed_methods=None,
        respect_retry_after_header=True,
        raise_on_status=False,
    )
    with (
        urllib3.PoolManager(maxsize=IN_FLIGHT_MAX, retries=retries, timeout=TIMEOUT_S) as pool,
        ThreadPoolExecutor(IN_FLIGHT_MAX, "deliver") as threads,
    ):
        under_way: deque[tuple[Parcel[Tag], Future[Answer]]] = deque()
        try:
            for parcel in parcels:
                under_way.append((parcel, threads.submit(_post, pool, url, parcel)))
                if len(under_way) >= 2 * IN_FLIGHT_MAX:
                    sent, answer = under_way.popleft()
                    yield sent, answer.result()
            while under_way:
                sent, answer = under_way.popleft()
                yield sent, answer.result()
        finally:
            for _, answer in under_way:
                answer.cancel()


def _post(pool: urllib3.PoolManager, url: str, parcel: Parcel[Tag]) -> Answer:
    if not parcel.items:
        return Answer()
    listed = b"[" + b",".join(parcel.items) + b"]"
    body = listed if parcel.receipts else b'{"batch":' + listed + b"}"
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "tappa-import",
        **urllib3.make_headers(basic_auth=parcel.write_key + ":"),
    }
    endpoint = "/v1/receipts" if parcel.receipts else "/v1/batch"
    try:
        response = pool.request("POST", url + endpoint, body=body, headers=headers)
    except urllib3.exceptions.HTTPError as error:
        raise DeliveryError(
            f"ingest at {url} cannot be reached ({type(error).__name__}); is `tappa up` running?"
        ) from None
    if response.status != 200:
        said = response.data[:300].decode("utf-8", "replace")
        raise DeliveryError(f"ingest at {url} answered {response.status}: {said}")
    return _decode_answer(response.data)
