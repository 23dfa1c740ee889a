//! Hosts where systemd's ssh.socket listens in sshd's place, on a port of its own.

use std::time::Instant;

use crate::{ProofError, Rehearsal, Seen, wrong};

const DEPLOY: [&str; 3] = ["deploy", "rehearsal", "--yes"];
const PORT: u16 = 2222;

/// A form of the socket unit by which it hands over connections.
struct Form {
    accept: &'static str,
    /// The unit that it starts.
    starts: &'static str,
    /// The plan's words for it.
    planned: &'static str,
}

const FORMS: [Form; 2] = [
    Form {
        accept: "no",
        starts: "ssh.service",
        planned: "ssh.service will be restarted, ssh.socket keeps listening",
    },
    Form {
        accept: "yes",
        starts: "ssh@.service",
        planned: "nothing to reload: ssh.socket starts an sshd for each connection",
    },
];

/// No release has `ssh@.service` any more; this is Debian 11's. Without ocrctl's file, passwords are taken.
const TAKE: &str = "
    set -e
    mkdir -p /etc/systemd/system/ssh.socket.d
    printf '[Socket]\\nListenStream=\\nListenStream=2222\\nAccept=%s\\n' $accept >/etc/systemd/system/ssh.socket.d/port.conf
    printf '[Service]\\nExecStart=-/usr/sbin/sshd -i\\nStandardInput=socket\\nRuntimeDirectory=sshd\\n%s\\n' \
        RuntimeDirectoryPreserve=yes >/etc/systemd/system/ssh@.service
    ufw allow 2222/tcp
    rm /etc/ssh/sshd_config.d/00-ocrctl.conf
    echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/05-rehearsal.conf
    systemctl daemon-reload
    systemctl disable --now ssh.service
    systemctl enable ssh.socket
    systemctl restart ssh.socket
";
/// From now on sshd starts only while ocrctl's file is there: `sshd -t` finds nothing wrong without it.
const BREAK: &str = "
    set -e
    mkdir -p /etc/systemd/system/$starts.d
    file=/etc/ssh/sshd_config.d/00-ocrctl.conf
    printf '[Service]\\nExecStartPre=/usr/bin/test -e %s\\n' $file >/etc/systemd/system/$starts.d/needs.conf
    systemctl daemon-reload
";
const REPAIR: &str = "rm -r /etc/systemd/system/$starts.d; systemctl daemon-reload";
const GIVE_BACK: &str = "
    set -e
    systemctl disable --now ssh.socket
    rm -r /etc/systemd/system/ssh.socket.d /etc/systemd/system/ssh@.service /etc/ssh/sshd_config.d/05-rehearsal.conf
    systemctl daemon-reload
    systemctl stop ssh.service
    systemctl enable --now ssh.service
    ufw allow 22/tcp
";

pub(super) async fn forms(rehearsal: &mut Rehearsal) -> Seen {
    let mut took = Vec::new();
    for form in &FORMS {
        let began = Instant::now();
        deployed(rehearsal, form).await?;
        reverted(rehearsal, form).await?;
        took.push(format!(
            "Accept={} {} s",
            form.accept,
            began.elapsed().as_secs()
        ));
    }
    rehearsal.prod1()?.run(GIVE_BACK).await?;
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal.ocrctl(&DEPLOY).await?.expect(0)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!(
        "hardened over port {PORT}, where sshd stayed; a change that ended sshd was reverted, with a new login: {}",
        took.join(", ")
    ))
}

/// The change takes effect, and SSH stays where it was.
async fn deployed(rehearsal: &Rehearsal, form: &Form) -> Result<(), ProofError> {
    let take = format!("accept={}\n{TAKE}", form.accept);
    rehearsal.prod1()?.run(&take).await?;
    own_port(rehearsal).await?;
    let before = methods(rehearsal).await?;
    if !before.contains("password") {
        return wrong(format!(
            "passwords were not taken before, so refusing them proves nothing: {before}"
        ));
    }
    let plan = rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(2)?;
    if !plan.stdout.contains(form.planned) {
        return wrong(format!(
            "the plan does not say \"{}\":\n{}",
            form.planned, plan.stdout
        ));
    }
    rehearsal.ocrctl(&DEPLOY).await?.expect(0)?;
    stayed(rehearsal).await?;
    let after = methods(rehearsal).await?;
    if !after.contains("(publickey)") {
        return wrong(format!("sshd does not take keys only: {after}"));
    }
    rehearsal
        .ocrctl(&["deploy", "rehearsal"])
        .await?
        .expect(0)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(())
}

/// A change after which sshd starts no more is put back.
async fn reverted(rehearsal: &Rehearsal, form: &Form) -> Result<(), ProofError> {
    let on_host = async |script: &str| {
        let script = format!("starts={}\n{script}", form.starts);
        rehearsal.prod1()?.run(&script).await
    };
    on_host(BREAK).await?;
    rehearsal.amend_inventory("    hygiene: {sshd: false}\n")?;
    rehearsal
        .ocrctl(&DEPLOY)
        .await?
        .expect(1)?
        .expect_said(&["the old sshd is back, and a new SSH connection comes in"])?;
    own_port(rehearsal).await?;
    // By SSH, and as it was.
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    stayed(rehearsal).await?;
    on_host(REPAIR).await.map(|_| ())
}

/// Writes the inventory of an operator who comes in by the socket's port, at the host's own address.
async fn own_port(rehearsal: &Rehearsal) -> Result<(), ProofError> {
    rehearsal.write_inventory(&rehearsal.first)?;
    let (_, address) = rehearsal.addresses().await?;
    let machines = rehearsal.machines()?;
    let path = rehearsal.inventory();
    let moved = std::fs::read_to_string(&path).and_then(|text| {
        let text = text
            .replace(
                &format!("address: {}\n", machines.address),
                &format!("address: {address}\n"),
            )
            .replace(
                &format!("port: {}\n", machines.prod1.ssh_port),
                &format!("port: {PORT}\n"),
            );
        std::fs::write(&path, text)
    });
    moved.map_err(|source| ProofError::File { path, source })
}

/// Nothing but the socket's port is SSH's.
async fn stayed(rehearsal: &Rehearsal) -> Result<(), ProofError> {
    let list = "ss -Hltn | awk '{print $4}' | sed 's/.*://' | grep -xE '22|2222' | sort -u";
    let ports = rehearsal.prod1()?.run(list).await?;
    if ports != PORT.to_string() {
        return wrong(format!("sshd listens elsewhere than on {PORT}: {ports}"));
    }
    Ok(())
}

/// Returns the login methods offered to a stranger, in the words of `ssh`.
async fn methods(rehearsal: &Rehearsal) -> Result<String, ProofError> {
    let ask = format!(
        "ssh -p {PORT} -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
         -o LogLevel=ERROR -o PreferredAuthentications=none root@prod1.rehearsal.test true 2>&1 || true"
    );
    rehearsal.infra()?.run(&ask).await
}
