//! How to use the host of a rehearsal that stays: its address, a key, and commands to copy.

use std::path::Path;

use super::proofs::certificates::root;
use super::{ProofError, Rehearsal, client, files};

impl Rehearsal {
    /// Lines for the terminal. The key is printed as `ocrctl keys add` prints it.
    pub async fn access(&self) -> Result<String, ProofError> {
        let path = self.settings.state.join(files::ROOT);
        let root = root(self).await?;
        std::fs::write(&path, root).map_err(|source| ProofError::File {
            path: path.clone(),
            source,
        })?;
        let here = std::env::current_dir().unwrap_or_default();
        let short = |path: &Path| {
            let path = path.strip_prefix(&here).unwrap_or(path);
            path.display().to_string()
        };
        let (key, root) = (&self.key, short(&path));
        let port = self.machines()?.prod1.https_port;
        let url = format!("https://{}:{port}", client::LOCAL_NAME);
        let scan = short(&self.settings.scripts.join("documents/scan.jpg"));
        let ocrctl = short(&self.settings.ocrctl);
        let inventory = short(&self.inventory());
        Ok(format!(
            "\nThe host serves.\n\n\
             \x20   URL    {url}\n\
             \x20   key    {key}\n\
             \x20   curl   curl --cacert {root} -H 'Authorization: Bearer {key}' -F file=@{scan} {url}/v1/ocr\n\
             \x20   page   {url}/   (the browser does not know the authority, {root})\n\
             \x20   next   {ocrctl} --inventory {inventory} status rehearsal\n\n\
             `make rehearse-down` removes it.\n"
        ))
    }
}
