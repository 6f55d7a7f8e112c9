"""Webhooks of commerce platforms and of one's own tills: signed bodies, and the touchpoints that they are."""
