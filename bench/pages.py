"""Reads pictures by the service and by its peers in turns, and scores the texts against transcripts.

Words are runs of letters and digits without regard to case. "recalled" is the share of the transcripts' words that were
read, "right" the share of the words read that are in the transcript, "lines" the share of the transcripts' lines that
stand in the text as they are. CPU time is that of a reader's processes as the kernel counts it, without the first page,
on which it loads its models.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path

READERS = ["service", "rapidocr", "faster-paddle", "faster-paddle-small", "tesseract", "kreuzberg"]
TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "tif": "image/tiff", "tiff": "image/tiff"}


def words(text):
    return re.findall(r"[^\W_]+", text.casefold())


def transcript(picture):
    """Lines of a picture's transcript, or None."""
    beside = picture.with_suffix(".txt")
    if beside.exists():
        data = beside.read_bytes()
        try:
            return data.decode().splitlines()
        except UnicodeDecodeError:
            return data.decode("latin-1").splitlines()
    box = picture.parent.parent / "box" / f"{picture.stem}.csv"
    if box.exists():
        rows = (row.split(",", 8) for row in box.read_text(errors="replace").splitlines())
        return [row[8] for row in rows if len(row) > 8]
    return None


class Score:
    def __init__(self):
        self.recalled, self.wanted, self.read, self.lines, self.of_lines = 0, 0, 0, 0, 0
        self.seconds, self.failed = [], 0

    def take(self, lines, text, seconds):
        wanted, read = Counter(word for line in lines for word in words(line)), Counter(words(text))
        self.recalled += (wanted & read).total()
        self.wanted += wanted.total()
        self.read += read.total()
        joined = f" {' '.join(words(text))} "
        lines = [" ".join(words(line)) for line in lines]
        self.of_lines += sum(1 for line in lines if line)
        self.lines += sum(1 for line in lines if line and f" {line} " in joined)
        self.seconds.append(seconds)


def cpu_seconds(pid):
    """Time of a process and all below it, with those that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = [child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") + sum(map(cpu_seconds, children))


class Service:
    def __init__(self, place):
        self.address, _, self.pid = place.partition("/")

    def read(self, picture):
        headers = {"Authorization": f"Bearer {os.environ['KEY']}", "Content-Type": TYPES[picture.suffix[1:].lower()]}
        request = urllib.request.Request(f"http://{self.address}/v1/ocr?codes=none", data=picture.read_bytes(), headers=headers)
        with urllib.request.urlopen(request) as response:
            return "\n".join(page["text"] for page in json.load(response)["pages"])


class Peer:
    """A process of this file that reads pictures by another program, in that program's Python."""

    def __init__(self, name, peers):
        python = sys.executable if name == "tesseract" else peers / name.removesuffix("-small") / "bin/python"
        one_thread = {"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
        self.process = subprocess.Popen([python, __file__, "--read", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | one_thread)
        self.pid = self.process.pid

    def read(self, picture):
        self.process.stdin.write(f"{picture}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("ended")
        return json.loads(answer)


def reader(name):
    """The function that reads one picture by another program."""
    if name == "rapidocr":
        from rapidocr import RapidOCR

        threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ["intra", "inter"]}
        engine = RapidOCR(params={"Global.log_level": "error", **threads})
        return lambda picture: "\n".join(engine(picture).txts or [])
    if name.startswith("faster-paddle"):
        from faster_paddle import OcrEngine

        engine = OcrEngine(model_size="small" if name.endswith("small") else "tiny", threads=1)
        return lambda picture: engine.ocr(Path(picture).read_bytes())["text"]
    if name == "kreuzberg":
        from kreuzberg import ExtractionConfig, OcrConfig, extract_file_sync

        config = ExtractionConfig(ocr=OcrConfig(backend="tesseract", language="eng"), force_ocr=True, use_cache=False)
        return lambda picture: extract_file_sync(picture, config=config).content
    command = ["-", "-l", "eng"]
    return lambda picture: subprocess.run(["tesseract", picture, *command], capture_output=True, check=True).stdout.decode()


def read_for_parent(name):
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    read = reader(name)
    for line in sys.stdin:
        answers.write(json.dumps(read(line.rstrip("\n"))) + "\n")
        answers.flush()


def draw(directory):
    from PIL import Image, ImageDraw, ImageFont

    lines = ["The quick brown fox jumps over the lazy dog", "Invoice 2041 of 12 March 2024", "Total 1,204.50"]
    page = Image.new("L", (1240, 600), 255)
    for at, line in enumerate(lines):
        ImageDraw.Draw(page).text((100, 100 + 120 * at), line, font=ImageFont.load_default(44))
    directory.mkdir()
    page.save(directory / "page.png")
    (directory / "page.txt").write_text("\n".join(lines))


def pictures(directory, limit):
    found = sorted(path for path in directory.rglob("*") if path.suffix[1:].lower() in TYPES)
    found = [(path, lines) for path in found if (lines := transcript(path)) is not None]
    step = max(1, len(found) / limit) if limit else 1
    return [found[int(at * step)] for at in range(int(len(found) / step))]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("directory", type=Path, nargs="?")
    arguments.add_argument("--limit", type=int)
    arguments.add_argument("--only", action="append", choices=READERS)
    arguments.add_argument("--service")
    arguments.add_argument("--peers", type=Path)
    arguments.add_argument("--read", help=argparse.SUPPRESS)
    arguments.add_argument("--draw", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.read:
        return read_for_parent(given.read)
    if given.draw:
        return draw(given.draw)
    if not given.directory:
        arguments.error("no directory of pictures was given")
    pages = pictures(given.directory, given.limit)
    if not pages:
        sys.exit(f"pages.py: {given.directory} has no picture with a transcript")

    readers, scores = {}, {}
    for name in given.only or READERS:
        readers[name] = Service(given.service) if name == "service" else Peer(name, given.peers)
        try:
            readers[name].read(pages[0][0])
            scores[name] = Score()
        except (OSError, RuntimeError) as error:
            print(f"{name} is not installed, or does not read {pages[0][0]}: {error}", file=sys.stderr)
    # One page after the other, so that a change in the machine's speed hits all.
    for picture, lines in pages:
        for name, score in scores.items():
            before = cpu_seconds(readers[name].pid)
            try:
                text = readers[name].read(picture)
            except (OSError, RuntimeError) as error:
                print(f"{name} did not read {picture}: {error}", file=sys.stderr)
                text = ""
                score.failed += 1
            score.take(lines, text, cpu_seconds(readers[name].pid) - before)

    first = next(iter(scores.values()), None)
    print(f"{len(pages)} pages of {given.directory}")
    print(f"{'':20}{'recalled':>10}{'right':>10}{'lines':>10}{'CPU s':>10}{'ratio':>8}{'failed':>8}")
    for name, score in scores.items():
        seconds = sum(score.seconds) / len(pages)
        ratio = seconds / (sum(first.seconds) / len(pages) or 1)
        shares = [score.recalled / max(1, score.wanted), score.recalled / max(1, score.read), score.lines / max(1, score.of_lines)]
        print(f"{name:20}", *(f"{share:>9.4f}" for share in shares), f"{seconds:>9.2f}", f"{ratio:>6.2f} ×", f"{score.failed:>6}")


main()
