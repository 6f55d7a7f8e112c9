"""The pure heart: touchpoints, journey models and the fold."""
