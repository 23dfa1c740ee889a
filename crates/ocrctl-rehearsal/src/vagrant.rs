//! `vagrant/machines.sh` and `docker`, on the machine that the rehearsal runs on.

use super::{LIMIT, ProofError, Settings, wrong};
use ocrctl_command::Program;

pub(super) async fn script(settings: &Settings, arguments: &[&str]) -> Result<String, ProofError> {
    let path = settings.scripts.join("machines.sh");
    if !path.is_file() {
        return wrong(format!(
            "there is no {}: run `ocrctl rehearse` in a clone of the repository",
            path.display()
        ));
    }
    let output = Program::new("bash")
        .arg(&path)
        .args(arguments)
        .env("OCRCTL_REHEARSAL_DIR", &settings.state)
        .env("RELEASE", &settings.release)
        .env("VAGRANT_DEFAULT_PROVIDER", settings.provider.name())
        .env("OCRCTL_REHEARSAL_HOSTS", "2")
        .timeout(LIMIT)
        .run()
        .await?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs `docker` on the machine that the rehearsal runs on.
pub(super) async fn docker(arguments: &[&str]) -> Result<String, ProofError> {
    let output = Program::new("docker")
        .args(arguments)
        .timeout(LIMIT)
        .run()
        .await?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
