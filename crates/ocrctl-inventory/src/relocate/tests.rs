//! Inventories as people write them, before and after.

use std::os::unix::fs::PermissionsExt;

use super::*;

const NEW: &str = "org.example:5001/acme/ocr-service:1.0.0";

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

fn password(username: &str, kind: &'static str, from: &str) -> Value {
    Value::Fields(vec![
        ("username", text(username)),
        ("password", Value::Fields(vec![(kind, text(from))])),
    ])
}

struct Written {
    dir: tempfile::TempDir,
}

impl Written {
    fn new(inventory: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("inventory.yaml"), inventory).unwrap();
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("inventory.yaml")
    }

    fn plan(&self, registry: Option<Option<Value>>) -> Result<Relocation, RelocationError> {
        let inventory = Inventory::load(&self.path())?;
        let image = ImageRef::parse(NEW).unwrap();
        Relocation::plan(&inventory, "prod", &NewPlace { image, registry })
    }
}

/// The inventory after the change; what the file says is checked by [`Relocation::plan`] itself.
fn changed(inventory: &str, registry: Option<Option<Value>>) -> String {
    let written = Written::new(inventory);
    let relocation = written.plan(registry).unwrap();
    relocation.write().unwrap();
    let text = std::fs::read_to_string(written.path()).unwrap();
    assert_eq!(text, relocation.new);
    text
}

/// Each line that is different, in order.
fn lines(from: &str, to: &str) -> Vec<String> {
    TextDiff::from_lines(from, to)
        .iter_all_changes()
        .filter(|change| change.tag() != similar::ChangeTag::Equal)
        .map(|change| format!("{}{}", change.tag(), change.value().trim_end_matches('\n')))
        .collect()
}

const BLOCK: &str = "# ours
environments:
  prod:
    names: [ocr.example.org]
    hosts:
      - address: ocr1.example.org   # rack 3
    image: r.example/o/ocr-service:1.0.0   # what is live
    # how it is pulled
    registry:
      username: ocr-pull   # Ann has the key
      # see the wiki
      password: {env: OLD_PASSWORD}   # in CI
      ca: old-ca.pem
    service:
      workers: 2

  staging:   # the other one
    names: [staging.example.org]
    hosts: [{address: 192.0.2.1}]
    image: r.example/o/ocr-service:1.0.0
";

#[test]
fn block_style_keeps_its_comments_and_its_order() {
    let new = changed(BLOCK, Some(Some(password("robot", "env", "NEW_PASSWORD"))));
    assert_eq!(
        lines(BLOCK, &new),
        [
            "-    image: r.example/o/ocr-service:1.0.0   # what is live",
            "+    image: org.example:5001/acme/ocr-service:1.0.0   # what is live",
            "-      username: ocr-pull   # Ann has the key",
            "+      username: robot   # Ann has the key",
            "-      password: {env: OLD_PASSWORD}   # in CI",
            "-      ca: old-ca.pem",
            "+      password: {env: NEW_PASSWORD}   # in CI",
        ]
    );
}

#[test]
fn a_reference_of_another_kind_takes_the_place_of_the_old_one() {
    for old in [
        "password: {env: OLD}",
        "password:\n        env: OLD",
        "password:\n        command:\n        - pass\n        - show",
        "password: {\n          env: OLD  # {not this}\n        }",
        "\"password\": {command: [\"a }\", 'it''s']}",
    ] {
        let inventory = BLOCK.replace("password: {env: OLD_PASSWORD}   # in CI", old);
        let new = changed(
            &inventory,
            Some(Some(password("ocr-pull", "file", "/run/pw"))),
        );
        assert!(new.contains("file: /run/pw"), "{new}");
        assert!(!new.contains("OLD") && !new.contains("pass\n"), "{new}");
    }
}

#[test]
fn other_fields_come_in_place_of_the_old_ones() {
    let config = Value::Fields(vec![
        ("docker_config", text("~/.docker/config.json")),
        ("ca", text("a b.pem")),
    ]);
    let new = changed(BLOCK, Some(Some(config)));
    let section = new.split("    registry:\n").nth(1).unwrap();
    assert!(
        section.starts_with(
            "      # see the wiki\n      ca: \"a b.pem\"\n      docker_config: ~/.docker/config.json\n    service:"
        ),
        "{section}"
    );
}

#[test]
fn a_section_is_added_behind_the_image_and_removed_whole() {
    let bare = BLOCK
        .split("    # how it is pulled")
        .next()
        .unwrap()
        .to_owned()
        + "    service:\n      workers: 2\n";
    let new = changed(&bare, Some(Some(password("robot", "env", "NEW"))));
    assert_eq!(
        lines(&bare, &new),
        [
            "-    image: r.example/o/ocr-service:1.0.0   # what is live",
            "+    image: org.example:5001/acme/ocr-service:1.0.0   # what is live",
            "+    registry:",
            "+      username: robot",
            "+      password: {env: NEW}",
        ]
    );
    let new = changed(BLOCK, Some(None));
    assert!(!new.contains("OLD_PASSWORD") && new.contains("    service:\n      workers: 2\n"));
    let unchanged = changed(BLOCK, None);
    assert!(unchanged.contains("OLD_PASSWORD"));
}

