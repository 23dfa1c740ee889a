//! The cage that a release runs in, as Docker's request and as fields that can be compared with what
//! Docker says of a container.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, HostConfig, HostConfigLogConfig,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};

/// Name → value of everything about a container that the inventory or the design decides.
pub type Fields = BTreeMap<String, String>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSpec {
    /// `registry/organization/name@sha256:…`.
    pub image: String,
    pub arguments: Vec<String>,
    pub environment: Vec<String>,
    /// `host:container[:ro]`.
    pub binds: Vec<String>,
    /// `uid:gid`.
    pub user: String,
    /// Bytes.
    pub memory: u64,
    /// Thousandths of a core; `None` stands for all cores.
    pub millicpus: Option<u64>,
    pub pids: u32,
    /// The OCI runtime; `None` stands for Docker's default.
    pub runtime: Option<String>,
}

const OPEN_FILES: i64 = 4096;
const TMPFS: &str = "rw,noexec,nosuid,nodev,size=64m";
/// The seconds that Docker waits between SIGTERM and SIGKILL at a shutdown of the host.
const LOG_OPTIONS: [(&str, &str); 2] = [("max-file", "5"), ("max-size", "10m")];

impl ContainerSpec {
    pub(super) fn body(&self) -> ContainerCreateBody {
        let signed = |number: u64| Some(i64::try_from(number).unwrap_or(i64::MAX));
        ContainerCreateBody {
            image: Some(self.image.clone()),
            cmd: Some(self.arguments.clone()),
            env: Some(self.environment.clone()),
            user: Some(self.user.clone()),
            host_config: Some(HostConfig {
                network_mode: Some("none".into()),
                readonly_rootfs: Some(true),
                cap_drop: Some(vec!["ALL".into()]),
                security_opt: Some(vec!["no-new-privileges".into()]),
                memory: signed(self.memory),
                // The same: no swap on top.
                memory_swap: signed(self.memory),
                nano_cpus: self.millicpus.and_then(|cpus| signed(cpus * 1_000_000)),
                pids_limit: Some(i64::from(self.pids)),
                runtime: self.runtime.clone(),
                ulimits: Some(vec![ResourcesUlimits {
                    name: Some("nofile".into()),
                    soft: Some(OPEN_FILES),
                    hard: Some(OPEN_FILES),
                }]),
                tmpfs: Some(HashMap::from([("/tmp".into(), TMPFS.into())])),
                binds: Some(self.binds.clone()),
                log_config: Some(HostConfigLogConfig {
                    typ: Some("local".into()),
                    config: Some(LOG_OPTIONS.map(|(k, v)| (k.into(), v.into())).into()),
                }),
                restart_policy: Some(RestartPolicy {
                    name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                    maximum_retry_count: None,
                }),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

    /// The fields that Docker will report of a container made by this.
    pub fn fields(&self) -> Fields {
        let fields = [
            ("image", self.image.clone()),
            ("arguments", self.arguments.join(" ")),
            ("environment", sorted(self.environment.clone())),
            ("user", self.user.clone()),
            ("binds", sorted(self.binds.clone())),
            ("memory", self.memory.to_string()),
            ("memory and swap", self.memory.to_string()),
            ("cpus", cpus(self.millicpus.unwrap_or(0) * 1_000_000)),
            ("pids", self.pids.to_string()),
            ("network", "none".into()),
            ("published ports", String::new()),
            ("read-only root", "true".into()),
            ("privileged", "false".into()),
            ("capabilities added", String::new()),
            ("capabilities dropped", "ALL".into()),
            ("security options", "no-new-privileges".into()),
            ("open files", OPEN_FILES.to_string()),
            ("tmpfs", format!("/tmp:{TMPFS}")),
            (
                "log",
                format!(
                    "local {}",
                    LOG_OPTIONS.map(|(k, v)| format!("{k}={v}")).join(" ")
                ),
            ),
            ("restart", "unless-stopped".into()),
        ];
        let mut fields = Fields::from(fields.map(|(name, value)| (name.to_owned(), value)));
        // Docker's own choice is its own: it is not compared.
        fields.extend(self.runtime.clone().map(|it| ("runtime".to_owned(), it)));
        fields
    }
}

/// Reads a container's fields from Docker's answer, in the names of [`Fields`].
pub(super) fn fields(found: &ContainerInspectResponse) -> Fields {
    let config = found.config.clone().unwrap_or_default();
    let host = found.host_config.clone().unwrap_or_default();
    let number = |value: Option<i64>| value.unwrap_or(0).to_string();
    let flag = |value: Option<bool>| value.unwrap_or(false).to_string();
    let log = host.log_config.unwrap_or_default();
    let restart = host.restart_policy.and_then(|policy| policy.name);
    let ports = host.port_bindings.unwrap_or_default();
    let fields = [
        ("image", config.image.unwrap_or_default()),
        ("arguments", config.cmd.unwrap_or_default().join(" ")),
        // The image brings PATH and its own defaults; OCR_RELEASE is what we give.
        (
            "environment",
            sorted(own_environment(config.env.unwrap_or_default())),
        ),
        ("user", config.user.unwrap_or_default()),
        ("binds", sorted(host.binds.unwrap_or_default())),
        ("memory", number(host.memory)),
        ("memory and swap", number(host.memory_swap)),
        (
            "cpus",
            cpus(u64::try_from(host.nano_cpus.unwrap_or(0)).unwrap_or(0)),
        ),
        ("pids", number(host.pids_limit)),
        ("runtime", host.runtime.unwrap_or_default()),
        ("network", host.network_mode.unwrap_or_default()),
        ("published ports", sorted(ports.into_keys().collect())),
        ("read-only root", flag(host.readonly_rootfs)),
        ("privileged", flag(host.privileged)),
        (
            "capabilities added",
            sorted(host.cap_add.unwrap_or_default()),
        ),
        (
            "capabilities dropped",
            sorted(host.cap_drop.unwrap_or_default()),
        ),
        (
            "security options",
            sorted(host.security_opt.unwrap_or_default()),
        ),
        (
            "open files",
            number(
                host.ulimits
                    .unwrap_or_default()
                    .into_iter()
                    .find(|limit| limit.name.as_deref() == Some("nofile"))
                    .and_then(|limit| limit.hard),
            ),
        ),
        (
            "tmpfs",
            sorted(
                host.tmpfs
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(path, options)| format!("{path}:{options}"))
                    .collect(),
            ),
        ),
        (
            "log",
            format!(
                "{} {}",
                log.typ.unwrap_or_default(),
                sorted(
                    log.config
                        .unwrap_or_default()
                        .into_iter()
                        .map(|(k, v)| format!("{k}={v}"))
                        .collect(),
                )
            ),
        ),
        (
            "restart",
            restart.map(|name| name.to_string()).unwrap_or_default(),
        ),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The variables that a release is given; the others come from the image.
pub const OWN_VARIABLE: &str = "OCR_RELEASE=";

fn own_environment(all: Vec<String>) -> Vec<String> {
    all.into_iter()
        .filter(|variable| variable.starts_with(OWN_VARIABLE))
        .collect()
}

fn cpus(nanos: u64) -> String {
    match nanos {
        0 => "all".into(),
        nanos => format!("{}", nanos as f64 / 1e9),
    }
}

fn sorted(mut list: Vec<String>) -> String {
    list.sort();
    list.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::{ContainerConfig, PortBinding};

    fn spec() -> ContainerSpec {
        ContainerSpec {
            image: "r.example/o/n@sha256:0".into(),
            arguments: vec!["serve".into(), "--workers".into(), "2".into()],
            environment: vec!["OCR_RELEASE=1".into()],
            binds: vec![
                "/var/lib/ocr/a:/run/ocr".into(),
                "/etc/ocr:/etc/ocr:ro".into(),
            ],
            user: "10001:10001".into(),
            memory: 2 << 30,
            millicpus: Some(1500),
            pids: 256,
            runtime: Some("runsc".into()),
        }
    }

    /// Builds the inspection that Docker would return for a request.
    fn echoed(body: ContainerCreateBody) -> ContainerInspectResponse {
        let mut env = body.env.unwrap_or_default();
        env.push("PATH=/usr/bin".into());
        ContainerInspectResponse {
            config: Some(ContainerConfig {
                image: body.image,
                cmd: body.cmd,
                env: Some(env),
                user: body.user,
                ..ContainerConfig::default()
            }),
            host_config: body.host_config,
            ..ContainerInspectResponse::default()
        }
    }

    #[test]
    fn a_container_made_from_a_spec_has_its_fields() {
        assert_eq!(fields(&echoed(spec().body())), spec().fields());
    }

    #[test]
    fn a_container_made_by_hand_with_a_published_port_differs() {
        let mut found = echoed(spec().body());
        let host = found.host_config.as_mut().unwrap();
        host.port_bindings = Some(HashMap::from([(
            "3000/tcp".to_owned(),
            Some(vec![PortBinding {
                host_ip: None,
                host_port: Some("3000".into()),
            }]),
        )]));
        assert_eq!(fields(&found)["published ports"], "3000/tcp");
        assert_ne!(fields(&found), spec().fields());
    }

    #[test]
    fn the_runtime_is_compared_where_one_is_wanted() {
        let mut found = echoed(spec().body());
        let container = |found: &ContainerInspectResponse| crate::docker::Container {
            running: true,
            image: String::new(),
            image_id: String::new(),
            fields: fields(found),
            exit_code: None,
            started: None,
            restarts: 0,
        };
        assert!(container(&found).is_of(&spec().fields()));
        found.host_config.as_mut().unwrap().runtime = Some("runc".into());
        assert!(!container(&found).is_of(&spec().fields()));
        let open = ContainerSpec {
            runtime: None,
            ..spec()
        };
        assert!(container(&found).is_of(&open.fields()));
    }
}
