//! Every type of line in words, for docs/reference/json-lines.md. Examples are read and written by the types
//! themselves: a field that is missing in one, or has another name by now, fails here.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::*;
use crate::probe::{Answering, Failing};

/// A type of line.
struct Described {
    name: &'static str,
    about: &'static str,
    /// Path, type and meaning of each field; `?` after a type: or null; `*`: may be absent.
    fields: &'static [(&'static str, &'static str, &'static str)],
    /// Lines without `time` and `host`; together they have every field.
    examples: &'static [&'static str],
}

/// Events that ocrctl does not print.
const NOT_TOLD: [&str; 7] = [
    "up",
    "examined",
    "sealed",
    "backup_recorded",
    "logs",
    "logs_told",
    "wanted",
];

const LINES: &[Described] = &[
    Described {
        name: "header",
        about: "The first line, always.",
        fields: &[
            ("version", "integer", "Of the lines that follow."),
            ("ocrctl", "text", "Version of ocrctl."),
        ],
        examples: &[],
    },
    Described {
        name: "hello",
        about: "A host's agent is there.",
        fields: &[
            (
                "version",
                "integer",
                "Of its protocol, which is not that of these lines.",
            ),
            (
                "notices[]",
                "text",
                "News since the last connection: an operation that ended unseen, or never ended.",
            ),
        ],
        examples: &[
            r#"{"type":"hello","version":4,"notices":["a deploy by ann was interrupted"]}"#,
        ],
    },
    Described {
        name: "planned",
        about: "A plan: the changes that a host needs. `changes` is empty if there are none. With `deploy --restore`, the first plan lists what the backup would change.",
        fields: &[
            ("fingerprint", "text", "Stands for exactly these changes."),
            ("changes[].resource", "text", "Kind and name."),
            (
                "changes[].action",
                "create|update|delete|start",
                "Kind of change.",
            ),
            ("changes[].reason", "text", "Why, in one line."),
            (
                "changes[].details[].type",
                "diff|field|added|removed|blocked",
                "Kind of detail. With `blocked`, a deploy is refused before its first step.",
            ),
            (
                "changes[].details[].text",
                "text*",
                "With `diff`, a unified diff; with `added` and `removed`, a line of a set; with `blocked`, why.",
            ),
            (
                "changes[].details[].hint",
                "text*",
                "With `blocked`: what to do about it.",
            ),
            ("changes[].details[].name", "text*", "With `field`: which."),
            (
                "changes[].details[].from",
                "text?*",
                "With `field`: what it is; null: absent. Secrets are never shown.",
            ),
            (
                "changes[].details[].to",
                "text?*",
                "With `field`: what it becomes.",
            ),
        ],
        examples: &[
            r#"{"type":"planned","changes":[{"resource":"file /etc/ocr/rules.yaml","action":"update","reason":"content differs","details":[{"type":"diff","text":"-a\n+b\n"}]},{"resource":"firewall","action":"update","reason":"rules differ","details":[{"type":"added","text":"allow 9100/tcp from 10.0.0.0/8"},{"type":"removed","text":"allow 8080/tcp"}]},{"resource":"release","action":"update","reason":"another image","details":[{"type":"field","name":"image","from":"registry.example.org/ocr@sha256:1f…","to":"registry.example.org/ocr@sha256:2c…"}]},{"resource":"packages","action":"create","reason":"ufw not installed; apt removes iptables-persistent 1.0.20","details":[{"type":"added","text":"ufw"},{"type":"removed","text":"iptables-persistent"},{"type":"blocked","text":"to install ufw, apt would remove iptables-persistent 1.0.20, which the inventory does not allow","hint":"if nothing on the host needs them any more, write `packages: {may_remove: [iptables-persistent]}` into the environment"}]}],"fingerprint":"8d3c6c…"}"#,
        ],
    },
    Described {
        name: "step",
        about: "Work on one change.",
        fields: &[
            ("index", "integer", "From 0."),
            ("total", "integer", "Number of steps."),
            ("resource", "text", "Kind and name, like in the plan."),
            ("state.state", "started|done|failed", "State of the step."),
            ("state.ms", "integer*", "With `done`: how long it took."),
        ],
        examples: &[
            r#"{"type":"step","index":0,"total":3,"resource":"packages","state":{"state":"done","ms":8120}}"#,
        ],
    },
    Described {
        name: "progress",
        about: "Progress of a long step.",
        fields: &[
            ("resource", "text", "Kind and name, like in the plan."),
            ("message", "text", "The present action."),
            (
                "current",
                "integer?",
                "In units of the step's own, where that is known.",
            ),
            ("total", "integer?", "The same."),
        ],
        examples: &[
            r#"{"type":"progress","resource":"release","message":"pulling","current":1048576,"total":83886080}"#,
        ],
    },
    Described {
        name: "note",
        about: "A line worth showing, such as a container's last words.",
        fields: &[
            ("level", "info|warning", "Importance."),
            ("text", "text", "The line."),
        ],
        examples: &[r#"{"type":"note","level":"warning","text":"the old rules came back"}"#],
    },
    Described {
        name: "confirm_reachable",
        about: "The firewall or sshd has changed: a new connection must work within `seconds`, or the change is reverted.",
        fields: &[
            ("change", "firewall|sshd", "The part that has changed."),
            ("seconds", "integer", "Time left for the new connection."),
        ],
        examples: &[r#"{"type":"confirm_reachable","change":"firewall","seconds":45}"#],
    },
    Described {
        name: "applied",
        about: "A host is what the inventory says; the same comparison found nothing left to do.",
        fields: &[
            (
                "release.id",
                "text*",
                "The release that serves; `release` is null where none does.",
            ),
            ("release.slot", "a|b*", "Its slot."),
            ("release.image", "text*", "By digest."),
            (
                "before.id",
                "text*",
                "The release before; `before` is null if there was none.",
            ),
            ("before.slot", "a|b*", ""),
            ("before.image", "text*", ""),
        ],
        examples: &[
            r#"{"type":"applied","release":{"id":"3b3ced73d910-8abd98","slot":"b","image":"registry.example.org/ocr@sha256:2c…"},"before":{"id":"0f3c5ad2b1e9-77d0a1","slot":"a","image":"registry.example.org/ocr@sha256:1f…"}}"#,
            r#"{"type":"applied","release":null,"before":null}"#,
        ],
    },
    Described {
        name: "pulled",
        about: "A host has an image (`migrate-registry`).",
        fields: &[
            ("image", "text", "The reference that it was pulled by."),
            (
                "id",
                "text?",
                "Docker's name of it; null: Docker does not run yet.",
            ),
            (
                "live",
                "text?",
                "Docker's name of what the live release runs.",
            ),
        ],
        examples: &[
            r#"{"type":"pulled","image":"ghcr.io/example-org/ocr@sha256:2c…","id":"sha256:77…","live":null}"#,
        ],
    },
    Described {
        name: "releases",
        about: "The releases that a host can roll back to (`rollback`). The one that was live last comes first.",
        fields: &[
            (
                "live.id",
                "text*",
                "The live release; `live` is null if there is none.",
            ),
            ("live.slot", "a|b*", ""),
            ("live.image", "text*", ""),
            ("kept[].id", "text", "A release."),
            ("kept[].image", "text", "By digest."),
            (
                "kept[].live_since",
                "time",
                "Time at which a deploy last made it live.",
            ),
            ("kept[].failed", "text?", "Why it was taken back."),
            (
                "kept[].left",
                "yes/no",
                "True if a rollback has left it behind.",
            ),
        ],
        examples: &[
            r#"{"type":"releases","live":{"id":"3b3ced73d910-8abd98","slot":"b","image":"registry.example.org/ocr@sha256:2c…"},"kept":[{"id":"0f3c5ad2b1e9-77d0a1","image":"registry.example.org/ocr@sha256:1f…","live_since":"2026-03-01T12:00:00Z","failed":null,"left":false}]}"#,
        ],
    },
    Described {
        name: "history",
        about: "Past operations on a host. The oldest comes first.",
        fields: &[
            ("entries[].began", "time", ""),
            (
                "entries[].ended",
                "time?",
                "Null: it never ended, or goes on.",
            ),
            ("entries[].operator", "text", "Who."),
            ("entries[].command", "text", "What."),
            ("entries[].from", "text?", "Release before."),
            ("entries[].to", "text?", "Release after."),
            (
                "entries[].outcome",
                "done|failed|running|never",
                "`never`: its agent was killed, or the host went down.",
            ),
            ("entries[].detail", "text?", "The error, or what was done."),
        ],
        examples: &[
            r#"{"type":"history","entries":[{"began":"2026-03-01T12:00:00Z","ended":"2026-03-01T12:00:31Z","operator":"ann","command":"deploy","from":null,"to":"3b3ced73d910-8abd98","outcome":"done","detail":null}]}"#,
        ],
    },
    Described {
        name: "keys",
        about: "The API keys of a host, without what is secret of them.",
        fields: &[
            ("keys[].id", "text", "Public part of the key."),
            ("keys[].name", "text", "Owner."),
            ("keys[].sha256", "text", "Its hash."),
            ("keys[].scopes[]", "ocr|codes|metrics", "Permitted uses."),
            ("keys[].created", "time", ""),
            ("keys[].not_before", "time*", "Refused before."),
            ("keys[].expires", "time*", "Refused from then on."),
            ("keys[].revoked", "time*", "Time of its revocation."),
            (
                "keys[].quota.requests_per_minute",
                "integer*",
                "No limit where it is absent, as with the next two.",
            ),
            ("keys[].quota.pages_per_day", "integer*", ""),
            ("keys[].quota.concurrent_pages", "integer*", ""),
            (
                "digest",
                "text?",
                "Of the key file; null: it can't be used.",
            ),
            ("error", "text?", "Why not."),
            (
                "usage.ID.count",
                "integer",
                "Requests that the key of this id let in.",
            ),
            ("usage.ID.last", "time", "The latest."),
            ("usage.ID.from", "text*", "Address that it came from."),
            (
                "usage.ID.pages.day",
                "text*",
                "The latest day with pages, in UTC.",
            ),
            ("usage.ID.pages.count", "integer*", "Pages of that day."),
            (
                "service.loaded",
                "integer*",
                "Keys that the live release has in force; `service` is null where none answers.",
            ),
            ("service.error", "text?*", "Problem of its file."),
            ("service.digest", "text?*", "Of the keys in force."),
        ],
        examples: &[
            r#"{"type":"keys","keys":[{"id":"7h3k9w2m","name":"scanner","sha256":"HASH","scopes":["ocr","codes"],"created":"2026-03-01T12:00:00Z","not_before":"2026-03-01T12:00:00Z","expires":"2027-01-31T00:00:00Z","revoked":"2026-04-01T00:00:00Z","quota":{"requests_per_minute":60,"pages_per_day":1000,"concurrent_pages":2}}],"digest":"5f…","error":null,"usage":{"7h3k9w2m":{"count":12,"last":"2026-03-02T08:00:00Z","from":"192.0.2.7","pages":{"day":"2026-03-02","count":30}}},"service":{"loaded":1,"error":null,"digest":"5f…"}}"#,
        ],
    },
    Described {
        name: "ca",
        about: "The authority that clients verify the environment by.",
        fields: &[("pem", "text", "Its certificate.")],
        examples: &[r#"{"type":"ca","pem":"-----BEGIN CERTIFICATE-----\n…"}"#],
    },
    Described {
        name: "certificate",
        about: "The certificate that a host serves, and how it is kept.",
        fields: &[
            ("names[]", "text", "DNS names."),
            ("issuer", "text", "Issuer in the inventory."),
            ("issued_by", "text", "Name of the authority that signed it."),
            ("serial", "text", "Hexadecimal."),
            ("not_before", "time", ""),
            ("not_after", "time", ""),
            (
                "next_renewal.at",
                "time*",
                "`next_renewal` is null where it is not renewed by itself.",
            ),
            ("next_renewal.why", "text*", "Why then."),
            (
                "last_failure.at",
                "time*",
                "The last attempt that failed since one went well, or null.",
            ),
            ("last_failure.message", "text*", ""),
            ("problems[]", "text", "Failing checks; none: all is well."),
        ],
        examples: &[
            r#"{"type":"certificate","names":["ocr.example.org"],"issuer":"acme","issued_by":"CN=R11,O=Let's Encrypt","serial":"06ee43cc","not_before":"2026-03-01T00:00:00Z","not_after":"2026-05-30T00:00:00Z","next_renewal":{"at":"2026-04-30T07:04:11Z","why":"a third of its life is left"},"last_failure":{"at":"2026-03-02T00:00:00Z","message":"the authority does not answer"},"problems":["NGINX serves another one"]}"#,
        ],
    },
    Described {
        name: "status",
        about: "State of a host (`status`): facts, and problems that they show.",
        fields: &[
            (
                "release.id",
                "text*",
                "The live release, empty where its container is gone; `release` is null where none is live.",
            ),
            ("release.slot", "a|b*", ""),
            ("release.image", "text*", "By digest."),
            ("release.container.state", "running|stopped|gone*", ""),
            ("release.container.since", "time?*", "With `running`."),
            (
                "release.container.restarts",
                "integer*",
                "With `running`: how often Docker has started it again.",
            ),
            (
                "release.container.exit_code",
                "integer?*",
                "With `stopped`.",
            ),
            (
                "release.says.ready",
                "yes/no*",
                "Its own report; `says` is null if it does not answer.",
            ),
            ("release.says.workers", "integer*", ""),
            ("release.says.workers_ready", "integer*", ""),
            (
                "release.says.worker_error",
                "text?*",
                "Why the latest start of a worker failed.",
            ),
            (
                "release.says.load.busy",
                "integer*",
                "Workers that read a page; `load` is null where a release does not report it.",
            ),
            (
                "release.says.load.waiting",
                "integer*",
                "Work that waits for a worker.",
            ),
            (
                "release.says.load.documents",
                "integer*",
                "Documents in the service.",
            ),
            ("release.says.keys_error", "text?*", ""),
            ("release.says.rules_error", "text?*", ""),
            (
                "nginx.state",
                "answers|fails",
                "Asked over TLS on the host itself.",
            ),
            ("nginx.release", "text*", "With `answers`: which."),
            ("nginx.ms", "integer*", "With `answers`: how soon."),
            ("nginx.why", "text*", "With `fails`."),
            ("traffic.seconds", "integer", "The time that is counted."),
            ("traffic.requests", "integer", "Documents that were sent."),
            ("traffic.failed", "integer", "Answers 500 to 599."),
            ("traffic.refused", "integer", "Answers 400 to 499."),
            (
                "traffic.median_ms",
                "integer?",
                "Of what was answered well.",
            ),
            ("traffic.p95_ms", "integer?", "The same."),
            (
                "certificate",
                "object?",
                "Like in `certificate`; null if there is none, or it can't be read.",
            ),
            ("disks[].path", "text", "The first path of ours on it."),
            ("disks[].total", "integer", "Bytes."),
            (
                "disks[].available",
                "integer",
                "Bytes, for others than root.",
            ),
            ("disks[].used_percent", "integer", "Counted like by `df`."),
            ("disks[].inodes_used_percent", "integer", ""),
            (
                "memory.total",
                "integer*",
                "Bytes; `memory` is null where it is not known.",
            ),
            ("memory.available", "integer*", ""),
            ("memory.used_percent", "integer*", ""),
            (
                "problems[].with",
                "text",
                "The part with a problem, such as `disk`.",
            ),
            ("problems[].text", "text", "In one line."),
            (
                "since",
                "time?",
                "Time at which the live release became live.",
            ),
            (
                "firewall",
                "closed|open|unconfirmed|unknown",
                "`unconfirmed`: rules that are reverted unless a new connection confirms them.",
            ),
            (
                "drift.state",
                "no|yes|unknown|not_asked",
                "Comparison of the host with the inventory.",
            ),
            (
                "drift.changes[]",
                "text*",
                "With `yes`: each as its resource and the reason.",
            ),
            ("drift.why", "text*", "With `unknown`."),
            (
                "last",
                "object?",
                "The last deploy, rollback or restart, as in `history`.",
            ),
        ],
        examples: &[
            r#"{"type":"status","release":{"id":"3b3ced73d910-8abd98","slot":"b","image":"registry.example.org/ocr@sha256:2c…","container":{"state":"running","since":"2026-03-01T12:00:00Z","restarts":0},"says":{"ready":true,"workers":2,"workers_ready":2,"worker_error":null,"load":{"busy":1,"waiting":0,"documents":1},"keys_error":null,"rules_error":null}},"nginx":{"state":"answers","release":"3b3ced73d910-8abd98","ms":3},"traffic":{"seconds":300,"requests":120,"failed":0,"refused":2,"median_ms":410,"p95_ms":900},"certificate":null,"disks":[{"path":"/","total":42949672960,"available":30064771072,"used_percent":30,"inodes_used_percent":4}],"memory":{"total":8589934592,"available":4294967296,"used_percent":50},"problems":[],"since":"2026-03-01T12:00:00Z","firewall":"closed","drift":{"state":"no"},"last":null}"#,
            r#"{"type":"status","release":{"id":"","slot":"b","image":"","container":{"state":"stopped","exit_code":137},"says":null},"nginx":{"state":"fails","why":"502"},"traffic":{"seconds":0,"requests":0,"failed":0,"refused":0,"median_ms":null,"p95_ms":null},"certificate":null,"disks":[],"memory":null,"problems":[{"with":"release","text":"its container has stopped"}],"since":null,"firewall":"unknown","drift":{"state":"yes","changes":["release: it does not run"]},"last":null}"#,
            r#"{"type":"status","release":null,"nginx":{"state":"fails","why":"connection refused"},"traffic":{"seconds":0,"requests":0,"failed":0,"refused":0,"median_ms":null,"p95_ms":null},"certificate":null,"disks":[],"memory":null,"problems":[],"since":null,"firewall":"open","drift":{"state":"unknown","why":"the registry does not answer"},"last":null}"#,
        ],
    },
    Described {
        name: "alerts_tested",
        about: "Result of a test of a host's alerts; without channels, nothing is sent.",
        fields: &[
            (
                "deliveries[].channel",
                "text",
                "`webhook`, `email` or `ping`.",
            ),
            (
                "deliveries[].error",
                "text?",
                "Why nothing went out over it.",
            ),
        ],
        examples: &[
            r#"{"type":"alerts_tested","deliveries":[{"channel":"webhook","error":null},{"channel":"email","error":"the relay answers: 535 5.7.8 wrong password"}]}"#,
        ],
    },
    Described {
        name: "audited",
        about: "Result of an audit of a host: a line for each finding, and for each check without any.",
        fields: &[
            ("lines[].check", "text", "Name of the check."),
            ("lines[].verdict", "ok|finding|could_not_run", ""),
            ("lines[].seen", "text*", "With `ok`."),
            ("lines[].found", "text*", "With `finding`."),
            (
                "lines[].mend",
                "text*",
                "With `finding`: the command that fixes it.",
            ),
            ("lines[].why", "text*", "With `could_not_run`."),
        ],
        examples: &[
            r#"{"type":"audited","lines":[{"check":"ssh keys","verdict":"ok","seen":"2 keys, both known"},{"check":"sudoers","verdict":"finding","found":"ann may become root","mend":"rm /etc/sudoers.d/ann"},{"check":"backup","verdict":"could_not_run","why":"the record can't be read"}]}"#,
        ],
    },
    Described {
        name: "check",
        about: "Result of a doctor's check: one line, or one for each problem.",
        fields: &[
            ("check", "text", "Its name."),
            ("verdict", "ok|failed|could_not_run", ""),
            ("seen", "text*", "With `ok`."),
            ("found", "text*", "With `failed`."),
            ("mend", "text*", "With `failed`: what to do."),
            ("why", "text*", "With `could_not_run`."),
        ],
        examples: &[
            r#"{"type":"check","check":"clock","verdict":"ok","seen":"within 0.2 s of the operator's"}"#,
            r#"{"type":"check","check":"servers","verdict":"failed","found":"apache2 (process 812) listens on port 443","mend":"systemctl disable --now apache2"}"#,
            r#"{"type":"check","check":"port 443","verdict":"could_not_run","why":"this machine has no way to 2001:db8::1"}"#,
        ],
    },
    Described {
        name: "restored",
        about: "The contents of a backup are in place.",
        fields: &[("files", "integer", "Number of files.")],
        examples: &[r#"{"type":"restored","files":7}"#],
    },
    Described {
        name: "failed",
        about: "A host could not do what it was asked for. The event `error` says why the command fails.",
        fields: &[
            (
                "kind",
                "locked|host_changed|cancelled|refused|failed",
                "Kind of failure.",
            ),
            ("message", "text", ""),
            ("hint", "text?", "Suggested fix."),
        ],
        examples: &[
            r#"{"type":"failed","kind":"locked","message":"ann deploys here since 12:00","hint":"wait for it: --lock-wait 5m"}"#,
        ],
    },
    Described {
        name: "key",
        about: "A new key, this once.",
        fields: &[
            ("id", "text", "Its public part."),
            ("name", "text", "Owner."),
            ("key", "text", "The key itself: a secret."),
        ],
        examples: &[],
    },
    Described {
        name: "key_kept",
        about: "A new key that was handed over elsewhere (`--out`, `--exec`).",
        fields: &[
            ("id", "text", "Its public part."),
            ("name", "text", "Owner."),
            ("handed", "text", "Place of delivery, in words."),
        ],
        examples: &[],
    },
    Described {
        name: "probed",
        about: "A host's answers to the requests of `--probe`.",
        fields: &[
            ("requests", "integer", "Number of requests."),
            ("failed", "integer", "Number of failed requests."),
            ("errors[].error", "text", "The failure."),
            ("errors[].count", "integer", "Number of times."),
            (
                "p50_ms",
                "integer",
                "Half of the short requests took that at most.",
            ),
            ("p95_ms", "integer", "The same of 95 in 100."),
            ("longest_gap_ms", "integer", "Without an answer to any."),
            ("longest_ms", "integer", "The request that lasted longest."),
            ("releases[].release", "text", "A release that answered."),
            ("releases[].first", "text", "Time of its first answer."),
        ],
        examples: &[],
    },
    Described {
        name: "unreachable",
        about: "A host that can't be asked how it is, in the place of its `status`.",
        fields: &[("message", "text", "Why.")],
        examples: &[],
    },
    Described {
        name: "log",
        about: "A line that a host logged (`logs`). All of them come in the order of time.",
        fields: &[
            ("at", "time", "Time at which it was written."),
            (
                "from",
                "ocr-a|ocr-b|access|error",
                "The service's slot, or which of NGINX's logs.",
            ),
            ("text", "text", "The line as it is."),
        ],
        examples: &[],
    },
    Described {
        name: "read",
        about: "A document that was read (`ocr`), in the order of the files. `pages` with `--format text` and `codes`, `codes` with the latter, `answer` with `json`.",
        fields: &[
            ("file", "text", "Name as given."),
            (
                "complete",
                "yes/no",
                "True if each requested page was read to its end.",
            ),
            ("warnings[]", "text", "Notes for people, in sentences."),
            ("pages[].page", "integer*", "Counted from 1."),
            (
                "pages[].status",
                "ok|empty|timeout|crashed|too_large|skipped|corrupt*",
                "Outcome of the page.",
            ),
            ("pages[].text", "text*", "Of the page, in reading order."),
            (
                "codes[]",
                "object*",
                "Like in the service's answers (docs/api.md).",
            ),
            (
                "answer",
                "object*",
                "The service's answer, as it describes it itself (`/openapi.json`).",
            ),
        ],
        examples: &[],
    },
    Described {
        name: "data",
        about: "Other output, such as a completion script.",
        fields: &[("text", "text", "The text printed without `--json`.")],
        examples: &[],
    },
    Described {
        name: "error",
        about: "Why the command fails; there may be several.",
        fields: &[
            ("message", "text", ""),
            ("causes[]", "text", "From the nearest to the deepest."),
            ("hint", "text?", "Suggested fix."),
        ],
        examples: &[],
    },
];

/// Lines as they are written, for each type.
fn examples(described: &Described) -> Vec<Value> {
    let (id, name) = ("7h3k9w2m", "scanner");
    let diagnostic = Diagnostic {
        causes: vec!["no route to host".into()],
        hint: Some("check the address".into()),
        ..Diagnostic::new("ocr1 can't be reached")
    };
    let seen = Seen {
        requests: 412,
        failed: 1,
        errors: vec![Failing {
            error: "502 Bad Gateway".into(),
            count: 1,
        }],
        p50_ms: 12,
        p95_ms: 31,
        longest_gap_ms: 58,
        longest_ms: 4_120,
        releases: vec![Answering {
            release: "2c26b46b68ff-77d0a1".into(),
            first: "2026-03-01T12:00:07.250Z".parse().unwrap(),
        }],
    };
    let own = match described.name {
        "header" => Own::Header {
            version: VERSION,
            ocrctl: "0.1.0",
        },
        "key" => Own::Key {
            id,
            name,
            key: "ocrk_7h3k9w2m_…",
        },
        "key_kept" => Own::KeyKept {
            id,
            name,
            handed: "written to scanner.key",
        },
        "probed" => Own::Probed(&seen),
        "unreachable" => Own::Unreachable {
            message: "ocr1 can't be reached: no route to host",
        },
        "log" => {
            let line = logs::Line {
                at: "2026-03-01T12:00:00.250Z".parse().unwrap(),
                from: logs::Source::OcrA,
                text: "…".into(),
            };
            return vec![serde_json::to_value(Own::Log(&line)).unwrap()];
        }
        "read" => return read_examples(),
        "check" => {
            let written = described.examples.iter().map(|text| {
                let value: Value = serde_json::from_str(text).unwrap();
                let line = serde_json::from_value(value.clone()).unwrap();
                assert_eq!(serde_json::to_value(Own::Check(&line)).unwrap(), value);
                value
            });
            return written.collect();
        }
        "data" => Own::Data { text: "…" },
        "error" => Own::Error(&diagnostic),
        _ => {
            let written = described.examples.iter().map(|text| {
                let text = text.replace("HASH", &"5e".repeat(32));
                let value: Value = serde_json::from_str(&text).unwrap();
                let event: Event = serde_json::from_value(value.clone()).unwrap_or_else(|error| {
                    panic!(
                        "the example of `{}` in {}: {error}",
                        described.name,
                        file!()
                    )
                });
                let again = serde_json::to_value(&event).unwrap();
                assert_eq!(
                    again,
                    value,
                    "correct the example of `{}` in {}",
                    described.name,
                    file!()
                );
                value
            });
            return written.collect();
        }
    };
    vec![serde_json::to_value(own).unwrap()]
}

#[test]
fn every_line_is_described() {
    let variants = |source: &'static str, head: &str| -> BTreeSet<String> {
        let body = source
            .split(head)
            .nth(1)
            .unwrap()
            .split("\n}")
            .next()
            .unwrap();
        body.lines()
            .filter_map(|line| line.strip_prefix("    "))
            .filter(|line| line.starts_with(char::is_uppercase))
            .map(|line| snake(line.split(|c: char| !c.is_alphanumeric()).next().unwrap()))
            .collect()
    };
    let mut written = variants(
        include_str!("../../../../ocrctl-protocol/src/lib.rs"),
        "pub enum Event {",
    );
    written.extend(variants(include_str!("../json.rs"), "enum Own<'a> {"));
    written.retain(|name| !NOT_TOLD.contains(&name.as_str()));
    let described: BTreeSet<String> = LINES.iter().map(|line| line.name.to_owned()).collect();
    assert_eq!(
        described,
        written,
        "add the new type of line to LINES in {}, then `make reference`",
        file!()
    );
}

#[test]
fn every_field_is_described_and_is_what_it_is_said_to_be() {
    use crate::test_support::json_schema::Validator;
    let schema = schema();
    for line in LINES {
        let mut seen = BTreeSet::new();
        for mut example in examples(line) {
            paths(&example, String::new(), line, &mut seen);
            example["time"] = "2026-03-01T12:00:00.500Z".into();
            let mut complaints = Vec::new();
            Validator { root: &schema }.check(&schema, &example, line.name, &mut complaints);
            assert!(complaints.is_empty(), "{complaints:?}");
        }
        seen.remove("type");
        let described: BTreeSet<String> = line
            .fields
            .iter()
            .map(|(path, ..)| (*path).to_owned())
            .collect();
        let differs: Vec<&String> = described.symmetric_difference(&seen).collect();
        assert!(
            differs.is_empty(),
            "describe each field of `{}` in {} and have it in an example, then `make reference`: {differs:?}",
            line.name,
            file!()
        );
    }
}

/// One for each `--format`.
fn read_examples() -> Vec<Value> {
    use crate::client::Read;
    use crate::report::Reading;
    let answer = || -> ocr_api::answer::Answer {
        let answer = json!({
            "id": "8c1f0e9b2d3a4c5e", "release": "1.0", "complete": true,
            "document": {"name": "letter.pdf", "type": "application/pdf", "sha256": "5e…", "pages": 1},
            "pages": [{
                "page": 1, "status": "ok", "method": "text", "width": 2479, "height": 3508, "dpi": 300, "rotation": 0,
                "confidence": 100.0, "text": "Invoice 20417\n", "words": [], "ms": 3
            }],
            "codes": [{
                "type": "invoice_number", "value": "20417", "raw": "20417", "page": 1, "box": [420, 376, 520, 418],
                "source": "text", "label": "Invoice", "confidence": 100.0, "check": null, "repaired": false, "edits": [],
                "agreement": []
            }],
            "warnings": ["…"]
        });
        serde_json::from_value(answer).unwrap()
    };
    let reads = [
        Read::Text(answer()),
        Read::Codes(answer().into()),
        Read::Whole(answer()),
    ];
    let file = "letter.pdf";
    let line = |read: &Read| serde_json::to_value(Own::Read(Reading { file, read }.line()));
    reads.iter().map(|read| line(read).unwrap()).collect()
}

/// Of all leaves. What is null, where the path goes further, is none.
fn paths(value: &Value, at: String, line: &Described, out: &mut BTreeSet<String>) {
    // Described elsewhere, as a whole.
    let below = format!("{at}.");
    let whole = |(path, kind, _): &&(&str, &str, &str)| *path == at && kind.starts_with("object");
    if line.fields.iter().any(|field| whole(&field))
        && !line
            .fields
            .iter()
            .any(|(path, ..)| path.starts_with(&below))
    {
        out.insert(at);
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                // The ids of keys are no fields.
                let name = if at == "usage" { "ID" } else { name };
                let dot = if at.is_empty() { "" } else { "." };
                paths(value, format!("{at}{dot}{name}"), line, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                paths(item, format!("{at}[]"), line, out);
            }
        }
        Value::Null
            if line
                .fields
                .iter()
                .any(|(path, ..)| path.starts_with(&format!("{at}."))) => {}
        _ => {
            out.insert(at);
        }
    }
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// docs/reference/json-lines.md.
pub fn markdown() -> String {
    let mut out = format!(
        "# Lines of `--json`, version {VERSION}\n\n\
         With `--json`, standard output is one JSON object a line and nothing else. Each has `type` and `time` (RFC 3339, UTC), and\n\
         `host` where it is about one. `version` in the first line rises when a type or a field is removed or changes its meaning;\n\
         readers ignore types and fields that they do not know. The same as a JSON Schema: [json-lines.schema.json](json-lines.schema.json).\n\n\
         `?` after a type: or null. `*`: may be absent.\n"
    );
    for line in LINES {
        out += &format!(
            "\n## `{}`\n\n{}\n\n| field | type | |\n|---|---|---|\n",
            line.name, line.about
        );
        for (path, kind, about) in line.fields {
            let kind = kind.replace('|', "\\|");
            out += &format!("| `{path}` | {kind} | {about} |\n");
        }
        out += "\n```json\n";
        for example in examples(line) {
            out += &format!("{example}\n");
        }
        out += "```\n";
    }
    out
}

/// docs/reference/json-lines.schema.json: of one line.
pub fn schema() -> Value {
    let lines: Vec<Value> = LINES
        .iter()
        .map(|line| {
            let mut schema = json!({
                "type": "object",
                "description": line.about,
                "required": ["time", "type"],
                "properties": {
                    "time": { "type": "string", "format": "date-time" },
                    "host": { "type": "string" },
                    "type": { "const": line.name },
                },
            });
            for (path, kind, about) in line.fields {
                let mut value = leaf(kind);
                if !about.is_empty() {
                    value["description"] = (*about).into();
                }
                insert(&mut schema, path, value, kind.ends_with('*'));
            }
            schema
        })
        .collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": format!("A line of `ocrctl --json`, version {VERSION}"),
        "anyOf": lines,
    })
}

/// Puts the schema of a field at its place in the schema of an object.
fn insert(object: &mut Value, path: &str, value: Value, optional: bool) {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let (key, list) = match name.strip_suffix("[]") {
        Some(key) => (key, true),
        None => (name, false),
    };
    let required = object["required"].as_array_mut();
    if let Some(required) = required
        && (!optional || !rest.is_empty())
        && key != "ID"
        && key != "quota"
        && key != "pages"
        && !required.iter().any(|it| it == key)
    {
        required.push(key.into());
    }
    // All ids have the same fields.
    let slot = if key == "ID" {
        &mut object["additionalProperties"]
    } else {
        let properties = object.as_object_mut().unwrap().entry("properties");
        &mut properties.or_insert(Map::new().into())[key]
    };
    let slot = if list {
        if slot.is_null() {
            *slot = json!({ "type": "array" });
        }
        &mut slot["items"]
    } else {
        slot
    };
    if rest.is_empty() {
        *slot = value;
        return;
    }
    if slot.is_null() {
        // One whose every field may be absent may be null.
        let kinds = if optional && !list {
            json!(["object", "null"])
        } else {
            json!("object")
        };
        *slot = json!({ "type": kinds, "required": [] });
    }
    insert(slot, rest, value, optional);
}

fn leaf(kind: &str) -> Value {
    let kind = kind.trim_end_matches('*');
    let (kind, null) = match kind.strip_suffix('?') {
        Some(kind) => (kind, true),
        None => (kind, false),
    };
    let name = match kind {
        "integer" => "integer",
        "object" => "object",
        "yes/no" => "boolean",
        words if words.contains('|') => {
            return json!({ "enum": words.split('|').collect::<Vec<_>>() });
        }
        _ => "string",
    };
    let kinds = if null {
        json!([name, "null"])
    } else {
        json!(name)
    };
    match kind {
        "time" => json!({ "type": kinds, "format": "date-time" }),
        _ => json!({ "type": kinds }),
    }
}