#[test]
fn flow_style_stays_flow_style() {
    let flow = "{environments: {prod: {names: [a.example], hosts: [{address: a.example}], image: 'r.example/o/n:1', \
                registry: {username: u, password: {env: OLD}, ca: x.pem}}, \
                other: {names: [b.example], hosts: [{address: b.example}], image: \"r.example/o/n:1\"}}}\n";
    let new = changed(flow, Some(Some(password("robot", "env", "NEW"))));
    assert_eq!(
        new,
        flow.replacen("'r.example/o/n:1'", NEW, 1).replace(
            "{username: u, password: {env: OLD}, ca: x.pem}",
            "{username: robot, password: {env: NEW}}"
        )
    );
    let new = changed(flow, Some(None));
    assert!(new.contains(&format!("image: {NEW}}}, other:")), "{new}");
    let added = changed(
        &new.replace(NEW, "r.example/o/n:1"),
        Some(Some(password("u", "env", "P"))),
    );
    assert!(
        added.contains(&format!(
            "image: {NEW}, registry: {{username: u, password: {{env: P}}}}}}"
        )),
        "{added}"
    );
}

#[test]
fn line_ends_of_windows_and_letters_of_any_kind_are_kept() {
    let inventory = BLOCK
        .replace("# ours", "# für uns 🔑")
        .split("    # how")
        .next()
        .unwrap()
        .replace('\n', "\r\n");
    let config = Value::Fields(vec![("docker_config", text("c.json"))]);
    let new = changed(&inventory, Some(Some(config)));
    assert!(
        new.contains("    registry:\r\n      docker_config: c.json\r\n"),
        "{new}"
    );
    assert_eq!(new.matches('\n').count(), new.matches("\r\n").count());
}

#[test]
fn replaces_an_alias_and_keeps_its_anchor() {
    // An alias is replaced by what it becomes here; the anchor stays.
    let alias = "environments:
  staging:
    names: [b.example]
    hosts: [{address: b.example}]
    image: &image r.example/o/n:1
  prod:
    names: [a.example]
    hosts: [{address: a.example}]
    image: *image
";
    let new = changed(alias, None);
    assert!(
        new.contains("&image r.example/o/n:1") && new.ends_with(&format!("image: {NEW}\n")),
        "{new}"
    );
    // Where prod has the anchor, staging would follow.
    let anchor = alias
        .replace("prod:", "x:")
        .replace("staging:", "prod:")
        .replace("x:", "staging:");
    let written = Written::new(&anchor);
    let error = written.plan(None).unwrap_err();
    assert!(matches!(error, RelocationError::Shape { .. }), "{error}");
    assert!(error.hint().unwrap().contains(&format!("image: {NEW}")));
    assert_eq!(std::fs::read_to_string(written.path()).unwrap(), anchor);
}

#[test]
fn rejects_nonsense_before_writing() {
    let written = Written::new(BLOCK);
    let error = written
        .plan(Some(Some(password("a:b", "env", "NEW"))))
        .unwrap_err();
    assert!(matches!(error, RelocationError::Inventory(_)), "{error}");
    assert_eq!(std::fs::read_to_string(written.path()).unwrap(), BLOCK);
}

#[test]
fn the_file_is_replaced_whole_with_its_mode_and_through_a_link() {
    let written = Written::new(BLOCK);
    std::fs::set_permissions(written.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = written.dir.path().join("link.yaml");
    std::os::unix::fs::symlink("inventory.yaml", &link).unwrap();
    let inventory = Inventory::load(&link).unwrap();
    let image = ImageRef::parse(NEW).unwrap();
    let place = NewPlace {
        image,
        registry: None,
    };
    Relocation::plan(&inventory, "prod", &place)
        .unwrap()
        .write()
        .unwrap();
    assert!(link.is_symlink());
    assert!(
        std::fs::read_to_string(written.path())
            .unwrap()
            .contains(NEW)
    );
    let mode = written.path().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(std::fs::read_dir(written.dir.path()).unwrap().count(), 2);
}

#[test]
fn a_change_of_someone_else_is_not_overwritten() {
    let written = Written::new(BLOCK);
    let relocation = written.plan(None).unwrap();
    let theirs = BLOCK.replace("workers: 2", "workers: 3");
    std::fs::write(written.path(), &theirs).unwrap();
    let error = relocation.write().unwrap_err();
    assert!(matches!(error, RelocationError::Changed { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(written.path()).unwrap(), theirs);
}
