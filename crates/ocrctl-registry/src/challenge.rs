//! The challenge of a registry's 401 (RFC 9110, 11.6.1), and the answer: a password, or a token for a scope
//! (<https://distribution.github.io/distribution/spec/auth/token/>).

use serde::Deserialize;

use ocrctl_protocol::Credentials;

#[derive(Debug, PartialEq, Eq)]
pub enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

/// Either name is in use.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Challenge {
    /// `None` if its kind is unknown.
    pub fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest);
        let get = |name: &str| {
            let found = parameters.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone())
        };
        Some(Self::Bearer {
            realm: get("realm")?,
            service: get("service"),
            scope: get("scope"),
        })
    }

    /// The value of `Authorization`, which is secret. `Ok(None)`: there is none to give.
    pub async fn answer(
        &self,
        http: &reqwest::Client,
        credentials: Option<&Credentials>,
    ) -> Result<Option<String>, reqwest::Error> {
        match self {
            Self::Basic => Ok(credentials.map(basic)),
            Self::Bearer {
                realm,
                service,
                scope,
            } => {
                let scopes = scope.iter().flat_map(|scope| scope.split(' '));
                let query: Vec<(&str, &str)> = service
                    .iter()
                    .map(|service| ("service", service.as_str()))
                    .chain(scopes.map(|scope| ("scope", scope)))
                    .collect();
                let mut request = http.get(realm).query(&query);
                if let Some(credentials) = credentials {
                    request = request.header("authorization", basic(credentials));
                }
                let token: Token = request.send().await?.error_for_status()?.json().await?;
                let token = token.token.or(token.access_token);
                Ok(token.map(|token| format!("Bearer {token}")))
            }
        }
    }
}

fn basic(credentials: &Credentials) -> String {
    use base64::Engine;
    let pair = format!("{}:{}", credentials.username, credentials.password.expose());
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    format!("Basic {encoded}")
}

/// `a="b, c",d=e`
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.push((name, value.trim().to_owned()));
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_as_registries_write_them() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            Some(Challenge::Bearer {
                realm: realm.into(),
                service: service.map(str::to_owned),
                scope: scope.map(str::to_owned),
            })
        };
        let cases = [
            (
                r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:a/b:pull""#,
                bearer(
                    "https://ghcr.io/token",
                    Some("ghcr.io"),
                    Some("repository:a/b:pull"),
                ),
            ),
            (
                r#"bearer realm="https://a.example/t?x=1" , scope="repository:a:pull,push repository:b:pull""#,
                bearer(
                    "https://a.example/t?x=1",
                    None,
                    Some("repository:a:pull,push repository:b:pull"),
                ),
            ),
            (
                "Bearer realm=https://a.example",
                bearer("https://a.example", None, None),
            ),
            (r#"Basic realm="x""#, Some(Challenge::Basic)),
            ("Negotiate", None),
            ("Bearer service=x", None),
        ];
        for (header, challenge) in cases {
            assert_eq!(Challenge::parse(header), challenge, "{header}");
        }
    }
}
