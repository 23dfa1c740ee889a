"""Codes that are valid as python-stdnum (VINs: vininfo) has it, near misses, and numbers that are no codes.

No function of the service is used here: what is right is said by others.
"""

import string
from dataclasses import dataclass, replace

from stdnum import ean, iban as iban_, imei as imei_, isbn as isbn_, isin as isin_, issn as issn_, lei as lei_, luhn
from stdnum.eu import vat
from stdnum.iso7064 import mod_97_10
from vininfo import Vin

ALNUM = string.digits + string.ascii_uppercase
SEDOL = "".join(c for c in ALNUM if c not in "AEIOU")
VIN = "".join(c for c in ALNUM if c not in "IOQ")


@dataclass(frozen=True)
class Number:
    """`kind` is empty for a number that is no code. `printed` is `value` as it stands on the page."""

    kind: str
    value: str
    printed: str
    label: str
    valid: bool = True


def is_valid(kind, value):
    """As the independent checkers have it."""
    if kind == "vin":
        try:
            return bool(Vin(value).verify_checksum(check_year=False))
        except Exception:  # it refuses what is no VIN at all, by errors of several kinds
            return False
    checks = {
        "iban": lambda text: iban_.is_valid(text, check_country=False),
        "lei": lei_.is_valid, "isin": isin_.is_valid, "isbn": isbn_.is_valid, "issn": issn_.is_valid,
        "gtin": ean.is_valid, "imei": imei_.is_valid, "eu_vat": vat.is_valid,
        "sscc": lambda text: len(text) == 18 and text.isdigit() and ean.calc_check_digit(text[:-1]) == text[-1],
    }
    return checks[kind](value)


def some(rng, pattern):
    sets = {"d": string.digits, "*": ALNUM, "a": string.ascii_uppercase}
    return "".join(rng.choice(sets[c]) if c in sets else c for c in pattern)


def digits(rng, count):
    return some(rng, "d" * count)


def grouped(text, *sizes):
    groups = []
    while text:
        size = sizes[min(len(groups), len(sizes) - 1)]
        groups.append(text[:size])
        text = text[size:]
    return " ".join(groups)


def made(kind, value, printed, label):
    assert is_valid(kind, value), (kind, value)
    return Number(kind, value, printed, label)


def iban(rng):
    bban = {
        "DE": "d" * 18, "AT": "d" * 16, "BE": "d" * 12, "NL": "aaaa" + "d" * 10, "GB": "aaaa" + "d" * 14,
        "FR": "d" * 10 + "*" * 11 + "dd", "ES": "d" * 20, "IT": "a" + "d" * 10 + "*" * 12, "PL": "d" * 24,
        "CH": "d" * 17, "LU": "ddd" + "*" * 13, "SE": "d" * 20, "IE": "aaaa" + "d" * 14, "PT": "d" * 21,
    }
    country = rng.choice(["DE", "DE", "AT", *bban])
    account = some(rng, bban[country])
    value = country + iban_.calc_check_digits(country + "00" + account) + account
    printed = value if rng.random() < 0.25 else grouped(value, 4)
    return made("iban", value, printed, rng.choice(["IBAN", "IBAN", "IBAN", "Account (IBAN)", "Bank account IBAN"]))


def lei(rng):
    head = digits(rng, 4) + "00" + some(rng, "*" * 12)
    value = head + mod_97_10.calc_check_digits(head)
    return made("lei", value, value, rng.choice(["LEI", "LEI", "Legal Entity Identifier", "LEI code"]))


def vin(rng, unlabelled=False):
    maker = rng.choice(["1HG", "WVW", "JTD", "5YJ", "KMH", "3FA", "2T1", "WBA", "VF1", "1FT", "YV1", "ZFA"])
    while True:
        model = "".join(rng.choice(VIN) for _ in range(5))
        year, plant = rng.choice("ABCDEFGHJKLMNPRSTVWXY123456789"), rng.choice(VIN)
        serial = digits(rng, 6) if unlabelled or rng.random() < 0.8 else rng.choice(VIN) + digits(rng, 5)
        for check in "0123456789X":
            value = maker + model + check + year + plant + serial
            if is_valid("vin", value) and (not unlabelled or sum(c.isalpha() for c in value) >= 3):
                label = "Vehicle" if unlabelled else rng.choice(["VIN", "VIN", "FIN", "Chassis no.", "Vehicle identification number"])
                return made("vin", value, value, label)


