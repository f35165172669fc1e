//! `anju erase`: takes the free text of entries out of the journal for ever, on an order. Must not run
//! beside a server.
//!
//! What else holds the same words is told: other entries, since one command may have given its
//! reason to many, and files beside the journal.

use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::Args;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Serialize;

use crate::{
    auth::actor::check_key,
    cli::{
        BadUsage, Outcome, Refused,
        config::SettingArgs,
        offline::{self, Progress, Unit},
        session::Output,
    },
    domain::author::Author,
    kernel::{
        limit::{NAME_CHARS_MAX, TEXT_CHARS_MAX},
        position::Position,
        time::SystemClock,
        violation::Violations,
    },
    registry::{Call, Entry, Erase, Error, Registry, Text},
    server,
    service::common::check_text,
    store::embedded::for_each_entry,
};

const EXAMPLES: &str = "\
Examples:
  anju erase 1:4109 --order 2026-yu-01-1 --ordered-by court-12 --reason 'names a tenant'
  anju erase 1:4109 1:4110 --order 2026-yu-01-1 --ordered-by court-12 --reason 'names a tenant'";

/// The kind of the parts that can be erased: free text.
const TEXT: u32 = 2;
/// Words shorter than this are found everywhere, and are not looked for in files.
const WORDS_BYTES_MIN: usize = 8;
/// Other entries and files that are named.
const NAMED_MAX: usize = 100;
/// Read of a file at a time.
const PIECE_BYTES: usize = 1024 * 1024;

/// Flags of `anju erase`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct EraseArgs {
    /// The entries whose reason and other sentences are erased, as PARTITION:ENTRY.
    #[arg(required = true, value_name = "PARTITION:ENTRY")]
    pub entries: Vec<Position>,
    /// The number of the order, as the court or authority gave it.
    #[arg(long, value_name = "TEXT")]
    pub order: String,
    /// Who ordered it: an opaque key, never a name.
    #[arg(long, value_name = "KEY")]
    pub ordered_by: String,
    /// Why, in one sentence that does not repeat what is erased.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// What was done, for people and programs.
#[derive(Debug, Default, Serialize)]
struct Done {
    erased: Vec<String>,
    /// The entries that say so.
    by: Vec<String>,
    /// Entries that hold the same words and were not named.
    same_words_count: u64,
    /// The first of them.
    same_words_in: Vec<String>,
    /// Files beside the segments that hold them.
    files_with_words: Vec<PathBuf>,
}

/// Erases the texts; `person` is for whom the command is given.
pub fn run(
    args: &EraseArgs,
    person: Option<&str>,
    out: &mut Output<'_>,
) -> anyhow::Result<Outcome> {
    check(args, person)?;
    let config = offline::settings(&args.settings)?;
    let (store, _) = offline::open_store(&config, "stop the server first")?;
    let registry = server::open_on(Arc::new(store), Arc::new(SystemClock), &config)?;
    let words = words_of(&registry, &args.entries);
    let outcome = registry.erase(call(args, person)?, erase(args)).map_err(told);
    registry.close();
    // With it the store, so that the files are what they will be.
    drop(registry);
    let outcome = outcome?;
    let mut done = Done { erased: texts(&args.entries), ..Done::default() };
    let partition = outcome.position.partition;
    let by = outcome.entries.into_iter().map(|seq| Position { partition, seq });
    done.by = texts(&by.collect::<Vec<_>>());
    remains(&config.data_dir, &words, &mut done)?;
    show(&done, out)?;
    Ok(Outcome::Fine)
}

/// All that can be wrong with the flags, told at once.
fn check(args: &EraseArgs, person: Option<&str>) -> anyhow::Result<()> {
    let mut violations = Violations::default();
    check_text(&mut violations, "--order", &args.order, NAME_CHARS_MAX);
    check_text(&mut violations, "--reason", &args.reason, TEXT_CHARS_MAX);
    let keys = [("--ordered-by", Some(args.ordered_by.as_str())), ("--person", person)];
    for (field, key) in keys {
        if let Some(Err(error)) = key.map(check_key) {
            violations.add(field, "MALFORMED", error.to_string());
        }
    }
    let partitions = args.entries.iter().map(|position| position.partition);
    if partitions.collect::<BTreeSet<_>>().len() > 1 {
        violations.add("PARTITION:ENTRY", "CONFLICTING", "the entries are of one partition");
    }
    if violations.is_empty() { Ok(()) } else { Err(BadUsage(violations).into()) }
}

