from __future__ import annotations

import pytest

from explore.asked import Typed
from explore.refusals import Code, RefusedError
from ingest.settings import IdentitySettings
from tappa.identifiers import Normaliser

NORMALISE = Normaliser(IdentitySettings(phone_country="IT"))


def refusal(text: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        NORMALISE(text)
    assert caught.value.code == Code.INVALID_IDENTIFIER
    return caught.value


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("user:42", "user:42"),
        (" user: Ada ", "user:Ada"),
        ("email:Ada@Shop.IT", "email:ada@shop.it"),
        ("phone:333 123 4567", "phone:+393331234567"),
        ("phone:+41 79 123 45 67", "phone:+41791234567"),
        ("loyaltyCard:9900", "loyalty_card:9900"),
        ("device:a:b", "device:a:b"),
        ("receipt:receipt:milan/3/2026-03-01/1", "receipt:receipt:milan/3/2026-03-01/1"),
    ],
)
def test_what_is_typed_becomes_what_ingest_keeps(typed: str, kept: str) -> None:
    assert NORMALISE(typed) == Typed(kept)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("ada@shop.it", "such as email:ada@shop.it"),
        ("+393331234567", "such as phone:+393331234567"),
        ("42", "such as user:42 (kinds are user, device, receipt, email, loyalty_card, phone)"),
        ("user:", "write kind:value, such as user:42"),
        ("email:ada", "it is no e-mail address"),
        ("phone:12", "it is no phone number; write it with its country"),
        ("user:null", "it is on the block list of the settings"),
        ("device:000-000", "it is on the block list of the settings"),
        ("user:" + "x" * 300, "has more than 256 bytes"),
        ("previous:41", "write user:41 or device:41"),
    ],
)
def test_what_cannot_be_one_is_refused_with_what_to_write(typed: str, said: str) -> None:
    assert said in refusal(typed).message


def test_a_kind_that_is_not_known_is_doubted_and_near_ones_are_named() -> None:
    typed = NORMALISE("emial:Ada@x.it")
    assert typed.identifier == "emial:Ada@x.it"
    assert "There is no kind of identifier 'emial': did you mean email:Ada@x.it? Known are user, " in typed.doubt
