"""The workers' positions, as the brokers keep them for the group."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from aiokafka import errors
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest

from stream.log.kafka.connection import RETRY_S, Connection
from stream.log.kafka.errors import explained

logger = logging.getLogger(__name__)

NO_MEMBER: Final = (-1, "")
"""Generation and name of one who commits for a group without being in it: taken as long as the group has no members."""
STALE: Final = (
    errors.UnknownMemberIdError,
    errors.IllegalGenerationError,
    errors.RebalanceInProgressError,
)
"""Said to one who has lost its place in the group, or is about to."""


class KafkaPositions:
    """Reads and stores them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._settings = connection.settings

    async def read(self, partitions: Collection[int]) -> dict[int, int]:
        """Those of the partitions, 0 where none was stored. Raises ``LogUnavailableError``."""
        request = OffsetFetchRequest(self._settings.group, [(self._settings.topic, list(partitions))])
        ((_, answers),) = (await self._ask(request, _codes_read)).topics
        return {partition: max(0, offset) for partition, offset, _, _ in answers}

    async def any(self, partitions: Collection[int]) -> bool:
        """Whether one was stored of any of the partitions. Raises ``LogUnavailableError``."""
        request = OffsetFetchRequest(self._settings.group, [(self._settings.topic, list(partitions))])
        ((_, answers),) = (await self._ask(request, _codes_read)).topics
        return any(offset >= 0 for _, offset, _, _ in answers)

    async def store(self, positions: Mapping[int, int], generation: int, member: str) -> None:
        """Store these, as a member of the group or as nobody's. One that the group no longer knows is not told so: the
        new owner reads on from where it is. Raises ``LogUnavailableError``."""
        offsets = [(partition, offset, "") for partition, offset in positions.items()]
        request = OffsetCommitRequest(
            self._settings.group,
            generation,
            member,
            OffsetCommitRequest.DEFAULT_RETENTION_TIME,
            [(self._settings.topic, offsets)],
        )
        try:
            await self._ask(request, _codes_stored)
        except STALE as error:
            logger.debug("a commit came too late: %s", type(error).__name__)

    async def _ask(self, request: Any, codes: Callable[[Any], list[int]]) -> Any:
        """The coordinator's answer, if none of its codes is an error."""
        give_up = time.monotonic() + self._settings.request_timeout_s
        while True:
            coordinator = await self._connection.coordinator()
            with explained(self._settings, but=STALE):
                try:
                    answer = await self._connection.ask(request, coordinator)
                    for code in codes(answer):
                        if (error := errors.for_code(code)) is not errors.NoError:
                            raise error
                except errors.KafkaError as error:
                    if not error.retriable or time.monotonic() >= give_up:
                        raise
                    self._connection.look_again()
                    await asyncio.sleep(RETRY_S)
                else:
                    return answer


def _codes_read(answer: Any) -> list[int]:
    return [answer.error_code] + [code for _, partitions in answer.topics for *_, code in partitions]


def _codes_stored(answer: Any) -> list[int]:
    return [code for _, partitions in answer.topics for _, code in partitions]
