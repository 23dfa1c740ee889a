//! The mirrors that packages come from are reached.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Client, Proxy, StatusCode};

use super::Asked;
use crate::checks::{Seen, count};
use crate::host::Host;
use ocrctl_protocol::{Context, Result, causes};

const LIMIT: Duration = Duration::from_secs(8);
const SOURCES: &str = "/etc/apt/sources.list*";

/// A mirror's answer to a request for one of its indexes.
type Answer = std::result::Result<StatusCode, String>;

pub(super) async fn check(host: &Host, _: &Asked<'_>) -> Result<Seen> {
    // It only says what it would fetch: neither lock nor lists are touched.
    let printed = host
        .run("apt-get", &["--print-uris", "-q", "update"], LIMIT)
        .await?;
    let mut uris = BTreeSet::new();
    for uri in printed_uris(&printed) {
        uris.insert(match listed(&uri) {
            Some((list, rest)) => {
                let mirrors = host.read_text(&list)?.unwrap_or_default();
                first_mirror(&mirrors).map_or(uri, |mirror| format!("{mirror}/{rest}"))
            }
            None => uri,
        });
    }
    let client = client(host).await?;
    let fetched = join_all(uris.iter().map(|uri| fetch(&client, uri))).await;
    Ok(compare(&uris.into_iter().zip(fetched).collect::<Vec<_>>()))
}

/// Builds a client that uses apt's proxies. Indexes are signed, so the server's certificate is not checked.
async fn client(host: &Host) -> Result<Client> {
    let mut builder = Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .timeout(LIMIT)
        .no_proxy();
    for (scheme, proxy) in [
        ("http", Proxy::http as fn(String) -> reqwest::Result<Proxy>),
        ("https", Proxy::https),
    ] {
        let name = format!("Acquire::{scheme}::Proxy");
        let dump = host.run("apt-config", &["dump", &name], LIMIT).await?;
        if let Some(url) = setting(&dump, &name) {
            let made = proxy(url.clone()).context(format_args!("taking {url} for a proxy"))?;
            builder = builder.proxy(made);
        }
    }
    builder.build().context("making a client")
}

/// The value of a line such as `Acquire::http::Proxy "http://proxy:3128";`
fn setting(dump: &str, name: &str) -> Option<String> {
    let line = dump.lines().find_map(|line| line.strip_prefix(name))?;
    let value = line.trim().strip_suffix(';')?.trim_matches('"');
    (!value.is_empty() && value != "DIRECT").then(|| value.to_owned())
}

/// `'http://deb.debian.org/debian/dists/bookworm/InRelease' deb.debian.org_… 0`. Of the others, which a mirror may lack,
/// apt knows by these.
fn printed_uris(printed: &str) -> impl Iterator<Item = String> {
    printed.lines().filter_map(|line| {
        let (uri, _) = line.strip_prefix('\'')?.split_once('\'')?;
        uri.ends_with("/InRelease").then(|| uri.to_owned())
    })
}

/// A file with mirrors, as images of clouds have it, and the path on each: `mirror+file:/etc/apt/mirrors/debian.list/dists/…`
fn listed(uri: &str) -> Option<(String, String)> {
    let path = uri.strip_prefix("mirror+file:")?;
    let (list, rest) = path.split_once("/dists/")?;
    Some((list.to_owned(), format!("dists/{rest}")))
}

fn first_mirror(list: &str) -> Option<&str> {
    let mut lines = list.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with('#'))?;
    Some(line.split_whitespace().next()?.trim_end_matches('/'))
}

/// `None` if it is on no server.
async fn fetch(client: &Client, uri: &str) -> Option<Answer> {
    if !uri.starts_with("http:") && !uri.starts_with("https:") {
        return None;
    }
    let get = async |uri: &str| {
        let answer = client.get(uri).send().await;
        answer
            .map(|answer| answer.status())
            .map_err(|error| causes::chain(&error.without_url()))
    };
    let answer = get(uri).await;
    // A repository may have its signature in a file of its own.
    if answer == Ok(StatusCode::NOT_FOUND)
        && let Some(base) = uri.strip_suffix("InRelease")
    {
        return Some(get(&format!("{base}Release")).await);
    }
    Some(answer)
}

fn compare(answers: &[(String, Option<Answer>)]) -> Seen {
    if answers.is_empty() {
        return Seen::finding(
            "apt has no sources",
            format!("name a mirror of the distribution in {SOURCES}"),
        );
    }
    let mut seen = Seen::default();
    for (uri, answer) in answers {
        match answer {
            None => {}
            Some(Ok(status)) if status.is_success() || status.is_redirection() => {}
            Some(Ok(status)) => seen.find(
                format!("{uri} answers {status}"),
                format!("correct or remove it in {SOURCES}"),
            ),
            Some(Err(why)) => seen.find(
                format!("{uri} can't be reached: {why}"),
                format!("check the host's DNS, its way out and apt's proxy, or name another mirror in {SOURCES}"),
            ),
        }
    }
    let asked = answers
        .iter()
        .filter(|(_, answer)| answer.is_some())
        .count();
    seen.summary = match asked {
        0 => "packages come from no server".to_owned(),
        number => format!("{} can be reached", count(number, "index", "indexes")),
    };
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_apts_output() {
        let printed = "Reading package lists...\n'http://deb.debian.org/debian/dists/bookworm/InRelease' deb_InRelease 0 \n\
            'http://deb.debian.org/debian/dists/bookworm/main/dep11/Components-all.yml.xz' deb_Components 0 \n";
        let uris: Vec<String> = printed_uris(printed).collect();
        assert_eq!(
            uris,
            ["http://deb.debian.org/debian/dists/bookworm/InRelease"]
        );
        assert_eq!(
            listed("mirror+file:/etc/apt/mirrors/debian.list/dists/trixie/InRelease"),
            Some((
                "/etc/apt/mirrors/debian.list".into(),
                "dists/trixie/InRelease".into()
            ))
        );
        assert_eq!(
            first_mirror("# ours\nhttps://deb.debian.org/debian/ priority:1\n"),
            Some("https://deb.debian.org/debian")
        );
        let name = "Acquire::http::Proxy";
        assert_eq!(
            setting("Acquire::http::Proxy \"http://proxy:3128\";\n", name).unwrap(),
            "http://proxy:3128"
        );
        assert_eq!(setting("Acquire::http::Proxy \"\";\n", name), None);
        assert_eq!(setting("", name), None);
    }

    #[test]
    fn a_mirror_answers_or_is_found() {
        let with = |answer| compare(&[("http://m/dists/x/InRelease".to_owned(), answer)]);
        assert_eq!(
            with(Some(Ok(StatusCode::OK))),
            Seen::ok("1 index can be reached")
        );
        assert_eq!(with(None), Seen::ok("packages come from no server"));
        assert!(
            with(Some(Ok(StatusCode::NOT_FOUND))).findings[0]
                .found
                .contains("404")
        );
        assert!(
            with(Some(Err("no route".into()))).findings[0]
                .found
                .ends_with("reached: no route")
        );
        assert_eq!(compare(&[]).findings.len(), 1);
    }
}
