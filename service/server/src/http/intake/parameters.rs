//! Named parameters of a request, in its query and in its form. Unknown parameters are an error: a misspelt `pages`
//! would cost a whole document.

use std::collections::BTreeMap;
use std::fmt;

use ocr_api::problem::ProblemKind;
use ocr_codes::CodeType;
use ocr_protocol::EngineChoice;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use crate::http::outcome::error::Rejection;

/// Longest name of an attachment, in characters. An attachment with a longer name can be requested by its number.
pub(crate) const MAX_ATTACHMENT_NAME: usize = 255;

/// Longest password, in characters. A PDF's has at most 127 bytes.
pub(crate) const MAX_PASSWORD: usize = 255;

/// Parameter of the routes that take a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Parameter {
    Lang,
    Pages,
    Mode,
    Engine,
    Codes,
    Strict,
    Attachment,
    Active,
    /// Part of the form alone: an address is logged by many, and a header has the name that says so.
    Password,
}

impl Parameter {
    const ALL: [Self; 9] = [
        Self::Lang,
        Self::Pages,
        Self::Mode,
        Self::Engine,
        Self::Codes,
        Self::Strict,
        Self::Attachment,
        Self::Active,
        Self::Password,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lang => "lang",
            Self::Pages => "pages",
            Self::Mode => "mode",
            Self::Engine => "engine",
            Self::Codes => "codes",
            Self::Strict => "strict",
            Self::Attachment => "attachment",
            Self::Active => "active",
            Self::Password => "password",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// False for what must not be in an address.
    pub(crate) fn is_in_query(self) -> bool {
        self != Self::Password
    }

    /// Description and schema of each parameter, with the languages that this service has.
    pub(crate) fn described(languages: &[String]) -> [(Self, String, Schema); 9] {
        Self::ALL.map(|parameter| {
            let (description, schema) = parameter.describe(languages);
            (parameter, description, schema)
        })
    }

    fn describe(self, languages: &[String]) -> (String, Schema) {
        let string = || ObjectBuilder::new().schema_type(Type::String);
        let pattern = |pattern: &str| string().pattern(Some(pattern)).into();
        let (description, schema) = match self {
            Self::Lang => {
                let description = format!(
                    "Languages joined by `+`. Available: {}.",
                    languages.join(", ")
                );
                return (
                    description,
                    pattern(&format!("^({0})([+]({0}))*$", languages.join("|"))),
                );
            }
            Self::Pages => (
                "Pages, counted from 1: `1-3,7`, `5-`. Default: all. Those behind the last page are left out with an issue.",
                pattern(
                    "^[1-9][0-9]{0,8}(-([1-9][0-9]{0,8})?)?(,[1-9][0-9]{0,8}(-([1-9][0-9]{0,8})?)?)*$",
                ),
            ),
            Self::Mode => (
                "`text` reads a PDF's text layer, `ocr` recognizes the pixels, `auto` uses the text layer where it is sound.",
                string().enum_values(Some(["auto", "text", "ocr"])).into(),
            ),
            Self::Engine => (
                "Recognizer of pixels. `auto` is PP-OCR (`ppocr`), or Tesseract for languages and scripts that PP-OCR does not read.",
                string().enum_values(Some(EngineChoice::NAMES)).into(),
            ),
            // Names of rules are the operator's choice and may change while the service runs, so the pattern accepts
            // any valid name.
            Self::Codes => {
                let names = CodeType::ALL
                    .iter()
                    .map(|kind| format!("`{}`", kind.name()));
                let names: Vec<String> = names.collect();
                let description = format!(
                    "Types of codes and names of the operator's rules to look for, joined by commas, or `none`. All but \
                     `luhn` when left out. Types: {}.",
                    names.join(", ")
                );
                return (description, pattern("^[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*$"));
            }
            Self::Strict => (
                "`1` or `true`: an answer that lacks a page is an error. `2`: an answer with doubts about the reading is an error as well.",
                string()
                    .enum_values(Some(["0", "1", "2", "false", "true"]))
                    .into(),
            ),
            Self::Attachment => (
                "Name or number of a file that is embedded in the PDF. The file is read instead of the PDF.",
                string()
                    .min_length(Some(1))
                    .max_length(Some(MAX_ATTACHMENT_NAME))
                    .into(),
            ),
            Self::Active => (
                "`keep`: a searchable PDF keeps the scripts, programs and attachments of the document.",
                string().enum_values(Some(["keep", "remove"])).into(),
            ),
            Self::Password => (
                "Password of an encrypted PDF.",
                string()
                    .min_length(Some(1))
                    .max_length(Some(MAX_PASSWORD))
                    .into(),
            ),
        };
        (description.to_owned(), schema)
    }

    /// Names of all parameters, for messages.
    pub(crate) fn list() -> String {
        let names = Self::ALL.map(|parameter| format!("`{}`", parameter.name()));
        names.join(", ")
    }
}

/// Parameters and their values, each at most once.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters(BTreeMap<Parameter, String>);

/// Names alone: a value may be a password.
impl fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Parameters {
    /// Parses a query such as `lang=eng+deu&pages=1-3,7`.
    pub(crate) fn of_query(query: &str) -> Result<Self, Rejection> {
        let mut parameters = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let parameter = Parameter::named(name).ok_or_else(|| {
                malformed(format!(
                    "There is no parameter `{}`. The parameters are {}.",
                    shown(name),
                    Parameter::list()
                ))
            })?;
            if !parameter.is_in_query() {
                return Err(malformed(format!(
                    "`{name}` must not be in the address, which logs have; send it as a part of the form, or in the header \
                     X-Document-Password."
                )));
            }
            // `+` is kept, because it joins languages.
            let value = percent_decode(value.as_bytes()).ok_or_else(|| {
                malformed("A `%` in the query is not followed by two hex digits.")
            })?;
            let value =
                String::from_utf8(value).map_err(|_| malformed("The query is not UTF-8."))?;
            parameters.add(parameter, value)?;
        }
        Ok(parameters)
    }

