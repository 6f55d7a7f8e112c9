"""What Kafka and its client say, as a ``LogError`` that says what to do."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Final

from aiokafka import errors

from stream.log.interface import LogUnavailableError
from stream.settings import KafkaSettings


class RecordTooLargeError(LogUnavailableError):
    """The topic does not take such a record, or takes none any more, because the log has gone on to another topic."""


CLIENT: Final = logging.getLogger("aiokafka")


class LastWord(logging.Handler):
    """Keeps what the client logged last. While brokers are away it logs each of its tries, and why one failed it says
    nowhere else."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        LastWord.text = record.getMessage()


_last_word: Final = LastWord(logging.WARNING)


def hush() -> None:
    """Let the client's log go nowhere but into our own messages."""
    if _last_word not in CLIENT.handlers:
        CLIENT.addHandler(_last_word)
        CLIENT.propagate = False


@contextlib.contextmanager
def explained(settings: KafkaSettings, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn what the client raises into a ``LogError`` that says what to do; ``but`` these come through."""
    LastWord.text = ""
    try:
        yield
    except (errors.KafkaError, OSError, TimeoutError) as error:
        if isinstance(error, but):
            raise
        raise refusal(settings, error) from error


def refusal(settings: KafkaSettings, error: Exception) -> LogUnavailableError:
    """The error for one of the client's."""
    where = f"Kafka at {settings.servers}"
    match error:
        case errors.TopicAuthorizationFailedError():
            return LogUnavailableError(
                f"{where} does not let {_who(settings)} use topic {settings.topic!r}: grant it READ, WRITE, DESCRIBE"
            )
        case errors.GroupAuthorizationFailedError():
            return LogUnavailableError(
                f"{where} does not let {_who(settings)} use group {settings.group!r}: grant it READ on the group"
            )
        case errors.UnknownTopicOrPartitionError():
            return LogUnavailableError(
                f"{where} has no topic {settings.topic!r} any more: was it deleted? A restart makes it anew"
            )
        case errors.MessageSizeTooLargeError() | errors.RecordListTooLargeError():
            return RecordTooLargeError(
                f"{where} refuses a record as too large: max.message.bytes of topic {settings.topic!r} must be larger "
                "than [log] frame_bytes_max"
            )
        case errors.NotEnoughReplicasError() | errors.NotEnoughReplicasAfterAppendError():
            return LogUnavailableError(
                f"{where} has fewer copies of topic {settings.topic!r} in step than min.insync.replicas: are brokers "
                "away?"
            )
        case _:
            why = "; ".join(dict.fromkeys(filter(None, (str(error) or type(error).__name__, LastWord.text))))
            return LogUnavailableError(
                f"{where} does not answer ({why}): check [log.kafka] servers, whether the brokers run, and what tls, "
                "sasl, user and password say"
            )


def _who(settings: KafkaSettings) -> str:
    return f"user {settings.user!r}" if settings.user else "us"
