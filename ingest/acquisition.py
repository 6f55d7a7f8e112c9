"""The acquisition channel: what brought somebody here, after Google's default channel grouping.

The rules, in Google's order, are those of https://support.google.com/analytics/answer/9756891; which source belongs
to which category is Google's list in ``data/source_categories.csv``.
"""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qs

UNASSIGNED: Final = "Unassigned"
URL_CHARACTERS_MAX: Final = 4_096
"""Longer addresses are cut: nobody's campaign is said after so many characters."""

HOST_CHARACTERS_MAX: Final = 253
REFERRER_CHARACTERS_MAX: Final = 512
"""The host of a referrer, which is all that counts, is within them."""

_PAID: Final = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
_SHOP: Final = re.compile(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")
_EMAIL: Final = re.compile(r"email|e-mail|e_mail|e mail")
_GOOGLE: Final = re.compile(r"google\.[a-z]{2,3}(\.[a-z]{2})?")
_QUERY_BEGINS: Final = re.compile(r"[?#]")
_DISPLAY: Final = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
_SOCIAL: Final = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})
_REFERRAL: Final = frozenset({"referral", "app", "link"})
_SOLD_PLACEMENTS: Final = frozenset({"alibaba"})
"""Sources that are paid for even when the tag leaves the medium out (decision record on acquisition channels)."""

_CLICK_IDS: Final = {
    "gclid": ("google", "cpc"),
    "gbraid": ("google", "cpc"),
    "wbraid": ("google", "cpc"),
    "dclid": ("google", "display"),
    "msclkid": ("bing", "cpc"),
    "yclid": ("yandex", "cpc"),
    "ttclid": ("tiktok", "paid-social"),
    "twclid": ("twitter", "paid-social"),
    "li_fat_id": ("linkedin", "paid-social"),
    "fbclid": ("facebook", ""),
    "igshid": ("instagram", ""),
}
"""Parameters that ad networks append to a link, with the source and medium they stand for. ``fbclid`` is on every
link out of Facebook, paid or not."""
_MAY_SAY: Final = re.compile(r"[?&#](?:utm_|" + "|".join(_CLICK_IDS) + ")", re.IGNORECASE)


def _categories() -> dict[str, str]:
    table = (files("ingest") / "data" / "source_categories.csv").read_text(encoding="utf-8")
    return {row["source"].lower(): row["source_category"] for row in csv.DictReader(table.splitlines())}


_CATEGORIES: Final = _categories()


@lru_cache(maxsize=4096)
def channel_grouping(source: str, medium: str, campaign: str) -> str:
    """Google's default channel for a campaign's source, medium and name; case does not matter."""
    source, medium, campaign = source.strip().lower(), medium.strip().lower(), campaign.strip().lower()
    category = category_of(source)
    paid, shopping = _PAID.match(medium), category == "SHOPPING" or _SHOP.match(campaign)
    rules = (
        ("Direct", source == "(direct)" and medium in {"", "(none)", "(not set)"}),
        ("Cross-network", "cross-network" in campaign),
        ("Paid Shopping", (shopping and paid) or (source in _SOLD_PLACEMENTS and not medium)),
        ("Paid Search", category == "SEARCH" and paid),
        ("Paid Social", category == "SOCIAL" and paid),
        ("Paid Video", category == "VIDEO" and paid),
        ("Display", medium in _DISPLAY),
        ("Paid Other", paid),
        ("Organic Shopping", shopping),
        ("Organic Social", category == "SOCIAL" or medium in _SOCIAL),
        ("Organic Video", category == "VIDEO" or "video" in medium),
        ("Organic Search", category == "SEARCH" or medium == "organic"),
        ("Referral", medium in _REFERRAL),
        ("Email", _EMAIL.search(source) or _EMAIL.search(medium)),
        ("Affiliates", medium == "affiliate"),
        ("Audio", medium == "audio"),
        ("SMS", "sms" in {source, medium}),
        (
            "Mobile Push Notifications",
            medium.endswith("push") or "mobile" in medium or "notification" in medium or source == "firebase",
        ),
    )
    return next((name for name, holds in rules if holds), UNASSIGNED)


def category_of(source: str) -> str:
    """``SEARCH SOCIAL SHOPPING VIDEO`` or nothing: of a name, or of a host name and the domains that it lies in."""
    name = source.removeprefix("www.")
    category = _CATEGORIES.get(name) or _CATEGORIES.get(name.removesuffix(".com"), "")
    if not category and _GOOGLE.fullmatch(name):
        return "SEARCH"
    while not category and "." in name:
        name = name.partition(".")[2]
        category = _CATEGORIES.get(name, "")
    return category.removeprefix("SOURCE_CATEGORY_")


def acquisition_channel(campaign: tuple[str, str, str], url: str, referrer: str | None, *, opened: bool) -> str:
    """What a touchpoint says of where its visitor came from; ``""`` when it says nothing.

    ``campaign`` is what the client says (source, medium, name); else the address of the page says it by ``utm_*`` or
    a click id; else the referrer by its host. A referrer of the page's own site says nothing. A page that was
    ``opened`` and whose referrer is empty, not merely missing, says ``Direct``.
    """
    if campaign[0] or campaign[1] or campaign[2]:
        return channel_grouping(*(part[:256] for part in campaign))
    if "?" in url or "#" in url:
        url = url[:URL_CHARACTERS_MAX]
        if _MAY_SAY.search(url) and (said := _of_address(url)):
            return channel_grouping(*said)
    if not referrer:
        return "Direct" if opened and referrer is not None else ""
    if referrer.startswith("https://") and (path := referrer.find("/", 8)) > 0 and url.startswith(referrer[: path + 1]):
        return ""  # from page to page of one site, as nearly all: said in a third of the time
    return _of_referrer(referrer[:REFERRER_CHARACTERS_MAX], _host(url))


@lru_cache(maxsize=4096)
def _of_referrer(referrer: str, own: str) -> str:
    host = _host(referrer)
    if not host or _same_site(host, own):
        return ""
    return channel_grouping(host, "" if category_of(host) else "referral", "")


def _of_address(url: str) -> tuple[str, str, str] | None:
    try:
        said = parse_qs("&".join(_QUERY_BEGINS.split(url)[1:]), max_num_fields=200)
    except ValueError:
        return None
    found = {name.lower(): values[0][:256] for name, values in said.items()}
    source, medium, name = (found.get(f"utm_{part}", "") for part in ("source", "medium", "campaign"))
    if source or medium or name:
        return source, medium, name
    for click_id, (network, kind) in _CLICK_IDS.items():
        if click_id in found:
            return network, kind, ""
    return None


def _host(url: str) -> str:
    parts = url.split("/", 3)
    if len(parts) < 3 or parts[1] or parts[0][-1:] != ":":
        return ""
    authority = parts[2]
    if (
        "@" in authority
        or ":" in authority
        or "?" in authority
        or "#" in authority
        or len(authority) > HOST_CHARACTERS_MAX
    ):
        authority = (
            _QUERY_BEGINS.split(authority[:URL_CHARACTERS_MAX], maxsplit=1)[0].rpartition("@")[2].partition(":")[0]
        )
    return authority[:HOST_CHARACTERS_MAX].lower()


def _same_site(host: str, own: str) -> bool:
    host, own = host.removeprefix("www."), own.removeprefix("www.")
    return bool(own) and (host == own or host.endswith("." + own) or own.endswith("." + host))
