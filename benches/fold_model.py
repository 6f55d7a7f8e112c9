"""A model that asks much: 12 stages, 40 moves, and of every touchpoint of the workload at least two CEL conditions."""

from __future__ import annotations

from typing import Final

WIDE: Final = """\
name: wide
stages:
  - {name: stranger}
  - {name: visitor}
  - {name: browser}
  - {name: searcher}
  - {name: chooser}
  - {name: undecided}
  - {name: buyer}
  - {name: regular}
  - {name: big_spender}
  - {name: store_customer}
  - {name: absent}
  - {name: lost}
signals:
  looked: {type: page, when: event.channel == 'web' || event.channel == 'app'}
  viewed: {event: Product Viewed, when: "!event.offline"}
  searched: {event: Products Searched, when: event.name != 'nothing' && !event.offline}
  filled: {event: Product Added, when: "event.channel in ['web', 'app']"}
  ordered: {event: Order Completed, when: event.value > 0.0 && event.currency == 'EUR'}
  paid: {event: Receipt Issued, when: event.transaction == 'sale' && event.value > 0.0}
  named: {type: identify, when: event.source != 'import'}
  product: {event: Product Viewed}
  cart: {event: Product Added}
  order: {event: Order Completed}
  receipt: {event: Receipt Issued}
counters:
  views: {count: product}
  carts: {count: cart}
  orders: {count: order}
  receipts: {count: receipt}
entry:
  - {on: ordered, to: buyer, when: event.value < 100000.0}
  - {on: paid, to: store_customer, when: event.offline}
  - {on: filled, to: chooser, when: event.channel != 'store'}
  - {on: searched, to: searcher, when: event.channel != 'store'}
  - {on: viewed, to: browser, when: event.channel != 'store'}
  - {on: looked, to: visitor, when: event.channel != 'store'}
  - {on: named, to: visitor, when: event.channel != 'store'}
  - {to: stranger}
moves:
  - {from: [stranger, visitor], on: looked, to: browser, when: state.touchpoints >= 5, label: restless}
  - {from: any, on: looked, to: visitor, when: state.silence_s > 1209600 && state.purchases == 0, label: again}
  - {from: [browser, searcher], on: looked, label: came_back, when: state.silence_s >= 1800 && state.silence_s <= 86400}
  - {from: [absent, lost], on: looked, to: browser, when: state.purchases > 0, label: returned}
  - {from: [stranger, visitor], on: viewed, to: browser, when: state.views < 10}
  - {from: [browser, searcher], on: viewed, to: undecided, when: state.views > 11 && state.carts == 0, label: lingering}
  - {from: [chooser, undecided], on: viewed, to: browser, when: state.silence_s > 604800, label: began_anew}
  - {from: [buyer, regular], on: viewed, label: tempted, when: state.silence_s > 86400 && state.label != 'tempted'}
  - {from: [absent, lost], on: viewed, to: browser, when: state.silence_s > 60, label: returned}
  - {from: [big_spender, store_customer], on: viewed, to: buyer, when: state.orders >= 1 && state.views > 30}
  - {from: [stranger, visitor, browser], on: searched, to: searcher, when: state.touchpoints >= 1}
  - {from: [chooser, undecided], on: searched, to: searcher, when: state.silence_s > 999 || state.label == 'lingering'}
  - {from: [searcher, buyer, regular], on: searched, label: looks_round, when: state.silence_s > 60 && state.views < 3}
  - {from: [big_spender, store_customer], on: searched, to: searcher, when: state.silence_s > 2592000}
  - {from: [absent, lost], on: searched, to: searcher, when: state.silence_s > 60, label: returned}
  - {from: [stranger, visitor, browser, searcher], on: filled, to: chooser, when: state.carts < 5}
  - {from: [stranger, visitor, browser, searcher], on: filled, to: undecided, when: state.carts >= 5, label: collector}
  - {from: [chooser, undecided], on: filled, to: undecided, when: state.carts >= 4 && state.purchases == 0}
  - {from: [buyer, regular, big_spender], on: filled, label: more, when: state.label != 'more'}
  - {from: store_customer, on: filled, to: chooser, when: state.orders == 0, label: went_online}
  - {from: [absent, lost], on: filled, to: chooser, when: state.silence_s > 60, label: returned}
  - {from: any, on: ordered, to: big_spender, when: state.orders >= 3 && event.value > 250.0, label: large_order}
  - {from: [buyer, store_customer, undecided], on: ordered, to: regular, when: state.purchases >= 2, label: repeat}
  - {from: [stranger, visitor, browser, searcher, chooser], on: ordered, to: buyer, when: state.purchases == 0}
  - {from: [stranger, visitor, browser, searcher, chooser], on: ordered, to: regular, when: state.purchases > 0}
  - {from: [buyer, regular, big_spender], on: ordered, label: again, when: state.silence_s > 86400}
  - {from: store_customer, on: ordered, to: buyer, when: state.orders == 0, label: went_online}
  - {from: [absent, lost], on: ordered, to: buyer, when: "state.label in ['silent', 'gone']", label: won_back}
  - {from: any, on: paid, to: big_spender, when: state.receipts >= 3 && event.value > 900.0, label: large_receipt}
  - {from: [buyer, regular, undecided], on: paid, to: store_customer, when: state.receipts > state.orders}
  - {from: [stranger, visitor, browser, searcher, chooser], on: paid, to: store_customer, when: event.offline}
  - {from: [store_customer, big_spender], on: paid, label: again, when: state.silence_s > 86400}
  - {from: [absent, lost], on: paid, to: store_customer, when: state.purchases >= 1, label: won_back}
  - {from: any, on: named, to: regular, when: state.purchases >= 3 && state.highest_stage == 'regular'}
  - {from: [stranger, visitor, undecided], on: named, to: browser, when: state.touchpoints > 2}
  - {from: [browser, searcher, chooser, buyer, regular], on: named, label: known, when: state.touchpoints == 1}
  - {from: [buyer, regular, store_customer, big_spender], after: P60D, to: absent, label: silent}
  - {from: absent, after: P300D, to: lost, label: gone}
  - {from: [chooser, undecided], after: P7D, label: left_behind}
  - {from: undecided, after: P30D, to: absent, label: gave_up}
"""
"""Conditions as people write them: over the touchpoint's own fields, the counters and the stage before."""
