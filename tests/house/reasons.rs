//! The page of reasons and the code say the same.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Where refusals come from: of the API, and of what is typed or stands in a file.
const PLACES: [&str; 13] = [
    "src/service",
    "src/registry",
    "src/domain",
    "src/auth/authenticate.rs",
    "src/auth/permission.rs",
    "src/server.rs",
    "src/cli/verify.rs",
    "src/cli/set.rs",
    "src/cli/import",
    "src/exchange/row.rs",
    "src/exchange/cell.rs",
    "src/exchange/header.rs",
    "src/exchange/edition.rs",
];

/// Words in capitals that are no reasons: values of enumerations as people read them, letters of
/// tables, variables.
const WORDS: &str = "\
    ABSXCDEFWYHG FLQW GJZ B C E R CARGO_PKG_VERSION ANJUDUMP END_CAUSE_ UNKNOWN NONE OTHER \
    BRICK_CONCRETE BRICK_TIMBER TIMBER REINFORCED_CONCRETE STEEL STEEL_CONCRETE \
    DWELLING MIXED COMMERCE OFFICE INDUSTRY EDUCATION HEALTH GARAGE STORAGE \
    HERITAGE HISTORIC TRADITIONAL COMPANY SELF COMMUNITY WORK_UNIT \
    DEMOLISHED DESTROYED MERGED SPLIT ABOLISHED";

fn sources(path: &Path, texts: &mut Vec<String>) {
    if path.is_dir() {
        for file in fs::read_dir(path).unwrap() {
            sources(&file.unwrap().path(), texts);
        }
    } else if !path.ends_with("tests.rs") {
        let text = fs::read_to_string(path).unwrap();
        // What tests say is not told to callers.
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        texts.push(code.to_owned());
    }
}

/// The texts in quotes that are words in capitals.
fn quoted(code: &str) -> BTreeSet<String> {
    let is_word = |text: &&str| {
        text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || b"_0123456789".contains(&byte))
    };
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"'))
        .filter(is_word)
        .map(str::to_owned)
        .collect()
}

/// The reasons of the page.
fn listed() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/reasons.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(reason, _)| reason.to_owned()).collect()
}

#[test]
fn every_reason_is_told_in_chinese() {
    let mut told = BTreeMap::new();
    for reason in listed() {
        let sentence = anju::client::chinese(&reason).unwrap_or_default();
        let han = |character: &char| ('\u{4e00}'..='\u{9fff}').contains(character);
        let count = sentence.chars().filter(han).count();
        assert!(count >= 6, "{reason} has no Chinese sentence: {sentence:?}");
        // Marks of the language, and none at the end, where more may follow.
        let is_marked = !sentence.contains([',', ';', '!', '?']) && !sentence.ends_with('。');
        assert!(is_marked, "{reason}: {sentence}");
        assert_eq!(told.insert(sentence, reason.clone()), None, "{reason} says what another says");
    }
    assert_eq!(anju::client::chinese("NO_SUCH_REASON"), None);
}

#[test]
fn every_reason_is_on_the_page_and_the_page_has_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for place in PLACES {
        sources(&root.join(place), &mut texts);
    }
    let words: BTreeSet<&str> = WORDS.split(' ').collect();
    let mut told: BTreeSet<String> = texts.iter().flat_map(|text| quoted(text)).collect();
    told.retain(|word| !words.contains(word.as_str()));
    let listed = listed();
    let missing: Vec<_> = told.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&told).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not listed: {missing:?}; gone: {gone:?}");
}
