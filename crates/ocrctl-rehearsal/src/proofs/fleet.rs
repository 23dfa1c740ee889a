//! Proofs of several hosts: one first, all or none, and a dead one that holds up nobody.

use std::time::Instant;

use super::issuers::back_to_acme;
use crate::client::Client;
use crate::load::Load;
use crate::machine::Switch;
use crate::{ProofError, Rehearsal, Seen, wrong};

const DEPLOY: [&str; 3] = ["deploy", "rehearsal", "--yes"];
/// The registry is somewhere else for this host alone, as far as it can see.
const LOSE_REGISTRY: &str = "cp /etc/hosts /etc/hosts.kept; echo '127.0.0.9 registry.rehearsal.test' >/etc/hosts.new; \
                             cat /etc/hosts >>/etc/hosts.new; cat /etc/hosts.new >/etc/hosts";
const FIND_REGISTRY: &str = "cat /etc/hosts.kept >/etc/hosts";

pub(super) async fn several(rehearsal: &mut Rehearsal) -> Seen {
    // A bare second host joins.
    both(rehearsal, &rehearsal.first)?;
    let joined = rehearsal.ocrctl(&DEPLOY).await?.expect(0)?;
    let (first, second) = (
        client(rehearsal, "prod1").await?,
        client(rehearsal, "prod2").await?,
    );
    let first_release = first.release().await?;
    if second.release().await? != first_release {
        return wrong(format!("prod2 serves something else: {}", joined.stdout));
    }
    rehearsal
        .ocrctl(&["keys", "sync", "rehearsal", "--yes"])
        .await?
        .expect(0)?;

    // The one that fails first is the only one that noticed.
    both(rehearsal, &rehearsal.broken)?;
    let refused = rehearsal.ocrctl(&DEPLOY).await?.expect(1)?;
    if refused.stderr.contains("prod2: the model") {
        return wrong("the broken release came to the second host");
    }
    serve(&[&first, &second], &first_release).await?;

    // The first has switched when the second fails: both go back to what they had.
    both(rehearsal, &rehearsal.next)?;
    on(rehearsal, "prod2", LOSE_REGISTRY).await?;
    let load = Load::start(&first.fresh()?, &rehearsal.key)?;
    let failed = rehearsal.ocrctl(&DEPLOY).await;
    let served = load.stop().await?;
    on(rehearsal, "prod2", FIND_REGISTRY).await?;
    failed?.expect(1)?.expect_said(&["reverting to"])?;
    serve(&[&first, &second], &first_release).await?;

    rehearsal.ocrctl(&DEPLOY).await?.expect(0)?;
    let next_release = first.release().await?;
    serve(&[&second], &next_release).await?;
    rehearsal
        .ocrctl(&["rollback", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    serve(&[&first, &second], &first_release).await?;

    // A dead host is reported soon, and the other can be deployed to without it.
    let dead = rehearsal.prod2()?;
    dead.switch(Switch::Freeze).await?;
    let began = Instant::now();
    let told = rehearsal.ocrctl(&DEPLOY).await;
    let took = began.elapsed();
    let limited = rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes", "--limit", "prod1"])
        .await;
    dead.switch(Switch::Thaw).await?;
    told?.expect(69)?.expect_said(&["prod2", "--limit"])?;
    limited?.expect(0)?;

    serve(&[&first], &next_release).await?;
    back_to_acme(rehearsal).await?;
    Ok(format!(
        "a bare one joined; the second failed, and both served {first_release} again: {served}; all went back; a dead one was told after {:.0} s",
        took.as_secs_f64()
    ))
}

/// An environment of two hosts. HTTP-01 leads to one of them only, so each has an authority of its own.
fn both(rehearsal: &Rehearsal, image: &str) -> Result<(), ProofError> {
    let password = &rehearsal.machines()?.registry.password_file;
    let tls = "{issuer: self_signed}";
    rehearsal.write_inventory_of(&["prod1", "prod2"], image, password, tls)
}

async fn client(rehearsal: &Rehearsal, name: &str) -> Result<Client, ProofError> {
    let machines = rehearsal.machines()?;
    let host = if name == "prod2" {
        &machines.prod2
    } else {
        &machines.prod1
    };
    let authority = on(rehearsal, name, "cat /etc/ocrctl/tls/ca.pem").await?;
    Client::new(&authority, host.http_port, host.https_port)
}

async fn serve(clients: &[&Client], release: &str) -> Result<(), ProofError> {
    for client in clients {
        let found = client.release().await?;
        if found != release {
            return wrong(format!("{found} is served, not {release}"));
        }
    }
    Ok(())
}

async fn on(rehearsal: &Rehearsal, name: &str, command: &str) -> Result<String, ProofError> {
    let machine = match name {
        "prod2" => rehearsal.prod2()?,
        _ => rehearsal.prod1()?,
    };
    machine.run(command).await
}
