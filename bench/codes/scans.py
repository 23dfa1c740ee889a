"""Draws noised scans of invoices, labels, forms and certificates, with codes and with numbers that are none.

    scans.py DIRECTORY SEED PAGES

Writes page-N.jpg and truth.json: for each page what is printed on it. One seed gives the same pages with the same
versions of requirements.txt and of the Debian packages fonts-dejavu-core, fonts-liberation and fonts-freefont-ttf.
"""

import json
import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import numbers_of_all_kinds as numbers

FONTS = Path("/usr/share/fonts/truetype")
FAMILIES = [
    (FONTS / "dejavu" / "DejaVuSans.ttf", FONTS / "dejavu" / "DejaVuSans-Bold.ttf"),
    (FONTS / "dejavu" / "DejaVuSerif.ttf", FONTS / "dejavu" / "DejaVuSerif-Bold.ttf"),
    (FONTS / "dejavu" / "DejaVuSansMono.ttf", FONTS / "dejavu" / "DejaVuSansMono-Bold.ttf"),
    (FONTS / "liberation" / "LiberationSans-Regular.ttf", FONTS / "liberation" / "LiberationSans-Bold.ttf"),
    (FONTS / "liberation" / "LiberationSerif-Regular.ttf", FONTS / "liberation" / "LiberationSerif-Bold.ttf"),
    (FONTS / "liberation" / "LiberationMono-Regular.ttf", FONTS / "liberation" / "LiberationMono-Bold.ttf"),
    (FONTS / "freefont" / "FreeSans.ttf", FONTS / "freefont" / "FreeSansBold.ttf"),
]
WORDS = (
    "the goods were delivered in good order on time please quote when paying within thirty days without deduction "
    "thank you for your business all prices are net of tax transport insurance and packing charged separately returns "
    "only after written agreement our general terms apply place of jurisdiction is the seat of the company service "
    "maintenance contract spare parts shipment contents see enclosed list handle with care do not stack"
).split()
ITEMS = ["Bolt M8", "Cable 3 m", "Filter set", "Lamp E27", "Paper A4", "Pump seal", "Relay 24 V", "Valve 1/2"]
INCH = 72  # points


class Sheet:
    """A page that is drawn from top to bottom, at twice the resolution that it is scanned at."""

    def __init__(self, rng, size, dpi):
        self.rng, self.dpi = rng, dpi
        self.scale = 2 * dpi / INCH
        self.image = Image.new("L", tuple(round(side * self.scale) for side in size), 255)
        self.draw = ImageDraw.Draw(self.image)
        self.regular, self.bold = rng.choice(FAMILIES)
        self.size = rng.choice([9, 9.5, 10, 10, 11, 12])
        self.left, self.right = 50 if size[0] > 400 else 22, size[0] - (40 if size[0] > 400 else 18)
        self.y, self.bottom = 40 if size[0] > 400 else 20, size[1] - 40
        self.ink = rng.randint(0, 50)
        self.truth = []

    def font(self, size=None, bold=False):
        return ImageFont.truetype(str(self.bold if bold else self.regular), round((size or self.size) * self.scale))

    def width(self, text, **how):
        return self.font(**how).getlength(text) / self.scale

    def text(self, x, text, y=None, **how):
        y = self.y if y is None else y
        self.draw.text((x * self.scale, y * self.scale), text, font=self.font(**how), fill=self.ink)

    def down(self, lines=1.0):
        self.y += lines * self.size * 1.45

    def rule(self):
        y = (self.y + 2) * self.scale
        self.draw.line((self.left * self.scale, y, self.right * self.scale, y), fill=self.ink, width=max(1, round(self.scale / 2)))
        self.down(0.5)

    def prose(self, lines):
        for _ in range(lines):
            text = self.rng.choice(WORDS).capitalize()
            while self.width(text) < self.right - self.left - 60:
                text += " " + self.rng.choice(WORDS)
            self.text(self.left, text)
            self.down()

    def note(self, number):
        if number.kind:
            self.truth.append({"type": number.kind, "value": number.value, "printed": number.printed, "valid": number.valid})

    def labelled(self, number, x=None, label_width=None):
        """`Label: number` on one line, the number in a column of its own where `label_width` is given."""
        x = self.left if x is None else x
        label = number.label + self.rng.choice([":", ":", "", " "])
        self.text(x, label)
        self.text(x + (label_width or self.width(label + " ")), number.printed, bold=self.rng.random() < 0.2)
        self.note(number)

    def boxed(self, number, x, width):
        """A form's field: the label small above the number, in a frame."""
        top = self.y
        self.text(x + 3, number.label, size=max(7, self.size - 2.5), y=top + 1)
        self.text(x + 5, number.printed, y=top + self.size * 1.25)
        corners = [side * self.scale for side in (x, top - 1, x + width, top + self.size * 2.9)]
        self.draw.rectangle(corners, outline=min(255, self.ink + 90), width=max(1, round(self.scale / 3)))
        self.note(number)