    pub(crate) fn add(&mut self, parameter: Parameter, value: String) -> Result<(), Rejection> {
        match self.0.insert(parameter, value) {
            None => Ok(()),
            Some(_) => Err(malformed(format!("`{}` is given twice.", parameter.name()))),
        }
    }

    /// Merges these parameters of a query with those of the form.
    pub(crate) fn with_form(mut self, form: Self) -> Result<Self, Rejection> {
        for (parameter, value) in form.0 {
            if let Some(other) = self.0.get(&parameter)
                && *other != value
            {
                if parameter == Parameter::Password {
                    return Err(malformed(
                        "The form and X-Document-Password have different passwords; send it once.",
                    ));
                }
                return Err(malformed(format!(
                    "`{}` is `{}` in the query and `{}` in the form; send it once.",
                    parameter.name(),
                    shown(other),
                    shown(&value)
                )));
            }
            self.0.insert(parameter, value);
        }
        Ok(self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Parameter, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// Decodes percent-encoding. Returns `None` if a `%` is not followed by two hex digits.
pub(crate) fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |at: usize| char::from(*tail.get(at)?).to_digit(16);
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
        rest = &tail[2..];
    }
    Some(bytes)
}

/// Shortens text that a client sent, for a message. Removes characters that control a terminal.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 40;
    let plain = text.chars().filter(|c| !c.is_control()).take(MOST);
    let mut shown: String = plain.collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

pub(crate) fn malformed(detail: impl Into<String>) -> Rejection {
    Rejection::new(ProblemKind::Malformed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(query: &str, form: &[(Parameter, &str)]) -> Option<String> {
        let mut fields = Parameters::default();
        for (parameter, value) in form {
            fields.add(*parameter, (*value).to_owned()).unwrap();
        }
        let both = Parameters::of_query(query).and_then(|query| query.with_form(fields));
        both.err().map(|refused| refused.detail().to_owned())
    }

    #[test]
    fn rejects_a_second_value() {
        let german = [(Parameter::Lang, "deu")];
        assert_eq!(refusal("lang=deu", &german), None);
        assert_eq!(refusal("pages=1", &german), None);
        let detail = refusal("lang=eng", &german).unwrap();
        assert!(detail.contains("`eng` in the query and `deu` in the form"));
        assert!(refusal("lang=deu&lang=deu", &[]).is_some());
    }

    #[test]
    fn names_the_known_parameters_when_it_rejects_one() {
        let detail = refusal("page=1", &[]).unwrap();
        for parameter in Parameter::ALL {
            assert!(detail.contains(&format!("`{}`", parameter.name())));
            assert_eq!(Parameter::named(parameter.name()), Some(parameter));
        }
        let long = refusal(&"x".repeat(1000), &[]).unwrap();
        assert!(long.len() < 200, "{long}");
    }
}
