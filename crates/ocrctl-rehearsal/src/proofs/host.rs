//! Proofs of the host: bare, as it should be, drifted, and what is left behind on it.

use std::time::Instant;

use super::{LETTER, certificates};
use crate::client::Client;
use crate::machines::{self, Machines};
use crate::watch::Watch;
use crate::{Rehearsal, Seen, images, wrong};

pub(super) async fn up(rehearsal: &mut Rehearsal) -> Seen {
    // A rehearsal begins with a bare host, whatever the one before has left.
    if rehearsal.settings.state.join("machines.json").exists() {
        rehearsal.down().await?;
    }
    let machines = Machines::up(&rehearsal.settings).await?;
    let made = format!(
        "prod1 is {}, made by {}",
        machines.release,
        rehearsal.settings.provider.name()
    );
    rehearsal.move_in(machines).await;
    if !rehearsal.settings.smoke {
        rehearsal.watch = Some(Watch::start(rehearsal.prod1()?));
    }
    let settings = &rehearsal.settings;
    rehearsal.first = machines::push(settings, &settings.image, "1").await?;
    let next = images::next(&settings.image).await?;
    rehearsal.next = machines::push(settings, &next, "2").await?;
    if settings.smoke {
        return Ok(format!("{made}; infra has two images"));
    }
    let broken = images::broken(&settings.image).await?;
    rehearsal.broken = machines::push(settings, &broken, "3").await?;
    let large = images::large(&settings.image).await?;
    rehearsal.large = machines::push(settings, &large, "4").await?;
    let failing = images::failing(&settings.image).await?;
    rehearsal.failing = machines::push(settings, &failing, "5").await?;
    Ok(format!("{made}; infra has five images"))
}

pub(super) async fn deploy(rehearsal: &mut Rehearsal) -> Seen {
    rehearsal.write_inventory(&rehearsal.first)?;
    let planned = rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(2)?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    let root = certificates::root(rehearsal).await?;
    let prod1 = &rehearsal.machines()?.prod1;
    let client = Client::new(&root, prod1.http_port, prod1.https_port)?;
    let release = client.release().await?;
    rehearsal.client = Some(client);
    let summary = planned
        .stdout
        .lines()
        .rfind(|line| !line.is_empty())
        .unwrap_or_default()
        .to_owned();
    Ok(format!("{summary}; release {release} answers"))
}

pub(super) async fn no_op(rehearsal: &mut Rehearsal) -> Seen {
    let began = Instant::now();
    rehearsal
        .ocrctl(&["deploy", "rehearsal"])
        .await?
        .expect(0)?;
    let took = began.elapsed();
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!("no changes, in {:.2} s", took.as_secs_f64()))
}

pub(super) async fn drift(rehearsal: &mut Rehearsal) -> Seen {
    let by_hand = "echo '# by hand' >> /etc/nginx/conf.d/ocr.conf; ufw allow 8080/tcp; \
                   chmod 777 /etc/ocr; systemctl disable docker";
    rehearsal.prod1()?.run(by_hand).await?;
    let plan = rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(2)?;
    for words in ["# by hand", "8080/tcp", "/etc/ocr", "docker.service"] {
        if !plan.stdout.contains(words) {
            return wrong(format!("the plan does not name {words}:\n{}", plan.stdout));
        }
    }
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok("an edited file, a rule, a mode and a unit".to_owned())
}

pub(super) async fn bad_nginx(rehearsal: &mut Rehearsal) -> Seen {
    let prod1 = rehearsal.prod1()?;
    // Someone's own file is wrong, and ours has drifted, so that a deploy must reload.
    let by_hand = "echo 'nonsense here;' > /etc/nginx/conf.d/by-hand.conf; echo '#' >> /etc/nginx/conf.d/ocr.conf";
    prod1.run(by_hand).await?;
    let deployed = rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(1)?;
    deployed.expect_said(&["the old one is back", "nonsense"])?;
    let kept = prod1.run("tail -n 1 /etc/nginx/conf.d/ocr.conf").await?;
    if kept != "#" {
        return wrong("the configuration before is not back".to_owned());
    }
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    prod1.run("rm /etc/nginx/conf.d/by-hand.conf").await?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    Ok("`nginx -t` was quoted, the file before came back, requests were served".to_owned())
}

/// New rules that really cut SSH off: whatever opens a new connection to it is dropped as soon as they are there.
pub(super) async fn rules_cut(rehearsal: &mut Rehearsal) -> Seen {
    let rule = "    firewall: {allow: [{port: 8099}]}\n";
    cut_off(rehearsal, rule, "grep -q 'tcp 8099' /etc/ufw/user.rules").await
}

/// The same of sshd, whose settings are taken away here. The host itself still reaches it.
pub(super) async fn sshd_cut(rehearsal: &mut Rehearsal) -> Seen {
    let setting = "    hygiene: {sshd: false}\n";
    cut_off(
        rehearsal,
        setting,
        "test ! -e /etc/ssh/sshd_config.d/00-ocrctl.conf",
    )
    .await
}

/// Deploys these lines of the inventory; for as long as `there` holds on the host, nothing gets in, as if they did it.
async fn cut_off(rehearsal: &Rehearsal, lines: &str, there: &str) -> Seen {
    let cut = format!(
        "drop() {{ iptables \"$1\" INPUT ! -i lo -p tcp --dport 22 -m conntrack --ctstate NEW -j DROP; }}; \
         until {there}; do sleep 0.02; done; drop -I; while {there}; do sleep 0.2; done; drop -D"
    );
    rehearsal.prod1()?.detach(&cut).await?;
    rehearsal.amend_inventory(lines)?;
    let began = Instant::now();
    let deployed = rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(1)?;
    deployed.expect_said(&[
        "no way in yet",
        "no new SSH connection came in after the change",
        "is back, and a new SSH connection comes in",
    ])?;
    let took = began.elapsed().as_secs();
    // By SSH again, and as it was.
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!(
        "no new connection came in; what was there before came back by itself, {took} s in all"
    ))
}