fn call(args: &EraseArgs, person: Option<&str>) -> anyhow::Result<Call> {
    let partition = args.entries.first().map(|position| position.partition);
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).ok().context("there is no randomness")?;
    Ok(Call {
        partition: partition.context("no entry is named")?,
        author: Author { person: person.unwrap_or_default().to_owned(), ..Author::registry() },
        request: None,
        reason: args.reason.clone(),
        validate_only: false,
        overrides: Vec::new(),
        seed,
    })
}

fn erase(args: &EraseArgs) -> Erase {
    Erase {
        entries: args.entries.iter().map(|position| position.seq).collect(),
        kinds: vec![TEXT],
        order: args.order.clone(),
        ordered_by: args.ordered_by.clone(),
    }
}

/// Refusals are told one by one.
fn told(error: Error) -> anyhow::Error {
    match error {
        Error::Refused(refusals) => Refused(refusals).into(),
        other => other.into(),
    }
}

fn texts(positions: &[Position]) -> Vec<String> {
    positions.iter().map(Position::to_string).collect()
}

/// The sentences of entries, so that they can be looked for elsewhere.
fn words_of(registry: &Registry, entries: &[Position]) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for Position { partition, seq } in entries {
        // What cannot be read is refused by the command.
        let bytes = registry.bytes(*partition, *seq);
        if let Ok((Entry { text: Some(text), .. }, _)) = bytes.and_then(|b| Entry::decode(&b)) {
            words.extend(sentences(text));
        }
    }
    words
}

fn sentences(text: Text) -> impl Iterator<Item = String> {
    let sentences = text.sentences.into_iter().map(|(_, sentence)| sentence);
    sentences.chain([text.reason]).filter(|sentence| !sentence.is_empty())
}

/// Looks through what is left of the data directory for the words that were erased.
fn remains(data: &Path, words: &BTreeSet<String>, done: &mut Done) -> anyhow::Result<()> {
    let mut progress = Progress::new("looking for the same words elsewhere", Unit::Bytes);
    let (same, count) = (&mut done.same_words_in, &mut done.same_words_count);
    for_each_entry(
        data,
        &mut |partition, seq, bytes| {
            let text = Entry::decode(bytes).ok().and_then(|(entry, _)| entry.text);
            let has_words =
                text.is_some_and(|text| sentences(text).any(|sentence| words.contains(&sentence)));
            *count += u64::from(has_words);
            if has_words && same.len() < NAMED_MAX {
                same.push(Position { partition, seq }.to_string());
            }
            Ok(())
        },
        &mut |read, total| progress.set(read, total),
    )?;
    progress.finish();
    let long = words.iter().filter(|sentence| sentence.len() >= WORDS_BYTES_MIN);
    let long: Vec<&[u8]> = long.map(String::as_bytes).collect();
    search_files(data, &long, &mut done.files_with_words)
}

fn search_files(directory: &Path, words: &[&[u8]], found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        // Entries were looked through one by one.
        let is_segment = path.extension().is_some_and(|extension| extension == "seg");
        if path.is_dir() {
            search_files(&path, words, found)?;
        } else if !is_segment && found.len() < NAMED_MAX && has_any(&path, words)? {
            found.push(path);
        }
    }
    Ok(())
}

fn has_any(path: &Path, words: &[&[u8]]) -> anyhow::Result<bool> {
    let longest = words.iter().map(|word| word.len()).max().unwrap_or(0);
    let mut file = fs::File::open(path).with_context(|| path.display().to_string())?;
    let mut piece: Vec<u8> = Vec::new();
    loop {
        // What may be the begin of a word goes into the next piece.
        piece.drain(..piece.len().saturating_sub(longest));
        let limit = u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX);
        let count = file.by_ref().take(limit).read_to_end(&mut piece)?;
        if words.iter().any(|word| piece.windows(word.len()).any(|found| found == *word)) {
            return Ok(true);
        }
        if count == 0 {
            return Ok(false);
        }
    }
}

fn show(done: &Done, out: &mut Output<'_>) -> anyhow::Result<()> {
    if out.is_json() {
        return Ok(out.value(done)?);
    }
    for (erased, by) in done.erased.iter().zip(&done.by) {
        out.line(format!(
            "erased 已删除: the text of entry {erased}; entry {by} says by whose order"
        ))?;
    }
    if !done.same_words_in.is_empty() {
        let (count, same) = (done.same_words_count, done.same_words_in.join(" "));
        out.line(format!(
            "note 说明: {count} other entries have the same words, and keep them: {same}"
        ))?;
    }
    for path in &done.files_with_words {
        out.line(format!("note 说明: {} has the same words", path.display()))?;
    }
    let elsewhere = "dumps and copies made before, and whoever was handed the entry, have it still";
    Ok(out.line(format!("note 说明: {elsewhere}"))?)
}
