//! Proofs that a host comes back, whatever somebody has done to it: every kind of resource, changed, taken away, and half
//! there. And that what can be switched off goes, and comes again.

use super::LETTER;
use crate::machine::DOCKER_API;
use crate::{ProofError, Rehearsal, Seen, wrong};
use ocrctl_command::quoted;

const DEPLOY: [&str; 3] = ["deploy", "rehearsal", "--yes"];

/// A manual change of the host, and the words by which the plan names it.
type Hand = (&'static str, &'static str);

struct Round {
    what: &'static str,
    hands: &'static [Hand],
}

/// For the scripts. The watcher would repair some of it before the proof looks.
const BEFORE: &str = "
    set -e
    export DEBIAN_FRONTEND=noninteractive
    live=$(readlink /var/lib/ocr/live)
    idle=$(echo $live | tr ab ba)
    systemctl stop ocrctl-watch.timer
    timeout 60 sh -c 'while systemctl is-active -q ocrctl-watch.service; do sleep 0.2; done'
";

const ROUNDS: &[Round] = &[
    Round {
        what: "changed",
        hands: &[
            ("ufw allow 8080/tcp", "8080/tcp"),
            (
                "echo '# by hand' >>/etc/ssh/sshd_config.d/00-ocrctl.conf",
                "sshd",
            ),
            ("chmod 777 /etc/ocr", "directory /etc/ocr"),
            ("chown 0:0 /var/lib/ocr/$idle", "directory /var/lib/ocr/"),
            (
                "echo '// by hand' >>/etc/apt/apt.conf.d/52ocrctl-upgrades",
                "file /etc/apt/apt.conf.d/52ocrctl-upgrades",
            ),
            (
                "echo '# by hand' >>/etc/systemd/system/ocrctl-renew.timer",
                "file /etc/systemd/system/ocrctl-renew.timer",
            ),
            (
                "chmod 600 /etc/ocrctl/watch.json",
                "file /etc/ocrctl/watch.json",
            ),
            ("chown 0:0 /etc/ocr/keys.json", "file /etc/ocr/keys.json"),
            (
                "echo '# by hand' >>/etc/ocr/rules.yaml",
                "file /etc/ocr/rules.yaml",
            ),
            (
                ": >/etc/ocrctl/alerts.json",
                "file /etc/ocrctl/alerts.json",
            ),
            (
                "ln -sfn /bin/true /opt/ocrctl/bin/ocrctl",
                "link /opt/ocrctl/bin/ocrctl",
            ),
            (
                "chmod 644 /etc/ocrctl/tls/live/key.pem",
                "access to its key",
            ),
            (
                "echo '# by hand' >>/etc/nginx/conf.d/ocr.conf",
                "# by hand",
            ),
            ("systemctl disable docker.service", "docker.service at boot"),
            ("systemctl mask --now apt-daily.timer", "apt-daily.timer"),
            ("systemctl stop logrotate.timer", "logrotate.timer state"),
            (
                "hooks=/etc/letsencrypt/renewal-hooks/deploy; mkdir -p $hooks; : >$hooks/ocrctl",
                "certbot",
            ),
            (
                "ask POST \"/containers/ocr-$live/stop?t=5\"",
                "its container has stopped",
            ),
        ],
    },
    Round {
        what: "taken away",
        hands: &[
            (
                "apt-get -q -y remove unattended-upgrades",
                "unattended-upgrades not installed",
            ),
            ("ufw --force delete allow 443/tcp", "443/tcp"),
            ("rm /etc/ssh/sshd_config.d/00-ocrctl.conf", "sshd"),
            (
                "rm -r /var/lib/ocrctl/webroot",
                "directory /var/lib/ocrctl/webroot",
            ),
            ("rm -r /var/lib/ocr/$idle", "directory /var/lib/ocr/"),
            (
                "rm /etc/systemd/system/ocrctl-watch.timer",
                "file /etc/systemd/system/ocrctl-watch.timer",
            ),
            ("rm /etc/ocr/keys.json", "file /etc/ocr/keys.json"),
            ("rm /etc/ocr/rules.yaml", "file /etc/ocr/rules.yaml"),
            ("rm /etc/ocrctl/alerts.json", "file /etc/ocrctl/alerts.json"),
            ("rm /opt/ocrctl/bin/ocrctl", "link /opt/ocrctl/bin/ocrctl"),
            ("rm /etc/ocrctl/tls/live", "certificate "),
            ("rm /etc/nginx/conf.d/ocr.conf", "nginx"),
            ("systemctl stop nginx.service", "nginx.service state"),
            (
                "image=$(ask GET /containers/ocr-$live/json | grep -o '\"Image\":\"sha256:[0-9a-f]*' | head -n 1 | cut -d '\"' -f 4)
                 ask DELETE \"/containers/ocr-$live?force=true\"; ask DELETE \"/images/$image?force=true\"",
                "the live container is gone",
            ),
        ],
    },
    Round {
        what: "half there",
        hands: &[
            // The release must be live for longer than it may take to become ready.
            ("sleep 31", ""),
            (
                "cd /tmp; apt-get -q download logrotate; dpkg --unpack logrotate_*.deb; rm logrotate_*.deb",
                "logrotate not installed",
            ),
            ("ufw --force disable", "it is not enabled"),
            (
                ": >/etc/systemd/system/ocrctl-watch.service",
                "file /etc/systemd/system/ocrctl-watch.service",
            ),
            (": >/etc/ocrctl/tls/live/fullchain.pem", "damaged"),
            (
                "ln -s /etc/nginx/sites-available/default /etc/nginx/sites-enabled/default",
                "/etc/nginx/sites-enabled/default",
            ),
            ("rm /usr/local/bin/ocrctl", "link /usr/local/bin/ocrctl"),
            ("rm -r /var/lib/ocr/$live", "ocr.sock is missing"),
        ],
    },
    Round {
        what: "another in its place",
        hands: &[(
            "image=$(ask GET /containers/ocr-$live/json | grep -o '\"Image\":\"sha256:[0-9a-f]*' | head -n 1 | cut -d '\"' -f 4)
             ask DELETE \"/containers/ocr-$live?force=true\"
             ask POST /containers/create?name=ocr-$live '{\"Image\":\"'$image'\",\"ExposedPorts\":{\"3000/tcp\":{}},
                 \"HostConfig\":{\"PortBindings\":{\"3000/tcp\":[{\"HostPort\":\"8098\"}]}}}'
             ask POST /containers/ocr-$live/start",
            "published ports",
        )],
    },
    Round {
        what: "nothing live",
        hands: &[("rm /var/lib/ocr/live", "no release is live")],
    },
    Round {
        what: "Docker stopped",
        hands: &[(
            "systemctl stop docker.socket docker.service",
            "docker.service state",
        )],
    },
];

