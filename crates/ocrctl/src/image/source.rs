//! The state of the clone that an image is built from, as git reports it.

use std::path::{Path, PathBuf};

use ocrctl_command::{CommandError, Program};

/// All that the builder gets; of the other members of the workspace, what Cargo must know of them.
const PATHS: [&str; 4] = [
    "Cargo.toml",
    "Cargo.lock",
    ":(glob)crates/*/Cargo.toml",
    "service",
];

/// A commit, or what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub root: PathBuf,
    /// The commit's hash; with `-dirty` where files differ from it.
    pub revision: String,
    /// Such as `1.4.0`, or `1.4.0-3-g0a1b2c3` three commits later.
    pub version: String,
    /// Of the commit, in seconds since 1970: the time of everything that is built from it.
    pub time: u64,
    pub dirty: bool,
    /// Files that are sent to the builder, relative to the root, sorted.
    pub files: Vec<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{} is not a clone of ocrctl's repository", root.display())]
    NotAClone { root: PathBuf },
    #[error(transparent)]
    Git(#[from] CommandError),
}

impl Source {
    pub async fn read(root: &Path) -> Result<Self, SourceError> {
        if !root.join("service/Dockerfile").is_file() {
            let root = root.to_owned();
            return Err(SourceError::NotAClone { root });
        }
        let commit = git(root, &["rev-parse", "HEAD"]).await?;
        let time = git(root, &["log", "-1", "--format=%ct"]).await?;
        let version = git(
            root,
            &["describe", "--tags", "--always", "--match", "v[0-9]*"],
        )
        .await?;
        let mut status = vec!["status", "--porcelain", "--untracked-files=all", "--"];
        status.extend(PATHS);
        let dirty = !git(root, &status).await?.is_empty();
        // Uncommitted files are built too; the revision shows it.
        let mut list = vec![
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
        ];
        list.extend(PATHS);
        let files = git(root, &list).await?;
        let mut files: Vec<PathBuf> = files
            .split('\0')
            .filter(|name| !name.is_empty() && belongs(name))
            .map(PathBuf::from)
            // Deleted, and not committed.
            .filter(|name| root.join(name).is_file())
            .collect();
        files.sort();
        files.dedup();
        let mark = if dirty { "-dirty" } else { "" };
        Ok(Self {
            root: root.to_owned(),
            revision: format!("{commit}{mark}"),
            version: format!("{}{mark}", version.trim_start_matches('v')),
            time: time.parse().unwrap_or(0),
            dirty,
            files,
        })
    }
}

/// A change of a test or of a text is not one of the image.
fn belongs(name: &str) -> bool {
    !name.starts_with("service/tests/") && !name.ends_with(".md")
}

async fn git(root: &Path, arguments: &[&str]) -> Result<String, CommandError> {
    let output = Program::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .run()
        .await?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn write_and_commit(root: &Path, name: &str) {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, name).unwrap();
        git(root, &["add", name]).await.unwrap();
        let commit = [
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "commit",
            "--quiet",
            "--message",
            name,
        ];
        git(root, &commit).await.unwrap();
    }

    #[tokio::test]
    async fn separates_a_commit_from_later_changes() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let error = Source::read(root).await.unwrap_err();
        assert!(matches!(error, SourceError::NotAClone { .. }), "{error}");
        git(root, &["init", "--quiet"]).await.unwrap();
        for name in [
            "Cargo.toml",
            "service/Dockerfile",
            "service/README.md",
            "service/tests/a.rs",
            "docs/x.md",
        ] {
            write_and_commit(root, name).await;
        }
        git(root, &["tag", "v1.2.3"]).await.unwrap();
        let clean = Source::read(root).await.unwrap();
        assert_eq!((clean.version.as_str(), clean.dirty), ("1.2.3", false));
        assert_eq!(clean.revision.len(), 40);
        let files = ["Cargo.toml", "service/Dockerfile"].map(PathBuf::from);
        assert_eq!(clean.files, files);
        // Files that are not sent to the builder change nothing.
        std::fs::write(root.join("docs/x.md"), "y").unwrap();
        assert_eq!(Source::read(root).await.unwrap(), clean);
        std::fs::write(root.join("service/new.rs"), "new").unwrap();
        let dirty = Source::read(root).await.unwrap();
        assert_eq!(dirty.revision, format!("{}-dirty", clean.revision));
        assert_eq!(dirty.version, "1.2.3-dirty");
        assert_eq!(dirty.files.len(), 3);
    }
}
