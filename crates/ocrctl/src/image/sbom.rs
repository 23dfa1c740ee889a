//! The crates that an executable is made of, as CycloneDX: what a scanner can't see in it.
//! Debian's packages it finds in an image's own /var/lib/dpkg.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

/// A package of Cargo.lock.
#[derive(Debug, Default)]
struct Package {
    name: String,
    version: String,
    checksum: Option<String>,
    /// `name`, or `name version` where there are several.
    dependencies: Vec<String>,
}

/// The list for `root`, of the lock file's text; crates that only its tests need are among them. An error is in words.
pub fn cyclonedx(lock: &str, root: &str, version: &str) -> Result<String, String> {
    let packages = parse(lock);
    let name = root;
    let root = packages.iter().find(|package| package.name == name);
    let root = root.ok_or_else(|| format!("it has no {name}"))?;
    let mut by_name: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in &packages {
        by_name.entry(&package.name).or_default().push(package);
    }
    let mut found: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut components = BTreeMap::new();
    let mut next = vec![root];
    while let Some(package) = next.pop() {
        if !found.insert((&package.name, &package.version)) {
            continue;
        }
        for dependency in &package.dependencies {
            let (name, wanted) = match dependency.split_once(' ') {
                Some((name, version)) => (name, Some(version)),
                None => (dependency.as_str(), None),
            };
            let candidates = by_name.get(name).map_or(&[][..], Vec::as_slice);
            next.extend(
                candidates
                    .iter()
                    .filter(|it| wanted.is_none_or(|version| it.version == version)),
            );
        }
        if package.name != name {
            let mut component = json!({
                "type": "library",
                "name": package.name,
                "version": package.version,
                "purl": format!("pkg:cargo/{}@{}", package.name, package.version),
            });
            if let Some(checksum) = &package.checksum {
                component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
            }
            components.insert((&package.name, &package.version), component);
        }
    }
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": { "type": "application", "name": name, "version": version } },
        "components": components.into_values().collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&document)
        .map(|text| text + "\n")
        .map_err(|error| error.to_string())
}

/// Cargo writes this file, always in one form: a key a line, and a dependency a line.
fn parse(lock: &str) -> Vec<Package> {
    let mut packages = Vec::new();
    for block in lock.split("[[package]]").skip(1) {
        let mut package = Package::default();
        for line in block.lines() {
            let quoted = |text: &str| text.trim().trim_matches(['"', ',']).to_owned();
            match line.split_once(" = ") {
                Some(("name", value)) => package.name = quoted(value),
                Some(("version", value)) => package.version = quoted(value),
                Some(("checksum", value)) => package.checksum = Some(quoted(value)),
                _ if line.starts_with(" \"") => package.dependencies.push(quoted(line)),
                _ => {}
            }
        }
        packages.push(package);
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_only_packages_that_the_service_needs() {
        let lock = r#"
[[package]]
name = "a"
version = "1.0.0"
checksum = "aa"
dependencies = [
 "b 2.0.0",
]

[[package]]
name = "b"
version = "1.0.0"

[[package]]
name = "b"
version = "2.0.0"

[[package]]
name = "ocr-service"
version = "0.1.0"
dependencies = [
 "a",
]

[[package]]
name = "ocrctl"
version = "0.1.0"
"#;
        let sbom: serde_json::Value =
            serde_json::from_str(&cyclonedx(lock, "ocr-service", "1").unwrap()).unwrap();
        let components = sbom["components"].as_array().unwrap();
        let urls: Vec<_> = components
            .iter()
            .map(|it| it["purl"].as_str().unwrap())
            .collect();
        assert_eq!(urls, ["pkg:cargo/a@1.0.0", "pkg:cargo/b@2.0.0"]);
        assert_eq!(components[0]["hashes"][0]["content"], "aa");
    }

    #[test]
    fn the_real_lock_file_is_read() {
        let lock = include_str!("../../../../Cargo.lock");
        let sbom = cyclonedx(lock, "ocr-service", "1").unwrap();
        assert!(sbom.contains("pkg:cargo/leptess@") && sbom.contains("pkg:cargo/tiff@"));
        assert!(!sbom.contains("pkg:cargo/bollard@"));
    }
}
