"""Who is who, as an operator sees it: a real ``tappa up``, touchpoints over HTTP, the commands, the read API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.installation import Installation
from tests.eventually import WAIT_S, eventually


class Shop:
    """An installation, with a source that may join everything."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.url = installation.url("ingest")
        self.write_key = installation.keys["app"]
        self.read_key = self.json("readers")["read_keys"][0]

    def send(self, *messages: dict[str, Any]) -> None:
        """All of them accepted, and everything that follows from them is visible on return."""
        answer = httpx.post(
            f"{self.url}/v1/batch", auth=(self.write_key, ""), json={"batch": list(messages)}, timeout=60
        )
        assert answer.json()["accepted"] == len(messages)
        self.installation.wait_until_visible(WAIT_S)

    def json(self, *arguments: str) -> Any:
        return json.loads(self.said(*arguments, "--json"))

    def said(self, *arguments: str) -> str:
        return self.installation.command(*arguments)

    def refused(self, *arguments: str) -> str:
        """What a command says that does not do it."""
        done = self.installation.here(*arguments)
        assert done.exit_code == 1, done.output
        return done.stderr

    def read(self, path: str, key: str | None = None, **parameters: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.read_key if key is None else key}"}
        return httpx.get(f"{self.url}{path}", params=parameters or None, headers=headers, timeout=60)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with Installation(tmp_path_factory.mktemp("identity")) as installation:
        yield Shop(installation)


def at(minute: int) -> str:
    return f"2026-03-01T10:{minute:02}:00Z"


def event(name: str, minute: int, **said: Any) -> dict[str, Any]:
    return {"type": "track", "event": name, "messageId": f"{name}-{said}", "timestamp": at(minute), **said}


