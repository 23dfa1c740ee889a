//! Which modules of a crate name which others, by their source. A module and those below it count as one there: what a
//! folder's files have in common stands in the file of the folder's name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// By the path of each module, such as `["host", "lock"]`.
pub type Graph = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

/// Tests may look at anything.
const TESTS: [&str; 3] = ["tests", "testing", "test_support"];

pub fn of(source: &Path) -> Graph {
    let mut texts = BTreeMap::new();
    read(source, &mut Vec::new(), &mut texts);
    let known: BTreeSet<Vec<String>> = texts.keys().cloned().collect();
    let imports = |(module, text): (Vec<String>, String)| {
        let named = paths(&text).into_iter().filter_map(|path| {
            let mut target = absolute(&module, path)?;
            while !target.is_empty() && !known.contains(&target) {
                target.pop();
            }
            // One that holds the other is no step in a direction.
            let related = target.starts_with(&module) || module.starts_with(&target);
            (!related).then_some(target)
        });
        let named = named.collect();
        (module, named)
    };
    texts.into_iter().map(imports).collect()
}

fn read(directory: &Path, module: &mut Vec<String>, texts: &mut BTreeMap<Vec<String>, String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if TESTS.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            module.push(name);
            read(&path, module, texts);
            module.pop();
        } else if path.extension().is_some_and(|it| it == "rs") {
            let own = ["lib", "main", "mod"].contains(&name.as_str());
            let mut module = module.clone();
            module.extend((!own).then_some(name));
            let text = std::fs::read_to_string(&path).unwrap();
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let code = product
                .lines()
                .map(|line| line.split("//").next().unwrap().to_owned() + "\n");
            texts.entry(module).or_default().extend(code);
        }
    }
}

/// All paths that begin with `crate`, `super` or `self`, with those of `use` taken apart.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let word = |c: char| c.is_alphanumeric() || c == '_';
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in text.match_indices(start) {
            let before = text[..at].chars().next_back();
            if !before.is_some_and(|c| word(c) || c == ':') {
                expand(&mut text[at..].chars().peekable(), &[], &mut found);
            }
        }
    }
    found
}

/// Reads one path, or the paths within its braces, up to where it ends.
fn expand(
    text: &mut std::iter::Peekable<std::str::Chars<'_>>,
    before: &[String],
    found: &mut Vec<Vec<String>>,
) {
    let mut path = before.to_vec();
    loop {
        let mut word = String::new();
        while let Some(c) =
            text.next_if(|c| c.is_alphanumeric() || *c == '_' || *c == ' ' || *c == '\n')
        {
            word.push(c);
        }
        let word = word.split_whitespace().next().unwrap_or_default();
        if !word.is_empty() {
            path.push(word.to_owned());
        }
        if text.next_if_eq(&':').is_some() {
            if text.next_if_eq(&':').is_none() {
                break;
            }
        } else if text.next_if_eq(&'{').is_some() {
            loop {
                expand(text, &path, found);
                if text.next_if_eq(&',').is_none() {
                    break;
                }
            }
            text.next_if_eq(&'}');
            return;
        } else {
            break;
        }
    }
    found.push(path);
}

/// Where a path leads, from the crate's root.
fn absolute(module: &[String], path: Vec<String>) -> Option<Vec<String>> {
    let mut base = module.to_vec();
    let mut rest = path.as_slice();
    while let Some((first, after)) = rest.split_first() {
        match first.as_str() {
            "crate" => base.clear(),
            "super" => base.pop().map(|_| ())?,
            "self" => {}
            _ => break,
        }
        rest = after;
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

/// Which of the modules directly below `parent` name which others, with all that is below them.
pub fn children(graph: &Graph, parent: &str) -> Graph {
    let child = |module: &[String]| match module {
        [first, child, ..] if first == parent => Some(vec![child.clone()]),
        _ => None,
    };
    let mut children = Graph::new();
    for (module, imports) in graph {
        let Some(from) = child(module) else { continue };
        let to = imports.iter().filter_map(|import| child(import));
        let to = to.filter(|to| *to != from);
        children.entry(from.clone()).or_default().extend(to);
    }
    children
}

/// Modules that come back to where they began, if there are any.
pub fn circle(graph: &Graph) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    graph
        .keys()
        .find_map(|module| follow(graph, module, &mut Vec::new(), &mut done))
}

fn follow<'a>(
    graph: &'a Graph,
    module: &'a Vec<String>,
    way: &mut Vec<&'a Vec<String>>,
    done: &mut BTreeSet<&'a Vec<String>>,
) -> Option<Vec<String>> {
    if let Some(begin) = way.iter().position(|it| *it == module) {
        let circle = way[begin..].iter().copied().chain([module]);
        return Some(circle.map(|it| it.join("/")).collect());
    }
    if !done.insert(module) {
        return None;
    }
    way.push(module);
    let next = graph.get(module).into_iter().flatten();
    let found = next
        .into_iter()
        .find_map(|next| follow(graph, next, way, done));
    way.pop();
    found
}

#[test]
fn finds_a_circle_through_nested_imports() {
    let source = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = source.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("lib.rs", "mod a;\nmod b;\n");
    put("a.rs", "use crate::{b::{self, c::C}, z};\n");
    put("b/mod.rs", "mod c;\n// use super::a;\n");
    put(
        "b/c.rs",
        "use super::D;\n#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n",
    );
    assert_eq!(circle(&of(source.path())), None);
    put("b/c.rs", "fn c() {\n    super::super::a::f();\n}\n");
    let found = circle(&of(source.path())).unwrap();
    assert_eq!(found, ["a", "b/c", "a"]);
    put("b/c.rs", "");
    put("b/d/mod.rs", "mod e;\n");
    put("b/d/e.rs", "use crate::b::c;\n");
    put("b/c/f.rs", "use crate::b::d::g;\n");
    put("b/d/g.rs", "");
    let graph = of(source.path());
    assert_eq!(circle(&graph), None);
    assert!(circle(&children(&graph, "b")).is_some());
}
