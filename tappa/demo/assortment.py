"""What the sample shop sells, where, and how people hear of it: a maker of outdoor clothing with three stores and a
site."""

from __future__ import annotations

from typing import Final, NamedTuple


class Product(NamedTuple):
    """One thing for sale."""

    sku: str
    name: str
    category: str
    cents: int


class Campaign(NamedTuple):
    """A way to the site: what the address of the landing page and the referrer say. Empty strings say nothing."""

    source: str
    medium: str
    name: str
    referrer: str


SITE: Final = "https://shop.example"

_RANGE: Final = {
    "jackets": (
        ("Rain Shell", 18900),
        ("Down Jacket", 24900),
        ("Wind Jacket", 11900),
        ("Ski Jacket", 32900),
        ("Softshell", 13900),
    ),
    "boots": (
        ("Hiking Boot", 17900),
        ("Trail Shoe", 12900),
        ("Winter Boot", 19900),
        ("Approach Shoe", 13900),
        ("Camp Sandal", 4900),
    ),
    "packs": (
        ("Day Pack 18", 6900),
        ("Trek Pack 45", 15900),
        ("Ski Pack 30", 11900),
        ("Hip Pack", 2900),
        ("Dry Bag", 1900),
    ),
    "base": (
        ("Merino Shirt", 6900),
        ("Merino Leggings", 7900),
        ("Running Tee", 3500),
        ("Fleece", 5900),
        ("Boxer Set", 2900),
    ),
    "gear": (
        ("Trekking Poles", 8900),
        ("Head Lamp", 4500),
        ("Water Bottle", 1900),
        ("Stove", 5900),
        ("Tent for Two", 29900),
    ),
    "small": (("Wool Socks", 1500), ("Beanie", 1900), ("Gloves", 3500), ("Neck Warmer", 1500), ("Laces", 500)),
}

PRODUCTS: Final = tuple(
    Product(sku=f"{category[:2].upper()}-{number:03d}", name=name, category=category, cents=cents)
    for category, things in _RANGE.items()
    for number, (name, cents) in enumerate(things, start=1)
)

CATEGORIES: Final = tuple(_RANGE)

SEARCHES: Final = (
    "rain jacket",
    "boots size 42",
    "merino",
    "backpack 40l",
    "gift",
    "tent",
    "head lamp",
    "socks",
    "ski gloves",
    "sale",
)

CAMPAIGNS: Final = tuple(
    campaign
    for campaign, weight in (
        (Campaign("", "", "", "https://www.google.com/"), 30),
        (Campaign("google", "cpc", "brand", "https://www.google.com/"), 14),
        (Campaign("google", "cpc", "autumn_jackets", "https://www.google.com/"), 8),
        (Campaign("", "", "", ""), 16),
        (Campaign("instagram", "paid_social", "reels_summit", "https://www.instagram.com/"), 9),
        (Campaign("", "", "", "https://www.facebook.com/"), 5),
        (Campaign("", "", "", "https://www.bing.com/"), 3),
        (Campaign("mountain-blog", "affiliate", "boot_test", "https://mountain-blog.example/"), 5),
        (Campaign("", "", "", "https://trail-forum.example/"), 4),
        (Campaign("leaflet", "qr", "trade_fair", ""), 2),
        (Campaign("youtube", "video", "first_hike", "https://www.youtube.com/"), 4),
    )
    for _ in range(weight)
)
"""Each as often as a first visit comes that way."""

NEWSLETTER: Final = Campaign("newsletter", "email", "weekly", "")
WE_MISS_YOU: Final = Campaign("newsletter", "email", "we_miss_you", "")
FRIEND: Final = Campaign("friend", "referral", "bring_a_friend", "")
DIRECT: Final = Campaign("", "", "", "")

STORES: Final = (("milano-01", 3), ("torino-02", 2), ("bari-03", 2))
"""Store and number of tills."""

LATE_STORE: Final = "bari-03"
"""Its line is poor: it uploads its receipts late more often than the others."""

FIRST_NAMES: Final = (
    "Anna",
    "Bruno",
    "Carla",
    "Dario",
    "Elena",
    "Fabio",
    "Giulia",
    "Hans",
    "Irene",
    "Jonas",
    "Katja",
    "Luca",
    "Marta",
    "Nicola",
    "Olga",
    "Paolo",
    "Rosa",
    "Sara",
)
LAST_NAMES: Final = (
    "Rossi",
    "Bianchi",
    "Conti",
    "Esposito",
    "Ferrari",
    "Gallo",
    "Huber",
    "Marino",
    "Moretti",
    "Ricci",
    "Romano",
    "Weber",
    "Greco",
    "Costa",
    "Fontana",
)
