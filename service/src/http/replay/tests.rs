use std::time::Duration;

use super::*;

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

fn wish(idempotency_key: Option<&str>) -> Wish {
    Wish {
        idempotency_key: idempotency_key.map(str::to_owned),
        ..Wish::default()
    }
}

const HOUR: Duration = Duration::from_secs(3600);

fn begin(replays: &Arc<Replays>, content: &Content, wish: &Wish) -> Result<Begun, Rejection> {
    replays.begin(content, wish, Instant::now() + HOUR)
}

/// Has a document read, which is work, and gives what came of it.
#[track_caller]
fn work(replays: &Arc<Replays>, content: &Content, wish: &Wish, outcome: &Outcome) {
    match begin(replays, content, wish).unwrap() {
        Begun::Work(work) => work.finish(outcome),
        _ => panic!("there is an answer already"),
    }
}

fn is_kept(replays: &Arc<Replays>, content: &Content) -> bool {
    matches!(
        begin(replays, content, &Wish::default()),
        Ok(Begun::Kept(_))
    )
}

#[test]
fn what_is_kept_is_bounded_and_the_key_that_has_most_pays() {
    let replays = replays(10_000, HOUR);
    let read = |key: &str, document: &str, bytes| {
        let content = content(key, document);
        work(
            &replays,
            &content,
            &Wish::default(),
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
fn nothing_is_kept_that_is_old_or_not_whole_or_was_not_to_be() {
    let old = replays(10_000, Duration::ZERO);
    let one = content("a", "1");
    work(&old, &one, &Wish::default(), &Ok(whole(1000, true)));
    assert!(!is_kept(&old, &one));

    let replays = replays(10_000, HOUR);
    let no_store = Wish {
        fresh: true,
        no_store: true,
        ..Wish::default()
    };
    work(&replays, &one, &Wish::default(), &Ok(whole(1000, false)));
    work(
        &replays,
        &one,
        &Wish::default(),
        &Err(crate::http::conclusion::too_late()),
    );
    work(&replays, &one, &no_store, &Ok(whole(1000, true)));
    assert!(!is_kept(&replays, &one));
    work(&replays, &one, &Wish::default(), &Ok(whole(1000, true)));
    assert!(is_kept(&replays, &one));
    // One that asks for work gets it.
    let fresh = Wish {
        fresh: true,
        ..Wish::default()
    };
    work(&replays, &one, &fresh, &Ok(whole(1000, true)));
}

#[test]
fn an_idempotency_key_stands_for_one_request_of_one_api_key() {
    let replays = replays(10_000, HOUR);
    let k = wish(Some("k"));
    let one = content("a", "1");
    let Begun::Work(first) = begin(&replays, &one, &k).unwrap() else {
        panic!("nothing is known of it");
    };
    assert!(replays.knows(&one.key, &k));
    assert!(matches!(begin(&replays, &one, &k), Ok(Begun::UnderWay(_))));
    // Another document, or another's key of the same name.
    let other = begin(&replays, &content("a", "2"), &k).err().unwrap();
    assert_eq!(other.kind(), ProblemKind::IdempotencyKey);
    work(&replays, &content("b", "2"), &k, &Ok(whole(1000, true)));
    // One that was given up can be asked for again, and one that failed, too.
    drop(first);
    assert!(!replays.knows(&one.key, &k));
    work(
        &replays,
        &one,
        &k,
        &Err(crate::http::conclusion::too_late()),
    );
    work(&replays, &one, &k, &Ok(whole(1000, true)));
    assert!(matches!(begin(&replays, &one, &k), Ok(Begun::Kept(_))));
    let other = begin(&replays, &content("a", "2"), &k).err().unwrap();
    assert_eq!(other.kind(), ProblemKind::IdempotencyKey);
}

#[test]
fn idempotency_keys_are_bounded() {
    let replays = replays(100_000_000, HOUR);
    for number in 0..1500 {
        let name = number.to_string();
        work(
            &replays,
            &content("a", &name),
            &wish(Some(&name)),
            &Ok(whole(1000, true)),
        );
    }
    let knows = |name: &str| replays.knows(&"a".into(), &wish(Some(name)));
    assert!(knows("1499") && knows("500") && !knows("499"));
}
