//! Which files the distribution's packages own, from dpkg's lists.

use std::collections::HashSet;

use crate::host::Host;
use ocrctl_protocol::{Context, Result};

const LISTS: &str = "/var/lib/dpkg/info";

/// Those of `paths` that no package owns.
pub(super) fn unowned(host: &Host, paths: Vec<String>) -> Result<Vec<String>> {
    if paths.is_empty() {
        return Ok(paths);
    }
    let mut unowned: HashSet<&str> = paths.iter().map(String::as_str).collect();
    for path in files(host, LISTS)? {
        if path.ends_with(".list") {
            for line in host.read_text(&path)?.unwrap_or_default().lines() {
                unowned.remove(line);
            }
        }
    }
    let unowned: HashSet<String> = unowned.into_iter().map(str::to_owned).collect();
    Ok(paths
        .into_iter()
        .filter(|path| unowned.contains(path))
        .collect())
}

/// Paths of what is in a directory, sorted. One that is not there is empty.
pub(super) fn files(host: &Host, directory: &str) -> Result<Vec<String>> {
    let reading = format!("reading {directory}");
    let entries = match std::fs::read_dir(host.path(directory)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        other => other.context(&reading)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let name = entry.context(&reading)?.file_name();
        paths.push(format!("{directory}/{}", name.to_string_lossy()));
    }
    paths.sort();
    Ok(paths)
}
