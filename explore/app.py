"""The HTTP addresses of the read side. What they answer is ``explore.why`` and ``explore.customer``."""

from __future__ import annotations

import logging
from base64 import b64decode
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Depends, Path, Query, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from explore.answering import Answering
from explore.answers import Customer, Error, Why
from explore.asked import Normalise
from explore.customer import TOUCHPOINTS_MAX, customer
from explore.refusals import TABLE, Code, RefusedError
from explore.settings import ExploreSettings
from explore.why import why
from stage_engine.identity.limits import Limits
from store.clickhouse import ClickHouseStore
from store.interface import StoreError

logger = logging.getLogger(__name__)

TOUCHPOINTS: Final = 20
"""That are told of a customer, unless another number is asked for."""

Access = Callable[[str], Literal["reader", "writer", "unknown"]]
"""What a key may do."""

_scheme = HTTPBearer(
    scheme_name="read key",
    description="`Authorization: Bearer KEY`, or the key as the Basic user name (`curl -u KEY:`). `tappa readers` "
    "lists the keys. A write key does not read.",
    auto_error=False,
)

Identifier = Annotated[
    str,
    Query(
        description="An identifier as `kind:value`: `user:42`, `email:ann@example.com`, `device:a-7`. E-mail addresses "
        "and phone numbers are normalised as ingest does it; write the `+` of a phone number as `%2B`.",
        examples=["user:42"],
    ),
]


class Route(APIRoute):
    """A route whose refusals are answers in the form of ``Error``."""

    retry_after_s = 5

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler that FastAPI calls."""
        handler = super().get_route_handler()

        async def refusing(request: Request) -> Response:
            try:
                return await handler(request)
            except RefusedError as refused:
                return self._refusal(refused)
            except RequestValidationError as invalid:
                mistakes = "; ".join(f"{mistake['loc'][-1]}: {mistake['msg']}" for mistake in invalid.errors())
                return self._refusal(RefusedError(Code.INVALID_PARAMETER, f"{mistakes}. /docs says what they are."))
            except StoreError as trouble:
                logger.warning("a question cannot be answered: %s", trouble)
                return self._refusal(RefusedError(Code.STORE_UNAVAILABLE))

        return refusing

    def _refusal(self, refused: RefusedError) -> Response:
        headers = {"cache-control": "no-store"}
        if refused.status == 401:
            headers["www-authenticate"] = 'Bearer realm="tappa"'
        if refused.status == 503:
            headers["retry-after"] = str(self.retry_after_s)
        body = {"success": False, "code": str(refused.code), "message": refused.message}
        return Response(orjson.dumps(body), refused.status, headers, media_type="application/json")


def create_router(
    settings: ExploreSettings,
    store: ClickHouseStore,
    answering: Answering,
    *,
    limits: Limits,
    normalise: Normalise,
    access: Access,
    default_model: str,
) -> APIRouter:
    """The routes, for whatever application they are included in. They open and close nothing: ``store`` and
    ``answering`` are the caller's. ``limits`` are those that the workers run with,
    ``default_model`` the one whose stages are told of each touchpoint."""

    class OwnRoute(Route):
        retry_after_s = settings.retry_after_s

    async def reader(request: Request) -> None:
        key = key_of(request.headers.get("authorization", ""))
        if not key:
            raise RefusedError(Code.MISSING_READ_KEY)
        match access(key):
            case "writer":
                raise RefusedError(Code.WRITE_KEY)
            case "unknown":
                raise RefusedError(Code.UNKNOWN_READ_KEY)

    router = APIRouter(
        route_class=OwnRoute, tags=["reading"], dependencies=[Security(_scheme), Depends(reader)], responses=_errors()
    )

    async def answered(question: Callable[[], Coroutine[Any, Any, BaseModel]]) -> Response:
        async def as_json() -> str:
            return (await question()).model_dump_json()

        return Response(await answering(as_json), headers={"cache-control": "no-store"}, media_type="application/json")

    @router.get("/v1/why", response_model=Why, summary="Why two identifiers are one customer, or why they are not.")
    async def ask_why(a: Identifier, b: Identifier) -> Response:
        """The shortest chain of touchpoints that joins them, or what keeps them apart."""
        one, other = normalise(_plus(a)), normalise(_plus(b))
        return await answered(lambda: why(store, limits, one, other))

    @router.get(
        "/v1/customers/{identifier:path}",
        response_model=Customer,
        summary="One customer: identifiers, traits, stage and visits under each model, the last touchpoints.",
    )
    async def ask_customer(
        identifier: Annotated[
            str,
            Path(description="Any identifier that leads to the customer, as `kind:value`.", examples=["user:42"]),
        ],
        touchpoints: Annotated[
            int, Query(ge=0, le=TOUCHPOINTS_MAX, description="How many of the last touchpoints to tell.")
        ] = TOUCHPOINTS,
    ) -> Response:
        """By any identifier: for a device, the customer that it leads to today; `asked_stretches` has the others."""
        asked = normalise(identifier)
        return await answered(lambda: customer(store, limits, asked, touchpoints, default_model))

    return router


def key_of(authorization: str) -> str:
    """The key in the header: a bearer's token, or the user name of Basic; ``""`` when there is none."""
    scheme, _, said = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return said.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = b64decode(said.strip() + "==").decode()
    except ValueError:
        return ""
    return decoded.partition(":")[0].strip()


def _plus(text: str) -> str:
    """A ``+`` that was not written as ``%2B`` arrives as a space."""
    kind, colon, value = text.partition(":")
    return f"{kind}:+{value[1:]}" if kind == "phone" and colon and value.startswith(" ") else text


def _errors() -> dict[int | str, dict[str, Any]]:
    found: dict[int | str, dict[str, Any]] = {}
    for code, row in TABLE.items():
        answer = found.setdefault(
            row.status, {"model": Error, "description": "", "content": {"application/json": {"examples": {}}}}
        )
        body = {"success": False, "code": str(code), "message": row.sentence}
        answer["description"] = f"{answer['description']} `{code}`".strip()
        answer["content"]["application/json"]["examples"][str(code)] = {"value": body}
    return found
