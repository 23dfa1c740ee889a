//! Images that a rehearsal needs besides the service's own: a next release and a broken one.

use super::{LIMIT, ProofError};
use ocrctl_command::Program;

/// The same service under another digest.
pub(super) async fn next(base: &str) -> Result<String, ProofError> {
    build(
        "next",
        &format!("FROM {base}\nLABEL org.ocrctl.rehearsal=next\n"),
    )
    .await
}

/// A release that ends before it is ready, with words on its standard error.
pub(super) async fn broken(base: &str) -> Result<String, ProofError> {
    let command = r#"["/bin/sh", "-c", "echo the model is damaged >&2; sleep 1; exit 3"]"#;
    build("broken", &format!("FROM {base}\nENTRYPOINT {command}\n")).await
}

/// A release whose layers need more room than the host is left with.
pub(super) async fn large(base: &str) -> Result<String, ProofError> {
    let command = "head -c 8000000 /dev/urandom > /tmp/large";
    build("large", &format!("FROM {base}\nRUN {command}\n")).await
}

/// A release in one layer more, which no registry has.
pub(super) async fn archived(base: &str) -> Result<String, ProofError> {
    let command = "head -c 3000000 /dev/urandom > /tmp/archived";
    build("archived", &format!("FROM {base}\nRUN {command}\n")).await
}

/// A release that says it is ready, and fails each request.
pub(super) async fn failing(base: &str) -> Result<String, ProofError> {
    let command = serde_json::json!(["perl", "-e", FAILING]);
    build("failing", &format!("FROM {base}\nENTRYPOINT {command}\n")).await
}

const FAILING: &str = r#"
use IO::Socket::UNIX;
my $path = "/run/ocr/ocr.sock";
my $server = IO::Socket::UNIX->new(Local => $path, Listen => 128) or die "$!";
chmod 0660, $path;
$SIG{TERM} = sub { exit 0 };
while (my $client = $server->accept) {
    my ($head, $length) = ("", 0);
    while (my $line = <$client>) {
        last if $line =~ /^\r?$/;
        $length = $1 if $line =~ /^content-length: (\d+)/i;
        $head .= $line;
    }
    read $client, my $body, $length if $length;
    my ($status, $answer) = (500, "{}");
    ($status, $answer) = (200, "{\"ready\":true}") if $head =~ m{^GET /readyz};
    ($status, $answer) = (200, "{\"status\":\"ok\",\"release\":\"$ENV{OCR_RELEASE}\"}") if $head =~ m{^GET /healthz};
    print $client "HTTP/1.1 $status X\r\nContent-Type: application/json\r\nContent-Length: ", length $answer,
        "\r\nConnection: close\r\n\r\n$answer";
    close $client;
}
"#;

async fn build(name: &str, dockerfile: &str) -> Result<String, ProofError> {
    let image = format!("ocrctl-rehearsal/{name}:latest");
    Program::new("docker")
        .args(["build", "--quiet", "--tag", &image, "-"])
        .env("DOCKER_BUILDKIT", "0")
        .input(dockerfile)
        .timeout(LIMIT)
        .run()
        .await?;
    Ok(image)
}
