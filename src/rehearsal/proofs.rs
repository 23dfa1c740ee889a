//! The proofs, in the order in which they are tried: each builds on those before it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ocr_api::answer::{Answer, Method};
use reqwest::StatusCode;

use super::client::{Client, NAME, send, text};
use super::machines::{self, Machines, docker};
use super::{ProofError, Rehearsal, Seen, images, wrong};

const SCAN: &[u8] = include_bytes!("../../vagrant/documents/scan.jpg");
const LETTER: &[u8] = include_bytes!("../../vagrant/documents/letter.pdf");
/// What both documents say.
const PHRASE: &str = "the winter cover: 412.50 EUR";

const SELF_SIGNED: &str = "{issuer: self_signed}";

type Proving<'a> = Pin<Box<dyn Future<Output = Seen> + 'a>>;

pub(super) struct Proof {
    pub(super) name: &'static str,
    pub(super) prove: fn(&mut Rehearsal) -> Proving<'_>,
}

macro_rules! proofs {
    ($($name:literal $function:ident),* $(,)?) => {
        &[$(Proof { name: $name, prove: |rehearsal| Box::pin($function(rehearsal)) }),*]
    };
}

pub(super) const ALL: &[Proof] = proofs![
    "machines up" up,
    "deploy of a bare host" deploy,
    "second deploy is a no-op" no_op,
    "new API key" key,
    "scanned page over HTTPS" scan,
    "PDF over HTTPS" pdf,
    "403 without a good key" refused,
    "bad uploads get a clear error" bad_uploads,
    "HTTP redirects, unknown names get nothing" names,
    "release switch under load" switch,
    "broken release never serves" broken,
    "rollback under load" rollback,
    "wrong registry password" password,
    "disk full while pulling" disk_full,
    "drift is found and mended" drift,
    "refused NGINX configuration never goes live" bad_nginx,
    "the operator's own certificate" own_certificate,
    "reboot with the registry off" reboot,
    "no secret left behind" secrets,
];

async fn up(rehearsal: &mut Rehearsal) -> Seen {
    let machines = Machines::up(&rehearsal.settings).await?;
    let settings = &rehearsal.settings;
    rehearsal.first = machines::push(settings, &settings.image, "1").await?;
    let next = images::next(&settings.image).await?;
    rehearsal.next = machines::push(settings, &next, "2").await?;
    let broken = images::broken(&settings.image).await?;
    rehearsal.broken = machines::push(settings, &broken, "3").await?;
    let large = images::large(&settings.image).await?;
    rehearsal.large = machines::push(settings, &large, "4").await?;
    let seen = format!("prod1 is {}, infra has four images", machines.release);
    rehearsal.machines = Some(machines);
    Ok(seen)
}

async fn deploy(rehearsal: &mut Rehearsal) -> Seen {
    rehearsal.write_inventory(&rehearsal.first)?;
    let planned = rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(2)?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    let ca = rehearsal
        .ocrctl(&["cert", "ca", "rehearsal"])
        .await?
        .expect(0)?;
    let prod1 = &rehearsal.machines()?.prod1;
    let client = Client::new(&ca.stdout, prod1.http_port, prod1.https_port)?;
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

async fn no_op(rehearsal: &mut Rehearsal) -> Seen {
    let began = Instant::now();
    rehearsal
        .ocrctl(&["deploy", "rehearsal"])
        .await?
        .expect(0)?;
    let took = began.elapsed();
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!("no changes, in {:.2} s", took.as_secs_f64()))
}

async fn key(rehearsal: &mut Rehearsal) -> Seen {
    let added = rehearsal
        .ocrctl(&["keys", "add", "rehearsal", "--name", "rehearsal"])
        .await?
        .expect(0)?;
    let key = added.stdout.trim();
    if !key.starts_with("ocrk_") || key.lines().count() != 1 {
        return wrong("`keys add` printed something else than a key".to_owned());
    }
    rehearsal.key = key.to_owned();
    let client = rehearsal.client()?;
    let began = Instant::now();
    loop {
        let response = send(
            "POST /v1/ocr",
            client.post("/v1/ocr", SCAN).bearer_auth(key),
        )
        .await?;
        if response.status() == StatusCode::OK {
            return Ok("in force without a restart".to_owned());
        }
        if began.elapsed() > Duration::from_secs(5) {
            return wrong(format!(
                "after 5 s the key still gets {}",
                response.status()
            ));
        }
    }
}