pub(super) async fn every_kind(rehearsal: &mut Rehearsal) -> Seen {
    rehearsal.write_inventory(&rehearsal.first)?;
    with_rules(rehearsal)?;
    rehearsal.ocrctl(&DEPLOY).await?.expect(0)?;
    let mut hands = 0;
    for round in ROUNDS {
        let failed = |error: ProofError| ProofError::Wrong(format!("{}: {error}", round.what));
        one(rehearsal, round).await.map_err(failed)?;
        hands += round
            .hands
            .iter()
            .filter(|(_, words)| !words.is_empty())
            .count();
    }
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal.prod1()?.run("rm /etc/ocr/rules.yaml").await?;
    let rounds: Vec<&str> = ROUNDS.iter().map(|round| round.what).collect();
    Ok(format!(
        "{hands} things done by hand in {} rounds ({}): each was named, one deploy repaired all, the next plan was empty",
        rounds.len(),
        rounds.join(", ")
    ))
}

async fn one(rehearsal: &Rehearsal, round: &Round) -> Result<(), ProofError> {
    let ask = format!(
        "ask() {{ printf '%s' \"$3\" | perl -e {} \"$1\" \"$2\"; }}\n",
        quoted(DOCKER_API)
    );
    let scripts: Vec<&str> = round.hands.iter().map(|(script, _)| *script).collect();
    let script = format!("{ask}{BEFORE}\n{}\n", scripts.join("\n"));
    rehearsal.prod1()?.run(&script).await?;
    let plan = rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(2)?;
    let watcher = ("", "ocrctl-watch.timer");
    for (script, words) in round.hands.iter().chain([&watcher]) {
        if !plan.stdout.contains(words) {
            return wrong(format!(
                "the plan does not say \"{words}\" after `{script}`:\n{}",
                plan.stdout
            ));
        }
    }
    rehearsal.ocrctl(&DEPLOY).await?.expect(0)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    Ok(())
}

