use std::time::Duration;

use super::*;
use crate::http::intake::directives::CacheDirectives;
use crate::http::limits::ReplayLimits;

fn content(key: &str, document: &str) -> Content {
    Content {
        key: key.into(),
        sha256: document.into(),
        parameters: String::new(),
    }
}

fn whole(bytes: u64, complete: bool) -> Arc<Whole> {
    Arc::new(Whole {
        counted: Counted::pages(1),
        pages: Vec::new(),
        conclusion: Conclusion {
            complete,
            codes: Vec::new(),
            issues: Vec::new(),
            unread: Vec::new(),
        },
        bytes,
        cut_off: false,
    })
}

fn replays(bytes: u64, age: Duration) -> Arc<Replays> {
    Replays::new(ReplayLimits { bytes, age })
}

fn directives(idempotency_key: Option<&str>) -> CacheDirectives {
    CacheDirectives {
        idempotency_key: idempotency_key.map(str::to_owned),
        ..CacheDirectives::default()
    }
}

const HOUR: Duration = Duration::from_secs(3600);

fn begin(
    replays: &Arc<Replays>,
    content: &Content,
    directives: &CacheDirectives,
) -> Result<Begun, Rejection> {
    replays.begin(content, directives, Instant::now() + HOUR)
}

/// Begins a request that has to be read, and finishes it with this outcome.
#[track_caller]
fn work(
    replays: &Arc<Replays>,
    content: &Content,
    directives: &CacheDirectives,
    outcome: &Outcome,
) {
    match begin(replays, content, directives).unwrap() {
        Begun::Work(work) => work.finish(outcome),
        _ => panic!("there is an answer already"),
    }
}

fn is_kept(replays: &Arc<Replays>, content: &Content) -> bool {
    matches!(
        begin(replays, content, &CacheDirectives::default()),
        Ok(Begun::Kept(_))
    )
}

#[test]
fn bounds_the_cache_at_the_cost_of_the_largest_key() {
    let replays = replays(10_000, HOUR);
    let read = |key: &str, document: &str, bytes| {
        let content = content(key, document);
        work(
            &replays,
            &content,
            &CacheDirectives::default(),
            &Ok(whole(bytes, true)),
        );
        assert!(replays.size().0 <= 10_000);
    };
    read("a", "first", 3000);
    for number in 0..50 {
        read("b", &number.to_string(), 1000);
    }
    assert_eq!(replays.size(), (10_000, 8));
    assert!(is_kept(&replays, &content("a", "first")));
    assert!(is_kept(&replays, &content("b", "49")));
    assert!(!is_kept(&replays, &content("b", "40")), "the oldest went");
    assert!(!is_kept(&replays, &content("b", "first")), "another key's");
    read("b", "too large", 10_001);
    assert_eq!(replays.size().1, 8);
}

#[test]
fn keeps_no_old_incomplete_or_unwanted_readings() {
    let old = replays(10_000, Duration::ZERO);
    let one = content("a", "1");
    work(
        &old,
        &one,
        &CacheDirectives::default(),
        &Ok(whole(1000, true)),
    );
    assert!(!is_kept(&old, &one));

    let replays = replays(10_000, HOUR);
    let no_store = CacheDirectives {
        fresh: true,
        no_store: true,
        ..CacheDirectives::default()
    };
    work(
        &replays,
        &one,
        &CacheDirectives::default(),
        &Ok(whole(1000, false)),
    );
    work(
        &replays,
        &one,
        &CacheDirectives::default(),
        &Err(crate::http::reading::conclusion::too_late()),
    );
    work(&replays, &one, &no_store, &Ok(whole(1000, true)));
    assert!(!is_kept(&replays, &one));
    work(
        &replays,
        &one,
        &CacheDirectives::default(),
        &Ok(whole(1000, true)),
    );
    assert!(is_kept(&replays, &one));
    // A client that asks for new work gets it.
    let fresh = CacheDirectives {
        fresh: true,
        ..CacheDirectives::default()
    };
    work(&replays, &one, &fresh, &Ok(whole(1000, true)));
}

#[test]
fn ties_an_idempotency_key_to_one_request_of_one_api_key() {
    let replays = replays(10_000, HOUR);
    let k = directives(Some("k"));
    let one = content("a", "1");
    let Begun::Work(first) = begin(&replays, &one, &k).unwrap() else {
        panic!("nothing is known of it");
    };
    assert!(replays.knows(&one.key, &k));
    assert!(matches!(begin(&replays, &one, &k), Ok(Begun::UnderWay(_))));
    // Another document, or another API key with the same idempotency key.
    let other = begin(&replays, &content("a", "2"), &k).err().unwrap();
    assert_eq!(other.kind(), ProblemKind::IdempotencyKey);
    work(&replays, &content("b", "2"), &k, &Ok(whole(1000, true)));
    // Requests that were abandoned or failed can be repeated.
    drop(first);
    assert!(!replays.knows(&one.key, &k));
    work(
        &replays,
        &one,
        &k,
        &Err(crate::http::reading::conclusion::too_late()),
    );
    work(&replays, &one, &k, &Ok(whole(1000, true)));
    assert!(matches!(begin(&replays, &one, &k), Ok(Begun::Kept(_))));
    let other = begin(&replays, &content("a", "2"), &k).err().unwrap();
    assert_eq!(other.kind(), ProblemKind::IdempotencyKey);
}

#[test]
fn bounds_the_number_of_idempotency_keys() {
    let replays = replays(100_000_000, HOUR);
    for number in 0..1500 {
        let name = number.to_string();
        work(
            &replays,
            &content("a", &name),
            &directives(Some(&name)),
            &Ok(whole(1000, true)),
        );
    }
    let knows = |name: &str| replays.knows(&"a".into(), &directives(Some(name)));
    assert!(knows("1499") && knows("500") && !knows("499"));
}
