"""Messages of Segment's spec, from what a call says. Pure: the time and the id of a new message come in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Union

from tappa_sdk.encoding import iso
from tappa_sdk.errors import InvalidMessageError

Id = Union[str, int]
Values = Mapping[str, Any]


def message(
    type_: str,
    fields: Mapping[str, object],
    *,
    message_id: str,
    timestamp: datetime | str,
    user_id: Id | None,
    anonymous_id: Id | None,
    contacts: Mapping[str, Id] | None,
    context: Values | None,
) -> dict[str, object]:
    """The message that a call is; what is None is left out. ``contacts`` become ``context.externalIds``."""
    made: dict[str, object] = {
        "type": type_,
        "messageId": message_id,
        "timestamp": iso(timestamp) if isinstance(timestamp, datetime) else timestamp,
    }
    if user_id is not None:
        made["userId"] = _named("user_id", user_id)
    if anonymous_id is not None:
        made["anonymousId"] = _named("anonymous_id", anonymous_id)
    if contacts:
        context = with_contacts(context, contacts)
    if context:
        made["context"] = context
    made.update({name: value for name, value in fields.items() if value is not None})
    return made


def require_somebody(user_id: Id | None, anonymous_id: Id | None, contacts: Values | None) -> None:
    """Raises ``InvalidMessageError`` when nothing says whose touchpoint it is."""
    if user_id is None and anonymous_id is None and not contacts:
        raise InvalidMessageError("nothing says whose touchpoint it is: give user_id, anonymous_id or contacts")


def require_text(field: str, value: str) -> None:
    """Raises ``InvalidMessageError`` when the value is no text, or blank."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidMessageError(f"{field} must be a text, and not blank")


def with_contacts(context: Values | None, contacts: Mapping[str, Id]) -> dict[str, Any]:
    """The context with the contacts among its ``externalIds``."""
    found = dict(context or {})
    external = [
        {"id": str(_named(kind, value)), "type": kind, "collection": "users", "encoding": "none"}
        for kind, value in contacts.items()
    ]
    found["externalIds"] = [*found.get("externalIds", ()), *external]
    return found


def _named(field: str, value: Id) -> Id:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise InvalidMessageError(f"{field} must be a text or a whole number, and not empty")
    return value