/// They are a resource where the inventory names any.
fn with_rules(rehearsal: &Rehearsal) -> Result<(), ProofError> {
    let file = rehearsal.settings.state.join("rules.yaml");
    let inventory = rehearsal.inventory();
    let rules = "version: 1\nrules:\n  - name: berth\n    pattern: 'berth (?P<value>\\d)'\n    matches: ['berth 7']\n";
    let written = std::fs::write(&file, rules).and_then(|()| {
        let text = std::fs::read_to_string(&inventory)?;
        let with = format!("service: {{rules: {}, ", file.display());
        std::fs::write(&inventory, text.replace("service: {", &with))
    });
    written.map_err(|source| ProofError::File {
        path: inventory,
        source,
    })
}

/// Lines that switch something over, and what is so on the host where they are not there.
const SWITCHES: &[(&str, &str)] = &[
    (
        "hygiene: {security_upgrades: false}",
        "test -e /etc/apt/apt.conf.d/52ocrctl-upgrades",
    ),
    (
        "hygiene: {sshd: false}",
        "test -e /etc/ssh/sshd_config.d/00-ocrctl.conf",
    ),
    (
        "firewall: {ssh: limit}",
        "! grep -q '^### tuple ### limit ' /etc/ufw/user.rules",
    ),
    (
        "firewall: {published: close}",
        "! grep -q DOCKER-USER /etc/ufw/after.rules",
    ),
    (
        "firewall: {allow: [{port: 8097}]}",
        "! grep -q 8097 /etc/ufw/user.rules",
    ),
];

pub(super) async fn switches(rehearsal: &mut Rehearsal) -> Seen {
    for (lines, there) in SWITCHES {
        rehearsal.amend_inventory(&format!("    {lines}\n"))?;
        settle(rehearsal, lines, there, false).await?;
        rehearsal.write_inventory(&rehearsal.first)?;
        settle(rehearsal, lines, there, true).await?;
    }
    // Alerts, if there are channels.
    let mut walked = SWITCHES.len();
    if let Some(alerting) = rehearsal.alerting.take() {
        let there = "test -e /etc/ocrctl/alerts.json";
        let off = rehearsal.write_inventory(&rehearsal.first);
        let settled = match off {
            Ok(()) => settle(rehearsal, "no alerts", there, false).await,
            Err(error) => Err(error),
        };
        rehearsal.alerting = Some(alerting);
        settled?;
        rehearsal.write_inventory(&rehearsal.first)?;
        settle(rehearsal, "alerts", there, true).await?;
        walked += 1;
    }
    Ok(format!(
        "{walked} walked there and back, nothing to do after each"
    ))
}

/// Deploys; then nothing is to be done, and the host is so or not.
async fn settle(
    rehearsal: &Rehearsal,
    lines: &str,
    there: &str,
    expected: bool,
) -> Result<(), ProofError> {
    rehearsal.ocrctl(&DEPLOY).await?.expect(0)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    let ask = format!("if {there}; then echo yes; else echo no; fi");
    let is = rehearsal.prod1()?.run(&ask).await? == "yes";
    if is != expected {
        return wrong(format!("{lines}: `{there}` is {is}"));
    }
    Ok(())
}
