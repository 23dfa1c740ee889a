//! Every field of the inventory in words: what editors complete and check by (`ocrctl schema`), and what
//! docs/reference/inventory.md is made of. `schema.rs` has the same fields for the parser; a test compares the two.

mod json_schema;
#[cfg(test)]
mod tests;

pub use json_schema::json_schema;
#[cfg(test)]
pub(crate) use tests::assert_taken;

/// A mapping of the inventory, under the name of its type in `schema.rs`.
#[derive(Debug)]
pub struct Section {
    pub name: &'static str,
    pub about: &'static str,
    pub fields: &'static [Field],
    /// Fields without which it is refused.
    pub required: &'static [&'static str],
    /// Fields that make sense together alone.
    pub together: &'static [[&'static str; 2]],
}

#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// The value that inventory.example.yaml has in `prod`, or words in parentheses.
    pub default: Option<&'static str>,
    pub about: &'static str,
}

/// The form of a value. The parser alone knows what else it refuses.
#[derive(Debug)]
pub enum Kind {
    Text,
    /// One of these.
    Word(&'static [&'static str]),
    /// A whole number, or this word.
    Whole(u32, u32, Option<&'static str>),
    /// A number, or this word.
    Number(&'static str),
    /// `30s`, `2m`, `1h`.
    Duration,
    /// `50MB`, `2GiB`.
    Size,
    YesOrNo,
    Path,
    /// Where a secret is.
    Secret,
    List(&'static Kind),
    /// A list that is not empty.
    Some(&'static Kind),
    Section(&'static Section),
    /// Sections by names of the operator's choice.
    Named(&'static Section),
}

const fn field(
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    about: &'static str,
) -> Field {
    Field {
        name,
        kind,
        default,
        about,
    }
}

const fn section(name: &'static str, about: &'static str, fields: &'static [Field]) -> Section {
    Section {
        name,
        about,
        fields,
        required: &[],
        together: &[],
    }
}

pub const INVENTORY: Section = Section {
    required: &["environments"],
    ..section(
        "Inventory",
        "Environments, their hosts, and what these shall be.",
        &[field(
            "environments",
            Kind::Named(&ENVIRONMENT),
            None,
            "Each environment by its name: up to 40 lower-case letters, digits and inner hyphens.",
        )],
    )
};

const ENVIRONMENT: Section = Section {
    required: &["names", "hosts", "image"],
    ..section(
        "Environment",
        "Hosts that serve the same names in the same way.",
        &[
            field(
                "names",
                Kind::Some(&Kind::Text),
                None,
                "DNS names that clients use; the first is the certificate's common name.",
            ),
            field(
                "hosts",
                Kind::Some(&Kind::Section(&HOST)),
                None,
                "The servers.",
            ),
            field(
                "image",
                Kind::Text,
                None,
                "The release: an image reference that names its registry and a tag or a digest, such as `registry.example.org/example-org/ocr-service:1.0.0`.",
            ),
            field(
                "tls",
                Kind::Section(&TLS),
                None,
                "Source of the certificate.",
            ),
            field(
                "registry",
                Kind::Section(&REGISTRY),
                None,
                "Access to the image's registry; without it, no password is used.",
            ),
            field(
                "service",
                Kind::Section(&SERVICE),
                None,
                "Settings of the release; a change of any is a switch to a new container.",
            ),
            field(
                "firewall",
                Kind::Section(&FIREWALL),
                None,
                "Ports beside SSH, 80 and 443, which are always open.",
            ),
            field(
                "packages",
                Kind::Section(&PACKAGES),
                None,
                "Permitted changes to packages that the hosts have.",
            ),
            field(
                "hygiene",
                Kind::Section(&HYGIENE),
                None,
                "Settings kept in order beside the service.",
            ),
            field(
                "ownership",
                Kind::Section(&OWNERSHIP),
                None,
                "The organization's property, with which `ocrctl audit` compares the hosts.",
            ),
            field(
                "backup",
                Kind::Section(&BACKUP),
                None,
                "Recipients of the files that `ocrctl backup` writes.",
            ),
            field(
                "hooks",
                Kind::Section(&HOOKS),
                None,
                "Commands of yours around a change, run where ocrctl runs, with the event as JSON on standard input.",
            ),
            field(
                "alerts",
                Kind::Section(&ALERTS),
                None,
                "Alerts that the hosts send themselves. Their secrets stay on them, readable by root alone.",
            ),
            field(
                "watcher",
                Kind::Section(&WATCHER),
                None,
                "Repairs that each host makes by itself, every 30 s.",
            ),
        ],
    )
};

const HOST: Section = section(
    "Host",
    "A server, and how it is reached.",
    &[
        field(
            "address",
            Kind::Text,
            None,
            "DNS name, IP address, or an alias of ~/.ssh/config; may be left out with `connection: local` alone.",
        ),
        field(
            "name",
            Kind::Text,
            Some("(the address)"),
            "Name in reports.",
        ),
        field(
            "connection",
            Kind::Word(&["openssh", "russh", "local"]),
            Some("openssh"),
            "`openssh`: by your own ssh and its configuration; `russh`: no ssh program is needed; `local`: this machine.",
        ),
        field(
            "port",
            Kind::Whole(1, 65535, None),
            Some("(as ssh says)"),
            "Port of sshd.",
        ),
        field(
            "user",
            Kind::Text,
            Some("(as ssh says)"),
            "Login name: root, or a user who may use sudo.",
        ),
        field(
            "host_keys",
            Kind::List(&Kind::Text),
            Some("(known_hosts decides)"),
            "The only host keys accepted: the first two words of a `ssh_host_*_key.pub`.",
        ),
        field(
            "identity_file",
            Kind::Path,
            Some("(as ssh chooses)"),
            "The only key offered.",
        ),
        field(
            "jump",
            Kind::List(&Kind::Text),
            Some("(as ~/.ssh/config says)"),
            "Hosts to go through, the nearest first: `user@host:port`.",
        ),
        field(
            "sudo_password",
            Kind::Secret,
            Some("(it asks for none, or --ask-sudo-password)"),
            "The password that sudo asks `user` for.",
        ),
    ],
);

const TLS: Section = section(
    "Tls",
    "Source of the certificate.",
    &[
        field(
            "issuer",
            Kind::Word(&["self_signed", "acme", "certbot", "files"]),
            Some("self_signed"),
            "`self_signed`: an authority of this environment; `acme`: Let's Encrypt or another, renewed by the host itself; `certbot`: the same by the distribution's certbot; `files`: your own.",
        ),
        field(
            "chain",
            Kind::Path,
            None,
            "With `files`: PEM of the certificate, then its intermediates.",
        ),
        field("key", Kind::Secret, None, "With `files`: PEM of its key."),
        field(
            "directory",
            Kind::Text,
            Some("(letsencrypt)"),
            "With `acme` and `certbot`: `letsencrypt`, `letsencrypt-staging`, or the URL of an ACME directory.",
        ),
        field(
            "directory_ca",
            Kind::Path,
            Some("(a public authority)"),
            "PEM of a private authority behind that URL.",
        ),
        field(
            "contact",
            Kind::Text,
            Some("(none)"),
            "An e-mail address of the organization, which the authority may write to.",
        ),
        field(
            "key_type",
            Kind::Word(&["ecdsa-p256", "rsa-2048"]),
            Some("(ecdsa-p256)"),
            "The certificate's key.",
        ),
        field(
            "profile",
            Kind::Text,
            Some("(the authority's choice)"),
            "Needed if the authority offers several. Not with `certbot`.",
        ),
        field(
            "external_account",
            Kind::Section(&EXTERNAL_ACCOUNT),
            Some("(none)"),
            "Needed if the authority accepts only accounts that it knows already.",
        ),
    ],
);

const EXTERNAL_ACCOUNT: Section = Section {
    required: &["key_id", "hmac_key"],
    ..section(
        "ExternalAccount",
        "An account at the authority that is there already (RFC 8555, 7.3.4).",
        &[
            field("key_id", Kind::Text, None, "Its id."),
            field("hmac_key", Kind::Secret, None, "Its key, in Base64url."),
        ],
    )
};

const REGISTRY: Section = Section {
    together: &[["username", "password"]],
    ..section(
        "Registry",
        "Access to the image's registry. The host stores none of it.",
        &[
            field("username", Kind::Text, None, "User who may pull."),
            field("password", Kind::Secret, None, "That user's password."),
            field(
                "docker_config",
                Kind::Path,
                None,
                "Instead of both: Docker's config.json, as `docker login` or its credential helper has them.",
            ),
            field(
                "ca",
                Kind::Path,
                Some("(an authority that the host trusts)"),
                "PEM of a private authority.",
            ),
        ],
    )
};

const SERVICE: Section = section(
    "Service",
    "Settings of the release.",
    &[
        field(
            "workers",
            Kind::Whole(1, 256, Some("auto")),
            Some("auto"),
            "Processes that read pages; `auto`: as many as the host has cores.",
        ),
        field(
            "languages",
            Kind::Some(&Kind::Text),
            Some("[eng]"),
            "Tesseract's names of languages; the image must hold them.",
        ),
        field("max_upload", Kind::Size, Some("50MB"), "Largest document."),
        field(
            "max_pages",
            Kind::Whole(1, 100_000, None),
            Some("2000"),
            "Most pages that a request may ask for; of a longer document, clients ask for parts.",
        ),
        field(
            "page_timeout",
            Kind::Duration,
            Some("30s"),
            "Longest that one page may take.",
        ),
        field(
            "deadline",
            Kind::Duration,
            Some("2m"),
            "Longest that one document may take.",
        ),
        field(
            "drain",
            Kind::Duration,
            Some("2m"),
            "Time for an old release to finish its requests; the deadline if it is not given.",
        ),
        field(
            "ready_timeout",
            Kind::Duration,
            Some("60s"),
            "Time for a new release to become ready.",
        ),
        field(
            "watch",
            Kind::Duration,
            Some("10s"),
            "Time for which a new release's first requests are watched; after too many failures, the old one is restored.",
        ),
        field(
            "memory",
            Kind::Size,
            Some("2GiB"),
            "Limit of the container.",
        ),
        field(
            "cpus",
            Kind::Number("all"),
            Some("all"),
            "Limit of the container in cores: `all`, or a number such as 1.5.",
        ),
        field(
            "pids",
            Kind::Whole(32, 65536, None),
            Some("256"),
            "Limit of processes and threads in the container.",
        ),
        field(
            "require_sandbox",
            Kind::YesOrNo,
            Some("true"),
            "Not ready where the kernel lacks a part of the workers' sandbox; `false`: /readyz says what is missing.",
        ),
        field(
            "runtime",
            Kind::Text,
            Some("(Docker's own choice)"),
            "The OCI runtime of the container, as the hosts' Docker knows it: `runsc` where gVisor is installed.",
        ),
        field(
            "rules",
            Kind::Path,
            Some("(what the host has)"),
            "Rules for codes of your own (docs/api.md), in force without a restart.",
        ),
    ],
);

const FIREWALL: Section = section(
    "Firewall",
    "Ports that the host opens.",
    &[
        field(
            "allow",
            Kind::List(&Kind::Section(&ALLOW_RULE)),
            Some("[]"),
            "Ports beside SSH, 80 and 443.",
        ),
        field(
            "published",
            Kind::Word(&["report", "close"]),
            Some("report"),
            "Ports that other containers publish, which Docker leads past the firewall: reported with each plan, or closed unless `allow` names them.",
        ),
        field(
            "ssh",
            Kind::Word(&["allow", "limit"]),
            Some("allow"),
            "`limit`: an address that opens 6 connections in 30 s is kept out for a while.",
        ),
    ],
);

const PACKAGES: Section = section(
    "Packages",
    "Permitted changes to packages that the hosts have.",
    &[field(
        "may_remove",
        Kind::List(&Kind::Text),
        Some("[]"),
        "Packages that may go where apt can't install what the service needs beside them. A deploy that would remove another is refused.",
    )],
);

const HYGIENE: Section = section(
    "Hygiene",
    "Settings kept in order beside the service.",
    &[
        field(
            "security_upgrades",
            Kind::YesOrNo,
            Some("true"),
            "unattended-upgrades installs the distribution's security fixes. `false`: `ocrctl` takes its own setting away; what the distribution has set stays.",
        ),
        field(
            "sshd",
            Kind::YesOrNo,
            Some("true"),
            "Logins by key only; the host reverts the change unless a new connection succeeds.",
        ),
    ],
);

const ALLOW_RULE: Section = Section {
    required: &["port"],
    ..section(
        "AllowRule",
        "A port that is open.",
        &[
            field("port", Kind::Whole(1, 65535, None), None, "Its number."),
            field(
                "protocol",
                Kind::Word(&["tcp", "udp"]),
                Some("(tcp)"),
                "`tcp` or `udp`.",
            ),
            field(
                "from",
                Kind::Text,
                Some("(any)"),
                "Permitted source: a network such as `10.0.0.0/8`, or `any`.",
            ),
        ],
    )
};

const OWNERSHIP: Section = section(
    "Ownership",
    "The organization's property, and the accounts that may act on its hosts.",
    &[
        field(
            "organization",
            Kind::Text,
            Some("(any)"),
            "Owner of the image in its registry: the first part of its repository.",
        ),
        field(
            "domains",
            Kind::List(&Kind::Text),
            Some("[]"),
            "DNS domains of the organization beside those of `names`.",
        ),
        field(
            "ssh_keys",
            Kind::List(&Kind::Text),
            Some("[]"),
            "Keys that may log in to any account: a line of a .pub file, or its fingerprint.",
        ),
        field(
            "sudoers",
            Kind::List(&Kind::Text),
            Some("[]"),
            "Accounts that may become root, beside root.",
        ),
        field(
            "jobs",
            Kind::List(&Kind::Text),
            Some("[]"),
            "Cron jobs and units made by hand that are known, as an audit names them.",
        ),
    ],
);

const BACKUP: Section = section(
    "Backup",
    "Recipients of backups.",
    &[field(
        "recipients",
        Kind::List(&Kind::Text),
        Some("[]"),
        "`age1…`, as `age-keygen` prints them; or `ocrctl backup --recipient`.",
    )],
);

const ALERTS: Section = section(
    "Alerts",
    "Channels of the hosts' watchers; `ocrctl alerts test` tries them.",
    &[
        field(
            "webhook",
            Kind::Secret,
            None,
            "A URL that JSON is posted to; Slack's and Mattermost's understand it.",
        ),
        field(
            "ping",
            Kind::Secret,
            None,
            "A URL that is fetched while all is well, for whoever misses a dead host.",
        ),
        field(
            "email",
            Kind::Section(&ALERT_EMAIL),
            None,
            "E-mail through a relay.",
        ),
    ],
);

const ALERT_EMAIL: Section = Section {
    required: &["to", "relay"],
    together: &[["username", "password"]],
    ..section(
        "AlertEmail",
        "E-mail of the hosts' watchers.",
        &[
            field(
                "to",
                Kind::Some(&Kind::Text),
                None,
                "Addresses of the organization.",
            ),
            field(
                "from",
                Kind::Text,
                Some("(ocr@ and the first of `names`)"),
                "The sender.",
            ),
            field(
                "relay",
                Kind::Text,
                None,
                "The server that takes the mail: a name or an address, with a port where it is not 587 (`starttls`), 465 (`tls`) or 25 (`none`).",
            ),
            field(
                "security",
                Kind::Word(&["starttls", "tls", "none"]),
                Some("starttls"),
                "Encryption of the connection.",
            ),
            field(
                "ca",
                Kind::Path,
                Some("(a public authority)"),
                "PEM of a private authority behind the relay.",
            ),
            field(
                "username",
                Kind::Text,
                Some("(the relay knows the hosts)"),
                "User for the relay, if it asks for one.",
            ),
            field("password", Kind::Secret, None, "That user's password."),
        ],
    )
};

const WATCHER: Section = section(
    "Watcher",
    "Repairs that each host makes by itself.",
    &[field(
        "repairs_per_hour",
        Kind::Whole(0, 60, None),
        Some("3"),
        "Restarts of a release or NGINX allowed within an hour; with 0, it only reports.",
    )],
);

const HOOKS: Section = section(
    "Hooks",
    "A program and its arguments each; paths start at the inventory.",
    &[
        field(
            "pre_deploy",
            Kind::Some(&Kind::Text),
            Some("(none)"),
            "Before anything is changed; if it fails, the deploy stops.",
        ),
        field(
            "post_deploy",
            Kind::Some(&Kind::Text),
            Some("(none)"),
            "Afterwards, with `outcome`: `done` or `failed`.",
        ),
        field(
            "post_rollback",
            Kind::Some(&Kind::Text),
            Some("(none)"),
            "After a rollback, with `outcome`.",
        ),
    ],
);

/// A reference to a secret: exactly one of these.
pub const SECRET_SOURCE: Section = section(
    "SecretSource",
    "Place of a secret. It is read when it is needed and stored on no host; one line end at its end is dropped.",
    &[
        field(
            "env",
            Kind::Text,
            None,
            "An environment variable of ocrctl.",
        ),
        field("file", Kind::Path, None, "A file."),
        field(
            "command",
            Kind::Some(&Kind::Text),
            None,
            "A program and its arguments; what it prints is the secret.",
        ),
    ],
);

impl Section {
    /// This one and those below it, each once, in the order in which they are met; references to secrets last.
    pub fn all(&'static self) -> Vec<&'static Section> {
        let mut found = vec![self];
        let mut next = 0;
        while let Some(section) = found.get(next).copied() {
            next += 1;
            for below in section
                .fields
                .iter()
                .filter_map(|field| field.kind.section())
            {
                if !found.iter().any(|known| known.name == below.name) {
                    found.push(below);
                }
            }
        }
        found.push(&SECRET_SOURCE);
        found
    }
}

impl Kind {
    /// Returns the section that the value is made of, if there is one.
    pub fn section(&self) -> Option<&'static Section> {
        match self {
            Self::Section(section) | Self::Named(section) => Some(section),
            Self::List(item) | Self::Some(item) => item.section(),
            _ => None,
        }
    }
}
