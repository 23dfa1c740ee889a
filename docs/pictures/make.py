#!/usr/bin/env python3
"""Makes the README's pictures: invoice.jpg, a scan of invoice.html, and try-page.png, the service's try page with it.

    service/try.sh docs/pictures/make.py     (`make pictures`)

It needs headless Chromium, and the service at OCR_URL that takes the key OCR_KEY.
"""

import base64
import json
import os
import pathlib
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
WAIT = 60

# Chromium speaks NUL-ended JSON on its descriptors 3 and 4.
START = """for program in chromium chromium-browser google-chrome; do
    command -v $program >/dev/null && exec $program "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1
done; exit 127"""


class Browser:
    def __init__(self, profile):
        flags = [
            "--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage",
            "--disable-background-networking", "--no-first-run", "--hide-scrollbars",
            f"--user-data-dir={profile}",
        ]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # root has no other way, and the documents are ours
        self.process = subprocess.Popen(
            ["sh", "-c", START, "sh", *flags, "about:blank"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.session = None
        self.last = 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(self, method, **params):
        self.last += 1
        command = {"id": self.last, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        self.process.stdin.write(json.dumps(command).encode() + b"\0")
        self.process.stdin.flush()
        while True:
            message = bytearray()
            while (byte := self.process.stdout.read(1)) != b"\0":
                if not byte:
                    raise SystemExit("chromium ended; is it installed? (vagrant/install-deps.sh test)")
                message += byte
            message = json.loads(message)
            if message.get("id") == self.last:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return message["result"]

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression):
        end = time.monotonic() + WAIT
        while self.value(expression) is not True:
            if time.monotonic() > end:
                raise SystemExit(f"never: {expression}; the page has:\n{self.value('document.body.innerText')}")
            time.sleep(0.05)

    def open(self, address, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)
        self.call("Page.navigate", url=address)
        self.wait(f"location.href === {json.dumps(address)} && document.readyState === 'complete'")

    def picture(self, name, **how):
        data = self.call("Page.captureScreenshot", **how)["data"]
        (HERE / name).write_bytes(base64.b64decode(data))

    def choose(self, selector, file):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def close(self):
        self.process.kill()
        self.process.wait()


def main():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            browser.open((HERE / "invoice.html").as_uri(), 1650, 1170)
            browser.picture("invoice.jpg", format="jpeg", quality=80)

            browser.open(os.environ["OCR_URL"], 1344, 1500, scale=1.25)
            key = json.dumps(os.environ["OCR_KEY"])
            browser.value(f"document.getElementById('key').value = {key}; undefined")
            browser.choose("#file", HERE / "invoice.jpg")
            browser.wait("!document.getElementById('result').hidden && document.getElementById('image').naturalWidth > 0")
            # The page and its codes: the form above is plain, and the text below goes on for long.
            clip = browser.value("""(() => { const edge = (id) => document.getElementById(id).getBoundingClientRect();
                const y = edge('result').top - 10, bottom = Math.max(edge('codes').bottom, edge('show').bottom) + 16;
                return {x: 0, y, width: innerWidth, height: bottom - y, scale: 1}; })()""")
            browser.picture("try-page.png", clip=clip)
        finally:
            browser.close()


if __name__ == "__main__":
    main()