async fn scan(rehearsal: &mut Rehearsal) -> Seen {
    let answer = rehearsal.client()?.ocr(&rehearsal.key, SCAN).await?;
    read(&answer, Method::Ocr)
}

async fn pdf(rehearsal: &mut Rehearsal) -> Seen {
    let answer = rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    read(&answer, Method::Text)
}

/// The one page was read by this method, and says what the document says.
fn read(answer: &Answer, method: Method) -> Seen {
    let [page] = answer.pages.as_slice() else {
        return wrong(format!("{} pages, not one", answer.pages.len()));
    };
    if page.method != Some(method) {
        return wrong(format!("read by {:?}, not {method:?}", page.method));
    }
    let said = page.text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !said.contains(PHRASE) {
        return wrong(format!("\"{PHRASE}\" is not in: {said}"));
    }
    if page.words.len() < 60 || page.words.iter().any(|word| word.confidence < 0.0) {
        return wrong(format!("{} words", page.words.len()));
    }
    let first: String = said.chars().take(60).collect();
    Ok(format!(
        "{} words, {} ms: \"{first}…\"",
        page.words.len(),
        page.ms
    ))
}

async fn refused(rehearsal: &mut Rehearsal) -> Seen {
    let client = rehearsal.client()?;
    let other = ocr_api::keys::ApiKey::generate().map_err(|e| ProofError::Wrong(e.to_string()))?;
    let cases = [
        client.post("/v1/ocr", SCAN),
        client.post("/v1/ocr", SCAN).bearer_auth("ocrk_nonsense"),
        client.post("/v1/ocr", SCAN).bearer_auth(other.reveal()),
        client
            .post("/v1/ocr", SCAN)
            .basic_auth("me", Some(&rehearsal.key)),
    ];
    let mut bodies = Vec::new();
    for request in cases {
        let response = send("POST /v1/ocr", request).await?;
        if response.status() != StatusCode::FORBIDDEN {
            return wrong(format!("{}, not 403", response.status()));
        }
        bodies.push(without_request_id(&text(response).await?)?);
    }
    if bodies.iter().any(|body| *body != bodies[0]) {
        return wrong(format!("refusals differ: {bodies:?}"));
    }
    Ok("missing, malformed, unknown and misplaced: the same answer".to_owned())
}

fn without_request_id(body: &str) -> Result<serde_json::Value, ProofError> {
    let mut problem: serde_json::Value = serde_json::from_str(body)
        .map_err(|_| ProofError::Wrong(format!("not a JSON problem: {body}")))?;
    problem
        .as_object_mut()
        .map(|fields| fields.remove("request_id"));
    Ok(problem)
}

async fn bad_uploads(rehearsal: &mut Rehearsal) -> Seen {
    let client = rehearsal.client()?;
    let cases: [(&str, &[u8], &[u16]); 4] = [
        ("an empty body", b"", &[400]),
        ("a text file", b"just some text, called letter.pdf", &[415]),
        ("a truncated JPEG", &SCAN[..2000], &[422]),
        ("a truncated PDF", &LETTER[..900], &[422]),
    ];
    for (what, body, allowed) in cases {
        let response = send(
            "POST /v1/ocr",
            client.post("/v1/ocr", body).bearer_auth(&rehearsal.key),
        )
        .await?;
        let status = response.status().as_u16();
        let body = text(response).await?;
        if !allowed.contains(&status) {
            return wrong(format!("{what}: {status}: {body}"));
        }
        if without_request_id(&body)?["detail"]
            .as_str()
            .is_none_or(str::is_empty)
        {
            return wrong(format!("{what}: no detail in {body}"));
        }
    }
    let large = vec![b'x'; 60_000_000];
    let response = send(
        "POST /v1/ocr",
        client.post("/v1/ocr", &large).bearer_auth(&rehearsal.key),
    )
    .await?;
    let status = response.status();
    if status != StatusCode::PAYLOAD_TOO_LARGE {
        return wrong(format!("60 MB: {status}"));
    }
    without_request_id(&text(response).await?)?;
    Ok("empty 400, text 415, truncated 422, 60 MB 413".to_owned())
}

