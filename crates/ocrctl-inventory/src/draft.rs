//! An inventory to begin with, from a few answers, each of which is checked by what reads it later.

use super::edit::Value;
use super::{dns_name, environment, host, tls};
use ocrctl_protocol::{ImageRef, Invalid};

/// The findings of `ocrctl init`.
#[derive(Debug)]
pub struct Draft {
    pub environment: String,
    pub names: Vec<String>,
    pub host: Host,
    pub image: String,
    pub certificate: Certificate,
    /// The section `registry`.
    pub registry: Option<Value>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Host {
    pub address: String,
    pub user: Option<String>,
    pub port: Option<u16>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Certificate {
    SelfSigned,
    /// By Let's Encrypt, which may write to this address.
    Acme {
        contact: Option<String>,
    },
}

/// Parses the name of an environment.
pub fn environment(text: &str) -> Result<String, Invalid> {
    environment::environment_name(text).map(|()| text.to_owned())
}

/// Names with commas or spaces between them.
pub fn names(text: &str) -> Result<Vec<String>, Invalid> {
    let names: Vec<String> = text
        .split([',', ' '])
        .filter(|name| !name.is_empty())
        .map(dns_name::parse)
        .collect::<Result<_, _>>()?;
    match names.first() {
        None => Err(Invalid::new("there is no name").hint("write one, such as `ocr.example.org`")),
        Some(first) if first.len() > dns_name::COMMON_NAME_MAX => Err(Invalid::new(format!(
            "the first name is longer than {} characters",
            dns_name::COMMON_NAME_MAX
        ))
        .hint("it becomes the certificate's common name: put a shorter one first")),
        Some(_) => Ok(names),
    }
}

/// `user@address:port`, of which the address alone will do.
pub fn host(text: &str) -> Result<Host, Invalid> {
    let (user, rest) = match text.split_once('@') {
        Some((user, rest)) => (Some(host::user(user)?), rest),
        None => (None, text),
    };
    let bracketed = rest
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .map(|(address, rest)| (address, rest.strip_prefix(':')));
    let plain = || match rest.rsplit_once(':') {
        Some((address, port)) if !address.contains(':') => (address, Some(port)),
        _ => (rest, None),
    };
    let (address, port) = bracketed.unwrap_or_else(plain);
    Ok(Host {
        address: host::address_of(address)?,
        user,
        port: port.map(host::port).transpose()?,
    })
}

pub fn image(text: &str) -> Result<String, Invalid> {
    ImageRef::parse(text).map(|image| image.to_string())
}

/// `self_signed`, `acme`, or the e-mail address that the authority may write to.
pub fn certificate(text: &str) -> Result<Certificate, Invalid> {
    match text {
        "self_signed" => Ok(Certificate::SelfSigned),
        "acme" => Ok(Certificate::Acme { contact: None }),
        _ if text.contains('@') => tls::address(text).map(|contact| Certificate::Acme {
            contact: Some(contact),
        }),
        _ => Err(Invalid::new(format!("`{text}` is no source of certificates"))
            .hint("write an e-mail address for Let's Encrypt, `acme` for none, or `self_signed`; `files` and others are for the editor")),
    }
}

impl Draft {
    /// The file's text.
    pub fn text(&self) -> String {
        let scalar = |text: &str| Value::Text(text.to_owned()).flow();
        let names = Value::List(self.names.clone()).flow();
        let mut text = format!(
            "# Every other field, with its default, is in inventory.example.yaml; editors complete them by `ocrctl schema`.\n\
             \n\
             environments:\n\
             \x20 {}:\n\
             \x20   names: {names}\n\
             \x20   hosts:\n\
             \x20     - address: {}\n",
            scalar(&self.environment),
            scalar(&self.host.address),
        );
        if let Some(user) = &self.host.user {
            text += &format!("        user: {}\n", scalar(user));
        }
        if let Some(port) = self.host.port {
            text += &format!("        port: {port}\n");
        }
        text += &format!("    image: {}\n", scalar(&self.image));
        text += &match &self.certificate {
            Certificate::SelfSigned => "    tls: {issuer: self_signed}\n".to_owned(),
            Certificate::Acme { contact: None } => "    tls: {issuer: acme}\n".to_owned(),
            Certificate::Acme { contact: Some(it) } => {
                format!("    tls: {{issuer: acme, contact: {}}}\n", scalar(it))
            }
        };
        if let Some(registry) = &self.registry {
            text += &format!("    registry: {}\n", registry.flow());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_as_ssh_would() {
        let read = |text| {
            let host = host(text).unwrap();
            (host.user, host.address, host.port)
        };
        let deploy = Some("deploy".to_owned());
        assert_eq!(read("ocr1"), (None, "ocr1".into(), None));
        assert_eq!(
            read("deploy@192.0.2.1:2222"),
            (deploy.clone(), "192.0.2.1".into(), Some(2222))
        );
        assert_eq!(
            read("deploy@[2001:db8::1]:22"),
            (deploy, "2001:db8::1".into(), Some(22))
        );
        assert_eq!(read("2001:db8::1"), (None, "2001:db8::1".into(), None));
        for text in ["", "@host", "host:ssh", "-oProxyCommand=x", "a b"] {
            assert!(host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn mistakes_are_found_at_the_answer() {
        assert!(names("").is_err() && names("https://ocr.example.org").is_err());
        assert_eq!(names("a.example, b.example").unwrap().len(), 2);
        assert!(image("ocr-service").is_err());
        assert!(certificate("letsencrypt").is_err() && certificate("ann@").is_err());
        assert!(environment("Prod").is_err());
    }
}
