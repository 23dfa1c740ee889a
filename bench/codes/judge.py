"""Sends the scans to two services by turns and judges the codes that come back.

    judge.py DIRECTORY KEY WITH WITHOUT      the services as ADDRESS/PID: with the second look, and without it

Time is that of a core, as the kernel counts it for the workers: it does not change with what else the machine does.

A code counts as found when its type and value are what is printed; a code that is said to pass its check counts against
precision unless it is printed so and python-stdnum (vininfo for VINs) takes it for valid too.
"""

import difflib
import json
import os
import sys
import urllib.request
from collections import Counter
from pathlib import Path

import numbers_of_all_kinds as numbers

TYPES = ["iban", "lei", "vin", "isin", "isbn", "issn", "gtin", "sscc", "imei", "eu_vat"]


def cpu_seconds(pid):
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    workers += [child for task in Path(f"/proc/{pid}/task").iterdir() if task.name != pid for child in (task / "children").read_text().split()]
    ticks = 0
    for worker in workers:
        fields = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def ask(service, key, document):
    address, _, pid = service.partition("/")
    request = urllib.request.Request(
        f"http://{address}/v1/ocr?codes={','.join(TYPES)}", data=document, headers={"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg"}
    )
    started = cpu_seconds(pid)
    with urllib.request.urlopen(request) as response:
        answer = json.load(response)
    return cpu_seconds(pid) - started, answer


class Score:
    def __init__(self):
        self.wanted, self.found, self.claimed, self.wrong = Counter(), Counter(), Counter(), Counter()
        self.seconds, self.missed, self.false = 0.0, [], []

    def take(self, page, seconds, answer):
        self.seconds += seconds
        printed = Counter((code["type"], code["value"]) for code in page["codes"] if code["valid"])
        said = Counter((code["type"], code["value"]) for code in answer["codes"] if code["check"]["ok"])
        for code, count in printed.items():
            self.wanted[code[0]] += count
            self.found[code[0]] += min(count, said[code])
            if said[code] < count:
                self.missed.append((page, code, answer))
        for code, count in said.items():
            self.claimed[code[0]] += count
            wrong = count if not numbers.is_valid(*code) else max(0, count - printed[code])
            if wrong:
                self.wrong[code[0]] += wrong
                self.false.append((page, code, answer))

    def precision(self, kinds):
        claimed = sum(self.claimed[kind] for kind in kinds)
        return 1 - sum(self.wrong[kind] for kind in kinds) / claimed if claimed else 1.0

    def recall(self, kinds):
        wanted = sum(self.wanted[kind] for kind in kinds)
        return sum(self.found[kind] for kind in kinds) / wanted if wanted else 1.0


def main():
    directory, key, addresses = Path(sys.argv[1]), sys.argv[2], [one for one in sys.argv[3:5] if not one.startswith("--")]
    pages = json.loads((directory / "truth.json").read_text())
    scores = [Score() for _ in addresses]
    for address in addresses:
        ask(address, key, (directory / pages[0]["file"]).read_bytes())
    for number, page in enumerate(pages):
        document = (directory / page["file"]).read_bytes()
        # By turns, so that a change in the machine's speed hits both.
        for at in (0, 1) if number % 2 else (1, 0):
            if at < len(addresses):
                seconds, answer = ask(addresses[at], key, document)
                scores[at].take(page, seconds, answer)
    print(f"{'':10}{'printed':>8}", *(f"{name:>10}" for name in ["precision", "recall", "precision", "recall"]))
    print(f"{'':18}{'with the second look':>22}{'without':>22}" if len(scores) > 1 else "")
    for kind in [*TYPES, "all"]:
        kinds = TYPES if kind == "all" else [kind]
        figures = [f"{figure:>10.4f}" for score in scores for figure in (score.precision(kinds), score.recall(kinds))]
        print(f"{kind:10}{sum(scores[0].wanted[one] for one in kinds):>8}", *figures)
    if len(scores) > 1:
        print(f"time with the second look / without: {scores[0].seconds / scores[1].seconds:.3f}   ({len(pages)} pages)")
    if "--show" in sys.argv:
        show(scores[0])


def show(score):
    for what, cases in [("missed", score.missed), ("false", score.false)]:
        for page, (kind, value), answer in cases:
            near = [(code["type"], code["value"], code["check"]["ok"], code.get("readings", [])) for code in answer["codes"] if code["type"] == kind or code["value"][:4] == value[:4]]
            print(f"\n{what} {kind} {value}  on {page['file']} ({page['kind']}, {page['dpi']} dpi, {page['font']} {page['size']})")
            printed = [code["printed"] for code in page["codes"] if code["value"] == value]
            print("  printed", printed, "codes", [one for one in near if one[1] not in {code["value"] for code in page["codes"] if code["valid"]}])
            lines = answer["pages"][0]["text"].splitlines()
            wanted = printed[0] if printed else value
            best = difflib.get_close_matches(wanted, lines, n=2, cutoff=0.2)
            print("  read", [line for line in lines if value[:5] in line.replace(" ", "")][:2], best)


main()
