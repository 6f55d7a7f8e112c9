"""What people call the columns of tills and shops, in several languages, and their words for kinds of receipts."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

COLUMNS: Final[dict[str, str]] = {
    "receipt_id": "receipt id, receipt, receipt number, receipt no, ticket, ticket id, ticket number, invoice, invoice "
    "number, invoice no, transaction id, transaction, transaction number, order id, order number, order "
    "no, sale id, document number, scontrino, numero scontrino, n scontrino, nr scontrino, fattura, "
    "numero fattura, numero documento, documento, transazione, bon, bonnummer, bon nr, belegnummer, "
    "beleg, beleg nr, rechnungsnummer, rechnung, kassenbon, ticket de caisse, numero de ticket, facture, "
    "numero de facture, recibo, numero de recibo, factura, numero de factura, ticket de compra, paragon, "
    "numer paragonu, kassabon, fatura",
    "store_id": "store id, store, shop, shop id, branch, location, outlet, site, negozio, punto vendita, pdv, codice "
    "negozio, filiale, filialnummer, filial nr, laden, geschaft, markt, magasin, boutique, code magasin, "
    "tienda, sucursal, local, loja, sklep, winkel, filiaal",
    "till_id": "till id, till, register, pos, pos id, terminal, workstation, lane, cash register, cassa, numero "
    "cassa, kasse, kassennummer, kassen nr, caisse, caja, caixa, kasa, kassa",
    "business_date": "business date, business day, booking date, accounting date, data contabile, buchungsdatum, "
    "buchungstag, date comptable, fecha contable",
    "sold_at": "sold at, timestamp, datetime, date time, date, sale date, transaction date, invoice date, order "
    "date, created at, receipt date, ticket date, purchase date, data, data ora, data vendita, data "
    "scontrino, datum, belegdatum, verkaufsdatum, date de vente, date de ticket, fecha, fecha hora, fecha "
    "de venta, data venda, data sprzedazy, verkoopdatum, zeitpunkt, invoicedate, orderdate",
    "clock": "time, sale time, hour, receipt time, ora, orario, uhrzeit, zeit, heure, hora, godzina, tijd",
    "sku": "sku, item, item id, item code, item number, article, article number, product id, product code, stock "
    "code, stockcode, barcode, ean, upc, gtin, plu, codice articolo, articolo, codice prodotto, codice, "
    "artikelnummer, artikel nr, artikel, art nr, code article, reference, ref, code produit, codigo, "
    "codigo articulo, articulo, referencia, codigo de producto, produto, kod produktu, artikelcode",
    "name": "name, item name, product, product name, description, item description, title, descrizione, nome "
    "prodotto, prodotto, bezeichnung, beschreibung, artikelbezeichnung, produkt, produktname, "
    "designation, libelle, nom du produit, produit, descripcion, nombre, nombre del producto, producto, "
    "descricao, nazwa, omschrijving",
    "quantity": "quantity, qty, units, pieces, count, amount of items, quantita, qta, q ta, pezzi, menge, anzahl, "
    "stuck, stk, quantite, qte, nombre d articles, cantidad, cant, unidades, quantidade, qtd, ilosc, "
    "aantal, pcs",
    "unit_price": "unit price, price, price each, item price, unitprice, prezzo, prezzo unitario, einzelpreis, preis, "
    "stuckpreis, prix, prix unitaire, pu, pu ttc, precio, precio unitario, preco, preco unitario, cena, "
    "cena jednostkowa, prijs, stukprijs",
    "line_total": "line total, line amount, amount, extended amount, subtotal, net amount, importo, importo riga, "
    "totale riga, betrag, zeilenbetrag, positionsbetrag, umsatz, montant, montant ligne, importe, importe "
    "linea, valor, kwota, bedrag",
    "total": "total, receipt total, grand total, total amount, order total, totale, totale scontrino, totale "
    "documento, gesamt, gesamtbetrag, summe, total ttc, montant total, importe total, total ticket, suma, "
    "totaal",
    "discount": "discount, discount amount, line discount, sconto, rabatt, nachlass, remise, descuento, desconto, "
    "rabat, korting",
    "category": "category, department, product category, group, product group, categoria, reparto, warengruppe, "
    "kategorie, abteilung, categorie, rayon, famille, departamento, familia, seccion, kategoria, groep",
    "currency": "currency, currency code, valuta, wahrung, devise, moneda, moeda, waluta",
    "kind": "type, kind, transaction type, receipt type, document type, tipo, tipo documento, tipo operazione, "
    "belegart, vorgang, art, type de ticket, type operation, tipo de operacion, tipo de ticket, rodzaj, "
    "soort",
    "loyalty_card": "loyalty card, card, card number, card no, loyalty id, loyalty number, member, member id, member "
    "number, membership number, tessera, carta fedelta, numero tessera, tessera fedelta, codice tessera, "
    "kundenkarte, kartennummer, kundenkartennummer, carte de fidelite, carte fidelite, numero de carte, "
    "tarjeta, tarjeta de fidelizacion, numero de tarjeta, socio, cartao, cartao fidelidade, karta, "
    "klantenkaart, pasnummer",
    "email": "email, e mail, mail, email address, customer email, posta elettronica, indirizzo email, e mail "
    "adresse, adresse email, courriel, correo, correo electronico",
    "phone": "phone, phone number, telephone, mobile, mobile number, customer phone, telefono, cellulare, numero "
    "di telefono, telefon, telefonnummer, handy, mobil, portable, telefone, celular, movil, "
    "telefoonnummer",
    "user_id": "user id, user, userid, customer id, customer, customer no, customer number, client id, account id, "
    "account, cliente, codice cliente, id cliente, kunde, kundennummer, kunden nr, kunden id, client, "
    "numero client, code client, codigo cliente, klient, klantnummer",
    "event": "event, event name, action, activity, evento, azione, ereignis, aktion, evenement, accion, zdarzenie",
    "message_id": "message id, event id, messageid, eventid, uuid, id evento",
    "anonymous_id": "anonymous id, anonymousid, device id, visitor id, session user, cookie, cookie id, client uuid, "
    "domain userid",
    "url": "url, page url, page, link, pagina, seite, webseite",
}  # fmt: skip
"""By what a column is: its names, the more usual ones of a language first."""

KINDS: Final[dict[str, str]] = {
    "sale": "sale, s, sell, purchase, vendita, v, acquisto, verkauf, vk, vente, venta, venda, sprzedaz, verkoop, "
    "invoice",
    "return": "return, r, refund, credit, credit note, reso, rimborso, retoure, ruckgabe, gutschrift, erstattung, "
    "retour, remboursement, avoir, devolucion, reembolso, abono, devolucao, zwrot",
}  # fmt: skip
"""Words of files for kinds of receipts. Voids are not among them: they must say what they void."""


def plain(text: str) -> str:
    """A name without case, accents and signs between its words."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    letters = unicodedata.normalize("NFKD", parted.replace("ß", "ss"))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", " ", bare.lower()).strip()


ROLES: Final[dict[str, list[str]]] = {
    role: [plain(name) for name in names.split(",")] for role, names in COLUMNS.items()
}
"""By what a column is: its names, without case and signs."""
MEANINGS: Final[dict[str, str]] = {plain(word): kind for kind, words in KINDS.items() for word in words.split(",")}


def likeness(name: str, role: str) -> int:
    """How much a column's name speaks for this role: 3 when it is one of its names, 2 when one of them of two words or
    more is in it, 1 when one of a single word is."""
    words = plain(name)
    if words in ROLES[role] or words.replace(" ", "") in {known.replace(" ", "") for known in ROLES[role]}:
        return 3
    parts = [known for known in ROLES[role] if len(known) > 3 and f" {known} " in f" {words} "]
    return 2 if any(" " in known for known in parts) else 1 if parts else 0