async fn names(rehearsal: &mut Rehearsal) -> Seen {
    let client = rehearsal.client()?;
    let response = send("GET over HTTP", client.get_plain("/v1/ocr", NAME)).await?;
    let location = response
        .headers()
        .get("location")
        .and_then(|l| l.to_str().ok())
        .unwrap_or_default();
    if response.status() != StatusCode::MOVED_PERMANENTLY
        || location != format!("https://{NAME}/v1/ocr")
    {
        return wrong(format!("{} to \"{location}\"", response.status()));
    }
    if let Ok(answer) = client.get_plain("/", "someone.else.test").send().await {
        return wrong(format!(
            "an unknown name over HTTP gets {}",
            answer.status()
        ));
    }
    let prod1 = &rehearsal.machines()?.prod1;
    let connect = format!("127.0.0.1:{}", prod1.https_port);
    let shown = crate::command::Program::new("openssl")
        .args([
            "s_client",
            "-connect",
            &connect,
            "-servername",
            "someone.else.test",
        ])
        .output()
        .await?;
    if String::from_utf8_lossy(&shown.stdout).contains("BEGIN CERTIFICATE") {
        return wrong("an unknown name is shown a certificate".to_owned());
    }
    let hsts = send("GET /healthz", client.get("/healthz")).await?;
    if !hsts.headers().contains_key("strict-transport-security") {
        return wrong("no HSTS".to_owned());
    }
    Ok("301 to HTTPS; no certificate for strangers; HSTS".to_owned())
}

async fn switch(rehearsal: &mut Rehearsal) -> Seen {
    rehearsal.write_inventory(&rehearsal.next)?;
    let before = rehearsal.client()?.release().await?;
    let load = Load::start(rehearsal.client()?.clone(), &rehearsal.key);
    let deployed = rehearsal.ocrctl(&["deploy", "rehearsal", "--yes"]).await;
    let served = load.stop().await?;
    deployed?.expect(0)?;
    let after = rehearsal.client()?.release().await?;
    if after == before {
        return wrong(format!("release {before} still answers"));
    }
    Ok(format!("{before} → {after}, {served}"))
}

async fn broken(rehearsal: &mut Rehearsal) -> Seen {
    let before = rehearsal.client()?.release().await?;
    rehearsal.write_inventory(&rehearsal.broken)?;
    let load = Load::start(rehearsal.client()?.clone(), &rehearsal.key);
    let deployed = rehearsal.ocrctl(&["deploy", "rehearsal", "--yes"]).await;
    let served = load.stop().await?;
    deployed?
        .expect(1)?
        .expect_said(&["the model is damaged", "before it was ready"])?;
    let after = rehearsal.client()?.release().await?;
    if after != before {
        return wrong(format!("release {after} answers, not {before}"));
    }
    rehearsal.write_inventory(&rehearsal.next)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!(
        "its last words were shown, {before} went on: {served}"
    ))
}

async fn rollback(rehearsal: &mut Rehearsal) -> Seen {
    let before = rehearsal.client()?.release().await?;
    let load = Load::start(rehearsal.client()?.clone(), &rehearsal.key);
    let rolled = rehearsal.ocrctl(&["rollback", "rehearsal", "--yes"]).await;
    let served = load.stop().await?;
    rolled?.expect(0)?;
    let after = rehearsal.client()?.release().await?;
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!("{before} → {after}, {served}"))
}