def invoice(sheet):
    rng = sheet.rng
    sheet.text(sheet.left, rng.choice(["Meyer & Sons Ltd", "Nordlicht GmbH", "Acme Supplies", "Bruna S.p.A."]), size=16, bold=True)
    sheet.down(2.2)
    for line in [numbers.street(rng), numbers.city(rng)]:
        sheet.text(sheet.left, line)
        sheet.down()
    sheet.text(sheet.left, "Phone " + numbers.phone(rng))
    sheet.down()
    sheet.labelled(numbers.eu_vat(rng))
    sheet.down(2)
    sheet.text(sheet.left, rng.choice(["Invoice", "INVOICE", "Rechnung"]), size=14, bold=True)
    sheet.down(1.8)
    for label, value in [("Invoice no.", numbers.reference(rng)), ("Date", numbers.date(rng)), ("Order", numbers.order(rng)), ("Customer", numbers.digits(rng, rng.choice([6, 8, 10])))]:
        sheet.text(sheet.left, label)
        sheet.text(sheet.left + 110, value)
        sheet.down()
    sheet.down()
    sheet.prose(rng.randint(2, 4))
    sheet.down()
    columns = [sheet.left, sheet.left + 30, sheet.left + 150, sheet.left + 280, sheet.left + 330]
    for x, head in zip(columns, ["Pos", "Article", rng.choice(["EAN", "GTIN", "EAN"]), "Qty", "Amount"]):
        sheet.text(x, head, bold=True)
    sheet.down(1.2)
    sheet.rule()
    for position in range(1, rng.randint(3, 6)):
        number = numbers.gtin(rng, length=13, label="")
        for x, cell in zip(columns, [str(position), rng.choice(ITEMS), number.printed, str(rng.randint(1, 40)), numbers.amount(rng)]):
            sheet.text(x, cell)
        sheet.note(number)
        sheet.down(1.15)
    sheet.rule()
    sheet.text(columns[3], "Total " + numbers.amount(rng) + " EUR", bold=True)
    sheet.down(2)
    sheet.prose(rng.randint(1, 4))
    sheet.down()
    sheet.labelled(numbers.iban(rng))
    sheet.down()
    sheet.text(sheet.left, "BIC: " + numbers.bic(rng))
    sheet.down()
    if rng.random() < 0.5:
        sheet.labelled(numbers.lei(rng))
        sheet.down()
    if rng.random() < 0.35:
        sheet.labelled(numbers.near_miss(rng, numbers.iban(rng)))
        sheet.down()
    if rng.random() < 0.5:
        sheet.text(sheet.left, "Tracking " + numbers.passing_luhn(rng, 15))
        sheet.down()


def label(sheet):
    rng = sheet.rng
    sheet.text(sheet.left, rng.choice(["SHIP TO", "DELIVER TO", "Consignee"]), bold=True)
    sheet.down()
    for line in [numbers.person(rng), numbers.street(rng), numbers.city(rng), numbers.phone(rng)]:
        sheet.text(sheet.left + 10, line)
        sheet.down()
    sheet.rule()
    sheet.labelled(numbers.sscc(rng))
    sheet.down(1.5)
    sheet.labelled(numbers.gtin(rng))
    sheet.down(1.5)
    sheet.text(sheet.left, "LOT " + numbers.reference(rng) + "   EXP " + numbers.date(rng))
    sheet.down(1.5)
    if rng.random() < 0.6:
        sheet.labelled(numbers.imei(rng))
        sheet.down(1.5)
    sheet.rule()
    bars(sheet)
    under = numbers.under_bars(rng)
    sheet.text(sheet.left + 30, under.printed)
    sheet.note(under)
    sheet.down(1.5)
    sheet.text(sheet.left, "Order " + numbers.passing_gs1(rng, 13))
    sheet.down()
    sheet.text(sheet.left, "Weight " + numbers.amount(rng) + " kg")


def bars(sheet):
    """Something like a bar code, which no reader of text should take for characters. It says nothing."""
    x, height = sheet.left + 20, 34
    while x < sheet.left + 150:
        wide = sheet.rng.choice([0.7, 0.7, 1.4, 2.1])
        sheet.draw.rectangle([side * sheet.scale for side in (x, sheet.y, x + wide, sheet.y + height)], fill=sheet.ink)
        x += wide + sheet.rng.choice([0.7, 0.7, 1.4, 2.1])
    sheet.y += height + 2


def form(sheet):
    rng = sheet.rng
    sheet.text(sheet.left, rng.choice(["Application form", "Supplier registration", "Claim form"]), size=15, bold=True)
    sheet.down(2.5)
    sheet.prose(rng.randint(1, 3))
    sheet.down()
    half = (sheet.right - sheet.left - 16) / 2
    makers = [numbers.iban, numbers.eu_vat, numbers.lei, numbers.vin, numbers.imei, numbers.isin]
    rng.shuffle(makers)
    for maker in makers[: rng.randint(3, 5)]:
        number = maker(rng)
        if rng.random() < 0.12:
            number = numbers.near_miss(rng, number)
        wide = sheet.width(number.printed) > half - 12
        sheet.boxed(number, sheet.left, sheet.right - sheet.left if wide else half)
        if not wide:
            decoy = numbers.decoy(rng)
            sheet.boxed(decoy, sheet.left + half + 16, half)
        sheet.y += sheet.size * 3.7
    sheet.down()
    sheet.prose(rng.randint(2, 5))
    sheet.text(sheet.left, "Date " + numbers.date(rng) + "     Signature ____________________")


