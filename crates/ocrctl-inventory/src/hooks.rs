//! The operator's own commands around a change.

use super::problem::Checks;
use super::schema::{self, Spanned, Text};

/// A program and its arguments each; empty: none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    pub pre_deploy: Vec<String>,
    pub post_deploy: Vec<String>,
    pub post_rollback: Vec<String>,
}

pub(super) fn read(raw: Option<&schema::Hooks>, checks: &mut Checks<'_>) -> Hooks {
    let Some(raw) = raw else {
        return Hooks::default();
    };
    let mut command = |raw: &Option<Spanned<Vec<Text>>>| -> Vec<String> {
        let Some(raw) = raw else {
            return Vec::new();
        };
        let words: Vec<String> = raw.value.iter().map(|word| word.value.clone()).collect();
        match words.first() {
            None => {
                checks
                    .refuse(raw.referenced, "a hook names no program")
                    .hint("write a program and its arguments, such as `[./tell.sh, deploys]`");
                Vec::new()
            }
            // A path starts at the inventory; a bare name is looked for as the shell does.
            Some(program) if program.contains('/') => {
                let path = checks.path(&raw.value[0]).to_string_lossy().into_owned();
                std::iter::once(path)
                    .chain(words.into_iter().skip(1))
                    .collect()
            }
            Some(_) => words,
        }
    };
    Hooks {
        pre_deploy: command(&raw.pre_deploy),
        post_deploy: command(&raw.post_deploy),
        post_rollback: command(&raw.post_rollback),
    }
}
