"""Who a touchpoint belongs to: the rules of DESIGN section 2, as pure functions."""
