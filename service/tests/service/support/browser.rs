//! A headless Chromium, controlled over its DevTools protocol: NUL-terminated JSON on its file descriptors 3 and 4.
#![allow(
    clippy::disallowed_methods,
    reason = "the tests start a browser like a person"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(60);
/// Records what the page's Content-Security-Policy forbids, and errors of its script.
const WATCH: &str = "window.complaints = [];
    addEventListener('securitypolicyviolation', (e) => complaints.push(`${e.violatedDirective} ${e.blockedURI}`));
    addEventListener('error', (e) => complaints.push(e.message));
    addEventListener('unhandledrejection', (e) => complaints.push(String(e.reason)));";

/// Without unsafe code, only a shell can give a child these descriptors.
const START: &str = "for program in chromium chromium-browser google-chrome; do
    command -v $program >/dev/null && exec $program \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1
    done; exit 127";

pub(crate) struct Browser {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    last: u64,
    _profile: TempDir,
}

impl Browser {
    /// Opens a browser with a page at this address.
    pub(crate) fn open(address: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", START, "sh", "--headless", "--remote-debugging-pipe"])
            // Root has no other way, and the documents are our own.
            .args(["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args([
                "--disable-sync",
                "--no-first-run",
                "--window-size=1280,1100",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output
                .read_until(0, &mut message)
                .is_ok_and(|length| length > 0)
            {
                message.pop();
                if sender
                    .send(serde_json::from_slice(&message).unwrap())
                    .is_err()
                {
                    return;
                }
                message.clear();
            }
        });
        let mut browser = Self {
            commands: child.stdin.take().unwrap(),
            child,
            messages,
            session: None,
            last: 0,
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        browser.call("Page.enable", json!({}));
        browser.call(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({"source": WATCH}),
        );
        browser.call("Page.navigate", json!({"url": address}));
        browser.wait("document.readyState === 'complete'");
        browser
    }

    /// Sends a command of the protocol and returns its result.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut command = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&command).unwrap();
        bytes.push(0);
        self.commands
            .write_all(&bytes)
            .expect("chromium should be installed and running");
        loop {
            let message = self
                .messages
                .recv_timeout(TIMEOUT)
                .expect("chromium should be installed, and answer");
            if message["id"] == self.last {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    /// Value of a JavaScript expression.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    pub(crate) fn text(&mut self, id: &str) -> String {
        let value = self.value(&format!("document.getElementById('{id}').textContent"));
        value.as_str().unwrap().to_owned()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn wait(&mut self, expression: &str) {
        let started = Instant::now();
        while self.value(expression) != json!(true) {
            if started.elapsed() > TIMEOUT {
                let body = self.value("document.body.innerText");
                panic!("never: {expression}; the page says:\n{body}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn type_into(&mut self, id: &str, text: &str) {
        let field = format!("document.getElementById('{id}')");
        self.value(&format!("{field}.focus(); {field}.select()"));
        self.call("Input.insertText", json!({"text": text}));
        self.value(&format!("{field}.blur()"));
    }

    /// Clicks in the middle of an element.
    pub(crate) fn click(&mut self, selector: &str) {
        let (x, y) = self.middle(selector);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Drops a file on an element.
    pub(crate) fn drop_on(&mut self, selector: &str, file: &Path) {
        let (x, y) = self.middle(selector);
        let data = json!({"items": [], "files": [file], "dragOperationsMask": 1});
        for kind in ["dragEnter", "dragOver", "drop"] {
            let event = json!({"type": kind, "x": x, "y": y, "data": data});
            self.call("Input.dispatchDragEvent", event);
        }
    }

    fn middle(&mut self, selector: &str) -> (f64, f64) {
        let middle = self.value(&format!(
            "(() => {{ const e = document.querySelector('{selector}'); e.scrollIntoView({{block: 'center'}});
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        ));
        (middle[0].as_f64().unwrap(), middle[1].as_f64().unwrap())
    }

    /// Violations of the page's policy, and errors of its script.
    pub(crate) fn complaints(&mut self) -> Value {
        self.value("window.complaints")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its own children exit together with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