def isin(rng, label="ISIN"):
    while True:
        # WKN and CUSIP have no I and O, SEDOL has no vowel at all.
        wkn = rng.choice(["ddd", "Add", "A*d"]).replace("*", rng.choice(VIN)) + "ddd"
        sedol = "".join(rng.choice(SEDOL) for _ in range(6)) + "d"
        cusip = "ddddd" + rng.choice(["d", rng.choice(VIN)]) + "ddd"
        body = some(rng, rng.choice(["US" + cusip, "DE000" + wkn, "FR0" + "d" * 8, "LU" + "d" * 9, "IE00" + sedol, "GB00" + sedol, "NL00" + "d" * 7]))
        value = body + isin_.calc_check_digit(body)
        if is_valid("isin", value):
            return made("isin", value, value, label)


def isbn(rng):
    if rng.random() < 0.75:
        body = "978" + rng.choice(["0", "1", "3", "2", "88"]) + digits(rng, 8)
        body = body[:12]
        value = body + ean.calc_check_digit(body)
        label = rng.choice(["ISBN", "ISBN", "ISBN-13"])
    else:
        body = rng.choice("0123") + digits(rng, 8)
        value = body + isbn_._calc_isbn10_check_digit(body)
        label = rng.choice(["ISBN", "ISBN-10"])
    printed = isbn_.format(value) if rng.random() < 0.75 else value
    return made("isbn", value, printed, label)


def issn(rng):
    body = digits(rng, 7)
    value = body + issn_.calc_check_digit(body)
    return made("issn", value, value[:4] + "-" + value[4:], rng.choice(["ISSN", "ISSN", "eISSN"]))


def gtin(rng, length=None, label=None):
    length = length or rng.choice([13, 13, 13, 8, 12, 14])
    body = (rng.choice(["40", "50", "76", "30", "87"]) + digits(rng, 12))[: length - 1]
    value = body + ean.calc_check_digit(body)
    labels = {8: ["EAN", "GTIN"], 12: ["UPC", "GTIN"], 13: ["EAN", "GTIN", "EAN-13"], 14: ["GTIN", "GTIN-14"]}
    return made("gtin", value, value, rng.choice(labels[length]) if label is None else label)


def under_bars(rng):
    """As it stands under a bar code: no label, in groups."""
    number = gtin(rng, length=rng.choice([13, 13, 12]))
    groups = (1, 6, 6) if len(number.value) == 13 else (1, 5, 5, 1)
    return replace(number, printed=grouped(number.value, *groups), label="")


def sscc(rng):
    body = rng.choice("0123") + digits(rng, 16)
    value = body + ean.calc_check_digit(body)
    label = rng.choice(["SSCC", "SSCC", "(00)", "NVE"])
    printed = value if rng.random() < 0.6 else grouped(value, 1, 7, 9, 1)
    return made("sscc", value, printed, label)


def imei(rng):
    body = rng.choice(["35", "86", "49", "01"]) + digits(rng, 12)
    value = body + luhn.calc_check_digit(body)
    printed = rng.choice([value, value, grouped(value, 2, 6, 6, 1), "-".join(grouped(value, 2, 6, 6, 1).split())])
    return made("imei", value, printed, "IMEI")