async fn password(rehearsal: &mut Rehearsal) -> Seen {
    let path = rehearsal.settings.state.join("wrong-password");
    std::fs::write(&path, "not the password").map_err(|source| ProofError::File {
        path: path.clone(),
        source,
    })?;
    // By tag, so that the registry must be asked.
    let image = rehearsal
        .first
        .split('@')
        .next()
        .unwrap_or_default()
        .to_owned()
        + ":1";
    rehearsal.write_inventory_with(&image, &path, SELF_SIGNED)?;
    let said = rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(1)?;
    said.expect_said(&["registry.password"])?;
    let _ = std::fs::remove_file(&path);
    rehearsal.write_inventory(&image)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    rehearsal.write_inventory(&rehearsal.first)?;
    Ok(
        "refused with the field to look at; the right one resolves the tag to the same digest"
            .to_owned(),
    )
}

async fn drift(rehearsal: &mut Rehearsal) -> Seen {
    let container = rehearsal.machines()?.containers.prod1.clone();
    let by_hand = "echo '# by hand' >> /etc/nginx/conf.d/ocr.conf; ufw allow 8080/tcp; \
                   chmod 777 /etc/ocr; systemctl disable docker";
    docker(&["exec", &container, "sh", "-c", by_hand]).await?;
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

async fn disk_full(rehearsal: &mut Rehearsal) -> Seen {
    let container = rehearsal.machines()?.containers.prod1.clone();
    let before = rehearsal.client()?.release().await?;
    rehearsal.write_inventory(&rehearsal.large)?;
    // Docker puts what it downloads there first.
    let fill = "mkdir -p /var/lib/docker/tmp && mount -t tmpfs -o size=1m full /var/lib/docker/tmp";
    docker(&["exec", &container, "sh", "-c", fill]).await?;
    let deployed = rehearsal.ocrctl(&["deploy", "rehearsal", "--yes"]).await;
    docker(&["exec", &container, "umount", "/var/lib/docker/tmp"]).await?;
    deployed?
        .expect(1)?
        .expect_said(&["no space left on device", "df -h", "was not touched"])?;
    let after = rehearsal.client()?.release().await?;
    if after != before {
        return wrong(format!("release {after} answers, not {before}"));
    }
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!("said so, and {before} went on"))
}

async fn bad_nginx(rehearsal: &mut Rehearsal) -> Seen {
    let container = rehearsal.machines()?.containers.prod1.clone();
    // Someone's own file is wrong, and ours has drifted, so that a deploy must reload.
    let by_hand = "echo 'nonsense here;' > /etc/nginx/conf.d/by-hand.conf; echo '#' >> /etc/nginx/conf.d/ocr.conf";
    docker(&["exec", &container, "sh", "-c", by_hand]).await?;
    let deployed = rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(1)?;
    deployed.expect_said(&["the old one is back", "nonsense"])?;
    let kept = docker(&[
        "exec",
        &container,
        "tail",
        "-n",
        "1",
        "/etc/nginx/conf.d/ocr.conf",
    ])
    .await?;
    if kept != "#" {
        return wrong("the configuration before is not back".to_owned());
    }
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    docker(&["exec", &container, "rm", "/etc/nginx/conf.d/by-hand.conf"]).await?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    Ok("`nginx -t` was quoted, the file before came back, requests were served".to_owned())
}

async fn own_certificate(rehearsal: &mut Rehearsal) -> Seen {
    let chain = rehearsal.settings.state.join("own-chain.pem");
    let key = rehearsal.settings.state.join("own-key.pem");
    let (authority, pem, signing_key) =
        issue().map_err(|error| ProofError::Wrong(error.to_string()))?;
    for (path, text) in [(&chain, &pem), (&key, &signing_key)] {
        std::fs::write(path, text).map_err(|source| ProofError::File {
            path: path.clone(),
            source,
        })?;
    }
    let tls = format!(
        "{{issuer: files, chain: {}, key: {{file: {}}}}}",
        chain.display(),
        key.display()
    );
    let password = rehearsal.machines()?.registry.password_file.clone();
    rehearsal.write_inventory_with(&rehearsal.first, &password, &tls)?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    let prod1 = &rehearsal.machines()?.prod1;
    let client = Client::new(&authority, prod1.http_port, prod1.https_port)?;
    client.ocr(&rehearsal.key, LETTER).await?;
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    for path in [chain, key] {
        let _ = std::fs::remove_file(path);
    }
    Ok("served and verified; then back to the environment's authority".to_owned())
}