def certificate(sheet):
    rng = sheet.rng
    sheet.text(sheet.left + 60, rng.choice(["Certificate of Conformity", "Certificate of Registration"]), size=17, bold=True)
    sheet.down(3)
    sheet.prose(rng.randint(2, 4))
    sheet.down()
    rows = [numbers.vin(rng), numbers.decoy(rng), numbers.decoy(rng)]
    if rng.random() < 0.5:
        rows.append(numbers.imei(rng))
    if rng.random() < 0.4:
        rows.append(numbers.vin(rng, unlabelled=True))
    rng.shuffle(rows)
    for number in rows:
        sheet.labelled(number, label_width=190)
        sheet.down(1.4)
    sheet.down()
    sheet.prose(rng.randint(3, 6))
    sheet.text(sheet.left, numbers.city(rng) + ", " + numbers.date(rng))


def statement(sheet):
    """Of a depositary: securities by their ISIN."""
    rng = sheet.rng
    sheet.text(sheet.left, rng.choice(["Statement of holdings", "Depotauszug"]), size=15, bold=True)
    sheet.down(2.5)
    sheet.labelled(numbers.iban(rng))
    sheet.down()
    sheet.labelled(numbers.lei(rng))
    sheet.down(2)
    columns = [sheet.left, sheet.left + 120, sheet.left + 250, sheet.left + 330]
    for x, head in zip(columns, ["Name", "ISIN", "Units", "Value"]):
        sheet.text(x, head, bold=True)
    sheet.down(1.2)
    sheet.rule()
    for _ in range(rng.randint(3, 6)):
        number = numbers.isin(rng, label="")
        for x, cell in zip(columns, [rng.choice(["Ordinary", "Bond 2031", "Fund A", "Index EU"]), number.printed, str(rng.randint(1, 900)), numbers.amount(rng)]):
            sheet.text(x, cell)
        sheet.note(number)
        sheet.down(1.2)
    sheet.rule()
    sheet.prose(rng.randint(2, 4))
    sheet.text(sheet.left, "Card 4" + numbers.digits(rng, 3) + " **** **** " + numbers.digits(rng, 4))
    sheet.down()
    sheet.text(sheet.left, "Queries: " + numbers.phone(rng) + ", reference " + numbers.passing_luhn(rng, 12))


def catalogue(sheet):
    rng = sheet.rng
    sheet.text(sheet.left, rng.choice(["New books", "Neuerscheinungen", "Spring list"]), size=15, bold=True)
    sheet.down(2.5)
    for _ in range(rng.randint(4, 7)):
        title = " ".join(rng.sample(WORDS, 4)).capitalize()
        sheet.text(sheet.left, title, bold=True)
        sheet.down()
        sheet.text(sheet.left, f"{numbers.person(rng)}, {rng.randint(80, 700)} pages, {rng.randint(1990, 2026)}")
        sheet.down()
        number = rng.choice([numbers.isbn, numbers.isbn, numbers.issn])(rng)
        if rng.random() < 0.08:
            number = numbers.near_miss(rng, number)
        sheet.labelled(number)
        sheet.down(1.6)
    sheet.prose(rng.randint(1, 3))
    sheet.text(sheet.left, f"Telephone {numbers.digits(rng, 4)}-{numbers.digits(rng, 4)}, seasons {rng.randint(1990, 2005)}-{rng.randint(2006, 2026)}")


A4, A5, A6 = (595, 842), (420, 595), (298, 420)
PAGES = [(invoice, A4), (label, A6), (form, A4), (certificate, A4), (statement, A4), (catalogue, A5)]


def scan(rng, sheet):
    """What a scanner and whoever sent its picture make of the sheet."""
    image = sheet.image.resize((sheet.image.width // 2, sheet.image.height // 2), Image.LANCZOS)
    image = image.rotate(rng.uniform(-2, 2), Image.BICUBIC, fillcolor=255)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0)))
    pixels = np.asarray(image, dtype=np.float32)
    paper = rng.randint(225, 255)
    pixels = pixels * (paper / 255)
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(0, 10), pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def main():
    directory, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    directory.mkdir(parents=True, exist_ok=True)
    pages = []
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")
        draw, size = PAGES[number % len(PAGES)]
        dpi = rng.choice([150, 175, 200, 250, 300])
        sheet = Sheet(rng, size, dpi)
        draw(sheet)
        name = f"page-{number}.jpg"
        scan(rng, sheet).save(directory / name, quality=40, dpi=(dpi, dpi))
        pages.append({"file": name, "kind": draw.__name__, "dpi": dpi, "font": sheet.regular.stem, "size": sheet.size, "codes": sheet.truth})
    (directory / "truth.json").write_text(json.dumps(pages, indent=1))


main()