def login(user: str, minute: int, **said: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": user, "messageId": f"login-{user}", "timestamp": at(minute), **said}


def test_a_login_after_anonymous_visits_makes_them_one_customer_and_says_why(shop: Shop) -> None:
    shop.send(event("Home", 0, anonymousId="ada-phone"), event("Product Viewed", 1, anonymousId="ada-phone"))
    assert shop.json("customer", "device:ada-phone")["customer_id"] == "device:ada-phone"
    shop.send(login("ada", 2, anonymousId="ada-phone", traits={"email": "Ada@Shop.IT", "city": "Rome"}))
    ada = shop.json("customer", "email:ADA@shop.it")
    assert (ada["asked"], ada["customer_id"]) == ("email:ada@shop.it", "user:ada")
    assert [one["identifier"] for one in ada["identifiers"]] == ["device:ada-phone", "email:ada@shop.it", "user:ada"]
    assert [one["event"] for one in ada["touchpoints"]] == ["Identified", "Product Viewed", "Home"]
    assert ada["traits"]["city"]["value"] == "Rome"
    assert ada["models"][0]["touchpoints"] == 3
    assert "last touchpoints" in shop.said("customer", "user:ada")
    why = shop.json("why", "device:ada-phone", "user:ada")
    assert (why["joined"], why["chain"][0]["touchpoint"]["message_id"]) == (True, "login-ada")
    assert shop.said("why", "device:ada-phone", "user:ada").startswith(
        "device:ada-phone and user:ada are one customer, user:ada: one touchpoint says so."
    )


def test_the_read_side_answers_the_same_over_http_to_a_read_key_only(shop: Shop) -> None:
    shop.send(login("eve", 1, anonymousId="eve-phone"))
    answer = shop.read("/v1/why", a="device:eve-phone", b="user:eve")
    assert answer.json() == shop.json("why", "device:eve-phone", "user:eve")
    assert shop.read("/v1/customers/device:eve-phone", touchpoints=10).json() == shop.json(
        "customer", "device:eve-phone"
    )
    assert shop.read("/v1/customers/user:eve", key=shop.write_key).json()["code"] == "write_key"
    assert shop.read("/v1/customers/user:eve", key="nonsense").status_code == 401
    assert shop.read("/v1/customers/user:nobody").status_code == 404
    spec = httpx.get(f"{shop.url}/openapi.json").json()
    assert {"/v1/why", "/v1/customers/{identifier}", "/v1/track"} <= set(spec["paths"])
    page = httpx.get(f"{shop.url}/docs").text
    assert "/v1/why" in page
    assert "/v1/track" in page
    assert shop.read_key not in shop.installation.said()


def test_a_read_key_that_is_added_works_at_once_and_one_that_is_removed_does_not(shop: Shop) -> None:
    key = shop.json("readers", "add")["read_keys"][0]
    eventually(lambda: shop.read("/v1/why", key=key).json()["code"] == "invalid_parameter")
    shop.said("readers", "remove", key)
    eventually(lambda: shop.read("/v1/why", key=key).json()["code"] == "unknown_read_key")


def test_a_split_parts_two_identifiers_until_it_is_revoked(shop: Shop) -> None:
    shop.send(login("bob", 1, traits={"email": "home@bob.it"}), login("bea", 2, traits={"email": "home@bob.it"}))
    assert shop.json("why", "user:bob", "email:home@bob.it")["joined"]
    split = shop.json("split", "user:bob", "email:home@bob.it", "--reason", "one mailbox, two people", "--by", "ann")
    assert split["visible"]
    assert split["customers"]["email:home@bob.it"] == {"before": "user:bob", "after": "user:bea"}
    why = shop.json("why", "user:bob", "email:home@bob.it")
    assert why["verdict"] == "split"
    assert "by ann on " in why["summary"]
    assert "this is decided already (by ann: one mailbox, two people)" in shop.refused(
        "split", "user:bob", "email:home@bob.it", "--reason", "again"
    )
    shop.said("split", "email:home@bob.it", "user:bob", "--reason", "it was not so", "--revoke")
    assert shop.json("why", "user:bob", "email:home@bob.it")["joined"]
    (listed,) = shop.json("split", "--list")
    assert (listed["identifiers"], listed["revoked"]) == (["email:home@bob.it", "user:bob"], True)
    assert "there is no such decision to revoke" in shop.refused(
        "split", "user:bob", "email:home@bob.it", "--reason", "once more", "--revoke"
    )


def test_a_split_that_changes_nothing_says_so(shop: Shop) -> None:
    shop.send(login("cleo", 1, anonymousId="cleo-phone", traits={"email": "cleo@shop.it"}), login("carl", 2))
    said = shop.said("split", "user:cleo", "user:carl", "--reason", "just in case")
    assert "No touchpoint carries both" in said
    shop.send(event("Visit", 3, anonymousId="cleo-phone", userId="cleo"))
    said = shop.said("split", "device:cleo-phone", "email:cleo@shop.it", "--reason", "not hers")
    assert "They are still one customer, by other touchpoints. See: " in said


def test_a_shared_tablet_is_listed_and_may_be_allowed_or_blocked(shop: Shop) -> None:
    shop.send(*(event("Order Completed", n, userId=f"guest-{n}", anonymousId="tablet") for n in range(7)))
    (row,) = [one for one in shop.json("shared", "list")["shared"] if one["identifier"] == "device:tablet"]
    assert row == {"identifier": "device:tablet", "seen_with": {"user": 7}, "limit": 5, "blocked": False}
    assert "device:tablet  seen with 7 of kind user (limit 5)" in shop.said("shared", "list")
    assert shop.json("why", "user:guest-1", "device:tablet")["verdict"] == "shared"
    assert "device:tablet is shared, and so nobody's" in shop.refused("customer", "device:tablet")
    allowed = shop.json("shared", "allow", "device:tablet", "--reason", "a family of seven")
    assert allowed["customers"]["device:tablet"]["before"] == "nobody"
    assert shop.json("customer", "device:tablet")["customer_id"] == "user:guest-6"
    listed = shop.json("shared", "list")
    assert [one for one in listed["shared"] if one["identifier"] == "device:tablet"] == []
    assert [(one["kind"], one["reason"]) for one in listed["decisions"]] == [("allow", "a family of seven")]
    shop.said("shared", "allow", "device:tablet", "--reason", "it is the shop's", "--revoke")
    shop.said("shared", "block", "user:guest-1", "--reason", "a test account")
    (blocked,) = [one for one in shop.json("shared", "list")["shared"] if one["blocked"]]
    assert blocked["identifier"] == "user:guest-1"


def test_what_was_never_seen_or_mistyped_is_said_with_what_is_near(shop: Shop) -> None:
    assert "did you mean email:ada@shop.it?" in shop.refused("why", "emial:ada@shop.it", "user:ada")
    assert "user:nobody: No touchpoint ever carried this identifier." in shop.refused("customer", "user:nobody")
    assert "write its kind first, such as user:ada" in shop.refused("customer", "ada")
    assert "No touchpoint ever carried" in shop.refused("shared", "block", "user:nobody", "--reason", "x")


@pytest.mark.slow
def test_changed_limits_are_said_at_the_start_and_applied_by_a_command(tmp_path: Path) -> None:
    whose = "SELECT customer_id FROM identities FINAL WHERE identifier = 'device:family'"
    with Installation(tmp_path) as installation:
        shop = Shop(installation)
        shop.send(*(login(f"u{n}", n, anonymousId="family") for n in range(7)))
        assert "nothing to do" in shop.said("shared", "apply")
        assert "device:family is shared" in shop.refused("customer", "device:family")
        settings = installation.data / "tappa.toml"
        settings.write_text(settings.read_text() + "\n[identity]\nvalues_max_of_kind = { device = 10 }\n")
        assert "the worker runs with other limits than those in the settings: restart it" in shop.refused(
            "shared", "apply"
        )
        installation.stop()
        installation.start()
        installation.wait_until_ready()
        assert "run: tappa shared apply" in installation.said()
        assert installation.rows(whose) == [{"customer_id": [""]}]
        assert "identifiers were looked at again" in shop.said("shared", "apply")
        assert "nothing to do" in shop.said("shared", "apply")
        assert installation.rows(whose) == [{"customer_id": [f"user:u{n}" for n in range(7)]}]