/// An authority of the operator's, a chain from it, and the chain's key.
fn issue() -> Result<(String, String, String), rcgen::Error> {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new([NAME.to_owned()])?.signed_by(&key, &authority)?;
    Ok((
        authority.pem(),
        leaf.pem() + &authority.pem(),
        key.serialize_pem(),
    ))
}

async fn reboot(rehearsal: &mut Rehearsal) -> Seen {
    let containers = &rehearsal.machines()?.containers;
    let (prod1, infra) = (containers.prod1.clone(), containers.infra.clone());
    docker(&["stop", &infra]).await?;
    docker(&["restart", &prod1]).await?;
    let began = Instant::now();
    let client = rehearsal.client()?;
    let answer = loop {
        match client.ocr(&rehearsal.key, SCAN).await {
            Ok(answer) => break answer,
            Err(error) if began.elapsed() > Duration::from_secs(90) => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
        }
    };
    let took = began.elapsed();
    let seen = read(&answer, Method::Ocr);
    docker(&["start", &infra]).await?;
    // The registry must be there again for what comes after.
    Machines::up(&rehearsal.settings).await?;
    seen.map(|_| format!("the same page again {:.1} s after boot", took.as_secs_f64()))
}

async fn secrets(rehearsal: &mut Rehearsal) -> Seen {
    let machines = rehearsal.machines()?;
    let path = machines.registry.password_file.clone();
    let password =
        std::fs::read_to_string(&path).map_err(|source| ProofError::File { path, source })?;
    // By standard input: in its arguments the search would find itself.
    let search = "grep -rlsaF -f - /etc /var /opt /root /home /run /tmp /usr/local";
    let output = crate::command::Program::new("docker")
        .args(["exec", "-i", &machines.containers.prod1, "sh", "-c", search])
        .input(format!("{}\n{}\n", password.trim(), rehearsal.key))
        .timeout(Duration::from_secs(120))
        .output()
        .await?;
    // 1: nothing found; 2: some files, such as sockets, can't be read.
    if !matches!(output.status.code(), Some(0..=2)) {
        return wrong(format!("the search ended with {}", output.status));
    }
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    if found.trim().is_empty() {
        return Ok(
            "neither the registry's password nor the API key is in any file of the host".to_owned(),
        );
    }
    wrong(format!("a secret is in: {found}"))
}

/// Clients that send one page after another for as long as something else goes on.
struct Load {
    stopping: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<Result<(), String>>>,
}

impl Load {
    const CLIENTS: usize = 4;
    /// Whatever happens, it ends.
    const LIMIT: Duration = Duration::from_secs(180);

    fn start(client: Client, key: &str) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let served = Arc::new(AtomicU64::new(0));
        let clients = (0..Self::CLIENTS)
            .map(|_| {
                let (client, key) = (client.clone(), key.to_owned());
                let (stopping, served) = (stopping.clone(), served.clone());
                tokio::spawn(async move {
                    let began = Instant::now();
                    while !stopping.load(Ordering::Relaxed) && began.elapsed() < Self::LIMIT {
                        client
                            .ocr(&key, LETTER)
                            .await
                            .map_err(|error| error.to_string())?;
                        served.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        Self {
            stopping,
            served,
            clients,
        }
    }

    /// How many requests were served; one that failed fails the proof.
    async fn stop(self) -> Result<String, ProofError> {
        self.stopping.store(true, Ordering::Relaxed);
        for client in self.clients {
            match client.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return wrong(format!("a request failed under load: {error}")),
                Err(error) => return wrong(error.to_string()),
            }
        }
        Ok(format!(
            "{} requests, none failed",
            self.served.load(Ordering::Relaxed)
        ))
    }
}