def eu_vat(rng):
    pattern = rng.choice(["DE" + "d" * 9, "DE" + "d" * 9, "ATU" + "d" * 8, "BE0" + "d" * 9, "DK" + "d" * 8, "ESB" + "d" * 8, "FI" + "d" * 8,
                          "FR" + "d" * 11, "IE" + "d" * 7 + "a", "IT" + "d" * 11, "LU" + "d" * 8, "NL" + "d" * 9 + "B0d", "PL" + "d" * 10,
                          "PT5" + "d" * 8, "SE" + "d" * 10 + "01"])
    while True:
        value = some(rng, pattern)
        if is_valid("eu_vat", value):
            label = {"DE": "USt-IdNr.", "AT": "UID", "FR": "TVA", "IT": "Partita IVA", "NL": "BTW", "ES": "NIF"}.get(value[:2], "VAT")
            return made("eu_vat", value, value, rng.choice([label, "VAT", "VAT ID", "VAT no."]))


def near_miss(rng, number):
    """The same with one digit that is wrong in print: no reader can tell what was meant."""
    while True:
        at = rng.choice([at for at, c in enumerate(number.printed) if c.isdigit() and at > 3])
        digit = rng.choice([d for d in string.digits if d != number.printed[at]])
        printed = number.printed[:at] + digit + number.printed[at + 1:]
        value = "".join(c for c in printed if c.isalnum())
        if not is_valid(number.kind, value):
            return replace(number, value=value, printed=printed, valid=False)


def passing_luhn(rng, length):
    body = rng.choice("123456789") + digits(rng, length - 2)
    return body + luhn.calc_check_digit(body)


def passing_gs1(rng, length):
    body = rng.choice("123456789") + digits(rng, length - 2)
    return body + ean.calc_check_digit(body)


def decoy(rng):
    label, printed = rng.choice([
        ("Order no.", order(rng)), ("Reference", reference(rng)), ("Telephone", phone(rng)), ("Date of issue", date(rng)),
        ("Customer number", passing_gs1(rng, 13)), ("Policy", "DE" + digits(rng, 9)), ("File", passing_luhn(rng, 15)),
        ("Contract", some(rng, "aa") + digits(rng, 10)), ("Serial number", some(rng, "***d***d***dddd")),
        ("Part", passing_gs1(rng, 8)), ("Batch", digits(rng, 4) + "-" + digits(rng, 4)), ("Amount", amount(rng) + " EUR"),
    ])
    return Number("", printed, printed, label)


def order(rng):
    return rng.choice([passing_gs1(rng, 13), digits(rng, 10), "PO-" + digits(rng, 8), some(rng, "aaa") + "-" + digits(rng, 7)])


def reference(rng):
    return rng.choice([some(rng, "aa") + digits(rng, 6), f"{rng.randint(2015, 2026)}/{digits(rng, 5)}", digits(rng, 12), some(rng, "a") + digits(rng, 9)])


def phone(rng):
    return rng.choice([f"+49 {digits(rng, 3)} {digits(rng, 8)}", f"0{digits(rng, 3)}-{digits(rng, 7)}", f"+33 {grouped(digits(rng, 9), 1, 2)}", f"({digits(rng, 3)}) {digits(rng, 3)}-{digits(rng, 4)}"])


def date(rng):
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(2015, 2026)
    return rng.choice([f"{day:02}.{month:02}.{year}", f"{year}-{month:02}-{day:02}", f"{day:02}/{month:02}/{year}"])


def amount(rng):
    return f"{rng.randint(1, 9999):,}.{rng.randint(0, 99):02}"


def bic(rng):
    return some(rng, "aaaa") + rng.choice(["DE", "AT", "NL", "FR"]) + some(rng, "aa") + rng.choice(["", "XXX"])


def street(rng):
    return rng.choice(["Harbour Road", "Hauptstrasse", "Rue de Lyon", "Via Roma", "Mill Lane"]) + f" {rng.randint(1, 180)}"


def city(rng):
    return rng.choice(["20457 Hamburg", "1010 Wien", "69002 Lyon", "London EC1A 4HD", "00184 Roma", "1012 Amsterdam"])


def person(rng):
    return rng.choice(["A. Brown", "Marie Petit", "J. van Dijk", "Paolo Conti", "Hanna Vogt", "T. O'Neill"])
