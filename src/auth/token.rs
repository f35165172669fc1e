//! Bearer tokens and the file that lists them.
//!
//! A secret is `anju_` and 32 random bytes in hexadecimal. The file keeps SHA-256 hashes only, so
//! whoever reads it cannot call; whoever can write it can let anybody in, so a file that others can
//! write is refused. Since a secret has 256 random bits, a plain hash is enough, and looking the
//! hash up tells an observer of time nothing that helps.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ring::rand::SecureRandom;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::auth::actor::{Reach, Regions, check_key};
use crate::auth::role::Role;
use crate::kernel::hash::Hash;
use crate::kernel::id::RegionId;
use crate::kernel::time::Stamp;
use crate::kernel::violation::Violations;

/// What every secret begins with, so that scanners of leaked text can find one.
pub const SECRET_PREFIX: &str = "anju_";
/// Bytes of a token file.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Tokens of a token file.
pub const TOKENS_MAX: usize = 10_000;
/// Regions or institutions of one token.
pub const REACH_ITEMS_MAX: usize = 1_000;

const RANDOM_BYTES: usize = 32;
const KEYS: [&str; 8] =
    ["hash", "subject", "role", "institution", "regions", "institutions", "not_after", "revoked"];

/// One credential as the file lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// SHA-256 of the secret.
    pub hash: Hash,
    /// Whose it is, and how far it goes.
    pub grant: NewToken,
    /// Taken back.
    pub revoked: bool,
}

/// What a new credential is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// An opaque key for the calling system or desk; several tokens may share it while one replaces
    /// another.
    pub subject: String,
    /// What it is for.
    pub role: Role,
    /// The institution that holds it.
    pub institution: Option<String>,
    /// How far it goes.
    pub reach: Reach,
    /// The last moment at which it is good.
    pub not_after: Option<Stamp>,
}

/// The tokens of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenFile {
    tokens: BTreeMap<Hash, Token>,
}

/// What a file was when it was read: another value means that it has to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    inode: u64,
    mode: u32,
    owner: (u32, u32),
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Why a token file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The system refused.
    #[error("token file {path}: {what}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Somebody else could let anybody in.
    #[error("token file {path} has mode {mode:04o}: others can write it; chmod 600 mends that")]
    OthersCanWrite {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Longer than [`FILE_BYTES_MAX`].
    #[error("token file {0} is longer than 4 MiB")]
    TooLong(PathBuf),
    /// Everything that is wrong with its text.
    #[error("token file {path}: {violations}")]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// Each with the line and the entry.
        violations: Violations,
    },
    /// The new token's own values are wrong.
    #[error("{0}")]
    BadToken(Violations),
    /// Another process writes it, or one was stopped while writing.
    #[error("{0} is there: another process is writing the token file; if none is, remove it")]
    Busy(PathBuf),
    /// No random bytes were to be had.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

impl TokenFile {
    /// Reads the file at `path`. All mistakes in its text come back at once.
    pub fn load(path: &Path) -> Result<Self, TokenFileError> {
        Self::load_versioned(path).map(|(file, _)| file)
    }

    /// The tokens, in the order of their hashes.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values()
    }

    /// The token with this secret, whether or not it is still good.
    pub fn find(&self, secret: &str) -> Option<&Token> {
        self.tokens.get(&Hash::of(&[secret.as_bytes()]))
    }

    pub(super) fn load_versioned(path: &Path) -> Result<(Self, Version), TokenFileError> {
        let (text, version) = read(path)?;
        let file = parse(&text)
            .map_err(|violations| TokenFileError::Mistakes { path: path.into(), violations })?;
        Ok((file, version))
    }
}

impl Version {
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::from_metadata(&metadata))
    }

    fn from_metadata(metadata: &std::fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            mode: metadata.mode() & 0o7777,
            owner: (metadata.uid(), metadata.gid()),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Makes a secret, adds its hash to the file at `path` (which is made if need be) and gives the
/// secret back: this is the only time that it can be seen.
///
/// What the file held stays as it is, comments included, and so do its owner and mode. After `Ok` the new file is durable; after
/// an error the old one stands.
pub fn add(path: &Path, new: &NewToken) -> Result<String, TokenFileError> {
    check(new).map_err(TokenFileError::BadToken)?;
    let (old, version) = match read(path) {
        Ok((text, version)) => (text, Some(version)),
        Err(TokenFileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            let head = "# Tokens of an Anju registry: hashes only. Made by `anju token new`.\n";
            (head.to_owned(), None)
        }
        Err(error) => return Err(error),
    };
    let secret = new_secret()?;
    let separator = if old.is_empty() || old.ends_with('\n') { "\n" } else { "\n\n" };
    let text = format!("{old}{separator}{}", entry_text(Hash::of(&[secret.as_bytes()]), new));
    parse(&text)
        .map_err(|violations| TokenFileError::Mistakes { path: path.into(), violations })?;
    replace(path, &text, version)?;
    Ok(secret)
}

fn new_secret() -> Result<String, TokenFileError> {
    let mut bytes = [0; RANDOM_BYTES];
    ring::rand::SystemRandom::new().fill(&mut bytes).map_err(|_| TokenFileError::NoRandomness)?;
    Ok(format!("{SECRET_PREFIX}{}", Hash(bytes)))
}

fn read(path: &Path) -> Result<(String, Version), TokenFileError> {
    let io = |what| move |source| TokenFileError::Io { path: path.into(), what, source };
    let file = File::open(path).map_err(io("cannot be opened"))?;
    let metadata = file.metadata().map_err(io("cannot be examined"))?;
    let version = Version::from_metadata(&metadata);
    if version.mode & 0o022 != 0 {
        return Err(TokenFileError::OthersCanWrite { path: path.into(), mode: version.mode });
    }
    if version.bytes > FILE_BYTES_MAX {
        return Err(TokenFileError::TooLong(path.into()));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(io("cannot be read"))?;
    Ok((text, version))
}

/// Puts `text` in the place of the file: written beside it, synced, renamed, the directory synced.
fn replace(path: &Path, text: &str, old: Option<Version>) -> Result<(), TokenFileError> {
    let io = |what| move |source| TokenFileError::Io { path: path.into(), what, source };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    // The name is fixed and must be free: so two processes never write at once.
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(TokenFileError::Busy(beside));
        }
        Err(error) => return Err(io("cannot be written")(error)),
    };
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| old.map_or(Ok(()), |old| take_over(&file, old)))
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&beside, path));
    if let Err(error) = written {
        drop(std::fs::remove_file(&beside));
        return Err(io("cannot be written")(error));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io("its directory cannot be synced"))
}

/// Gives `file` the owner and mode of the file that it replaces, so that a server which runs as
/// somebody else can go on reading it.
fn take_over(file: &File, old: Version) -> std::io::Result<()> {
    let (user, group) = old.owner;
    if Version::from_metadata(&file.metadata()?).owner != old.owner {
        std::os::unix::fs::fchown(file, Some(user), Some(group))?;
    }
    file.set_permissions(std::fs::Permissions::from_mode(old.mode))
}

/// The text of one entry. Every value has passed [`check`], so none needs escaping.
fn entry_text(hash: Hash, new: &NewToken) -> String {
    let quoted = |items: Vec<String>| {
        items.iter().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(", ")
    };
    let regions = match &new.reach.regions {
        Regions::All => "\"all\"".to_owned(),
        Regions::List(list) => {
            format!("[{}]", quoted(list.iter().map(ToString::to_string).collect()))
        }
    };
    let mut lines = vec![
        "[[token]]".to_owned(),
        format!("subject = \"{}\"", new.subject),
        format!("role = \"{}\"", new.role),
        format!("hash = \"{hash}\""),
        format!("regions = {regions}"),
    ];
    if let Some(institution) = &new.institution {
        lines.push(format!("institution = \"{institution}\""));
    }
    if !new.reach.institutions.is_empty() {
        let list = quoted(new.reach.institutions.iter().cloned().collect());
        lines.push(format!("institutions = [{list}]"));
    }
    if let Some(stamp) = new.not_after {
        lines.push(format!("not_after = \"{stamp}\""));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn check(new: &NewToken) -> Result<(), Violations> {
    let mut violations = Violations::default();
    check_one(&mut violations, "subject", &new.subject);
    if let Some(institution) = &new.institution {
        check_one(&mut violations, "institution", institution);
    }
    for institution in &new.reach.institutions {
        check_one(&mut violations, "institutions", institution);
    }
    if let Regions::List(list) = &new.reach.regions
        && list.len() > REACH_ITEMS_MAX
    {
        violations.add("regions", "TOO_MANY", "a token has at most 1000 regions");
    }
    if new.reach.institutions.len() > REACH_ITEMS_MAX {
        violations.add("institutions", "TOO_MANY", "a token has at most 1000 institutions");
    }
    violations.or(())
}

fn check_one(violations: &mut Violations, field: &str, key: &str) {
    violations.take(field, check_key(key).map_err(|bad| ("BAD_KEY", bad.to_string())));
}

/// Reads the text of a token file.
fn parse(text: &str) -> Result<TokenFile, Violations> {
    let mut reader = Reader { text, violations: Violations::default() };
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let start = error.span().map_or(0, |span| span.start);
        let field = format!("line {}", reader.line(start));
        reader.violations.add(field, "NOT_TOML", error.message());
    }
    if !reader.violations.is_empty() {
        // What follows from a broken text would only hide the place that has to be mended.
        return Err(reader.violations);
    }
    let mut file = TokenFile::default();
    for (key, value) in root.get_ref() {
        if key.get_ref() != "token" {
            let field = format!("{} (line {})", key.get_ref(), reader.line(key.span().start));
            reader.violations.add(field, "UNKNOWN_KEY", "the file holds [[token]] entries only");
            continue;
        }
        let Some(entries) = value.get_ref().as_array() else {
            reader.violations.add("token", "WRONG_TYPE", "each token is an entry [[token]]");
            continue;
        };
        if entries.len() > TOKENS_MAX {
            reader.violations.add("token", "TOO_MANY", "a file has at most 10000 tokens");
        }
        for (index, entry) in entries.iter().enumerate().take(TOKENS_MAX) {
            reader.entry(index, entry, &mut file);
        }
    }
    reader.violations.or(file)
}

/// Collects what is wrong while an entry is read.
struct Reader<'a> {
    text: &'a str,
    violations: Violations,
}

/// One entry and where it is.
struct Entry<'e, 'i> {
    index: usize,
    line: usize,
    table: &'e DeTable<'i>,
}

impl<'e, 'i> Entry<'e, 'i> {
    fn get(&self, key: &str) -> Option<&'e Spanned<DeValue<'i>>> {
        self.table.get(key)
    }
}

impl Reader<'_> {
    /// The line of a byte of the text, from 1.
    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    fn entry(&mut self, index: usize, value: &Spanned<DeValue<'_>>, file: &mut TokenFile) {
        let line = self.line(value.span().start);
        let Some(table) = value.get_ref().as_table() else {
            let field = format!("token[{index}] (line {line})");
            self.violations.add(field, "WRONG_TYPE", "each token is an entry [[token]]");
            return;
        };
        let entry = Entry { index, line, table };
        for key in table.keys() {
            if !KEYS.contains(&key.get_ref().as_ref()) {
                let message = format!("no such key; the keys are {}", KEYS.join(", "));
                self.wrong(&entry, key.get_ref(), Some(key.span().start), "UNKNOWN_KEY", message);
            }
        }
        let hash = self.parsed(&entry, "hash", |text| {
            Hash::from_hex(text).ok_or("the SHA-256 of a secret in 64 hexadecimal digits")
        });
        let subject = self.key(&entry, "subject");
        let role = self.parsed(&entry, "role", str::parse::<Role>);
        let institution = self.optional(&entry, "institution", Self::key);
        let regions = self.regions(&entry);
        let institutions = self.institutions(&entry);
        let not_after = self.not_after(&entry);
        let revoked = self.revoked(&entry);
        let (Some(hash), Some(subject), Some(role), Some(regions)) = (hash, subject, role, regions)
        else {
            return;
        };
        let reach = Reach { regions, institutions };
        let grant = NewToken { subject, role, institution, reach, not_after };
        if file.tokens.insert(hash, Token { hash, grant, revoked }).is_some() {
            self.wrong(&entry, "hash", None, "DUPLICATE", "another entry has this hash");
        }
    }

    fn wrong(
        &mut self,
        entry: &Entry<'_, '_>,
        key: &str,
        offset: Option<usize>,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        let line = offset
            .or_else(|| entry.get(key).map(|value| value.span().start))
            .map_or(entry.line, |offset| self.line(offset));
        self.violations.add(format!("token[{}].{key} (line {line})", entry.index), reason, message);
    }

    /// The text under a key that must be there.
    fn text<'e>(&mut self, entry: &Entry<'e, '_>, key: &str) -> Option<&'e str> {
        let Some(value) = entry.get(key) else {
            self.wrong(entry, key, None, "REQUIRED", "this key must be there");
            return None;
        };
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(entry, key, None, "WRONG_TYPE", "a text in quotes");
        }
        text
    }

    fn parsed<T, E: ToString>(
        &mut self,
        entry: &Entry<'_, '_>,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(entry, key)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(entry, key, None, "BAD_VALUE", error.to_string());
                None
            }
        }
    }

    fn key(&mut self, entry: &Entry<'_, '_>, key: &str) -> Option<String> {
        self.parsed(entry, key, |text| check_key(text).map(|()| text.to_owned()))
    }

    fn optional<T>(
        &mut self,
        entry: &Entry<'_, '_>,
        key: &str,
        read: impl Fn(&mut Self, &Entry<'_, '_>, &str) -> Option<T>,
    ) -> Option<T> {
        entry.get(key)?;
        read(self, entry, key)
    }

    /// Texts of a list, or `None` when it is no list of texts.
    fn list<'e>(&mut self, entry: &Entry<'e, '_>, key: &str) -> Option<Vec<&'e str>> {
        let texts = entry.get(key).and_then(|value| value.get_ref().as_array()).and_then(|items| {
            items.iter().map(|item| item.get_ref().as_str()).collect::<Option<Vec<_>>>()
        });
        match &texts {
            None => self.wrong(entry, key, None, "WRONG_TYPE", "a list of texts in quotes"),
            Some(list) if list.len() > REACH_ITEMS_MAX => {
                self.wrong(entry, key, None, "TOO_MANY", "at most 1000 items");
            }
            Some(_) => {}
        }
        texts
    }

    fn regions(&mut self, entry: &Entry<'_, '_>) -> Option<Regions> {
        let Some(value) = entry.get("regions") else {
            let message = "this key must be there: \"all\" or a list of region ids";
            self.wrong(entry, "regions", None, "REQUIRED", message);
            return None;
        };
        if value.get_ref().as_str() == Some("all") {
            return Some(Regions::All);
        }
        let mut regions = BTreeSet::new();
        for text in self.list(entry, "regions")? {
            match text.parse::<RegionId>() {
                Ok(id) => {
                    regions.insert(id);
                }
                Err(bad) => {
                    self.wrong(entry, "regions", None, "BAD_VALUE", format!("{text:?}: {bad}"));
                }
            }
        }
        Some(Regions::List(regions))
    }

    fn institutions(&mut self, entry: &Entry<'_, '_>) -> BTreeSet<String> {
        if entry.get("institutions").is_none() {
            return BTreeSet::new();
        }
        let texts = self.list(entry, "institutions").unwrap_or_default();
        for text in &texts {
            if let Err(bad) = check_key(text) {
                self.wrong(entry, "institutions", None, "BAD_VALUE", format!("{text:?}: {bad}"));
            }
        }
        texts.into_iter().map(str::to_owned).collect()
    }

    fn not_after(&mut self, entry: &Entry<'_, '_>) -> Option<Stamp> {
        let value = entry.get("not_after")?.get_ref();
        let stamp = match (value.as_str(), value.as_datetime()) {
            (Some(text), _) => text.parse::<Stamp>().ok(),
            (None, Some(moment)) => moment.to_string().parse::<Stamp>().ok(),
            (None, None) => None,
        };
        if stamp.is_none() {
            let message = "a moment with its offset, for example 2027-01-01T00:00:00+08:00";
            self.wrong(entry, "not_after", None, "BAD_VALUE", message);
        }
        stamp
    }

    fn revoked(&mut self, entry: &Entry<'_, '_>) -> bool {
        let Some(value) = entry.get("revoked") else { return false };
        let revoked = value.get_ref().as_bool();
        if revoked.is_none() {
            self.wrong(entry, "revoked", None, "WRONG_TYPE", "true or false");
        }
        revoked.unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    fn region(number: u64) -> RegionId {
        RegionId::new(crate::kernel::id::RawId::new(
            number,
            crate::kernel::position::Partition::ROOT,
            number,
        ))
    }

    fn worker() -> NewToken {
        NewToken {
            subject: "grid-07".to_owned(),
            role: Role::GridWorker,
            institution: Some("street-3".to_owned()),
            reach: Reach {
                regions: Regions::List(BTreeSet::from([region(1), region(2)])),
                institutions: BTreeSet::from(["street-4".to_owned()]),
            },
            not_after: Some(Stamp::from_micros(1_800_000_000_000_000)),
        }
    }

    #[test]
    fn an_added_token_is_found_by_its_secret_and_the_file_never_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.toml");
        let first = add(&path, &worker()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}# our own remark")).unwrap();
        let everywhere = Reach { regions: Regions::All, institutions: BTreeSet::new() };
        let auditor = NewToken {
            subject: "audit".to_owned(),
            role: Role::Auditor,
            institution: None,
            reach: everywhere,
            not_after: None,
        };
        let second = add(&path, &auditor).unwrap();

        let file = TokenFile::load(&path).unwrap();
        assert_eq!(file.tokens().count(), 2);
        assert_eq!(file.find(&first).unwrap().grant, worker());
        assert_eq!(file.find(&second).unwrap().grant, auditor);
        assert_eq!(file.find(&first.to_uppercase()), None);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("# our own remark"));
        assert!(!text.contains(&first) && !text.contains(SECRET_PREFIX));
        assert_eq!(first.len(), SECRET_PREFIX.len() + 64);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.toml");
        add(&path, &worker()).unwrap();
        for mode in [0o620, 0o602, 0o666] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let refused = TokenFile::load(&path).unwrap_err();
            assert!(matches!(refused, TokenFileError::OthersCanWrite { .. }), "{refused}");
            assert!(add(&path, &worker()).is_err());
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(TokenFile::load(&path).is_ok());
        add(&path, &worker()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    }

    #[test]
    fn two_writers_do_not_meet() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.toml");
        add(&path, &worker()).unwrap();
        let before = std::fs::read_to_string(&path).unwrap();
        std::fs::write(directory.path().join("tokens.toml.new"), "").unwrap();
        assert!(matches!(add(&path, &worker()), Err(TokenFileError::Busy(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    }

    #[test]
    fn a_name_or_number_of_a_person_is_no_subject() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.toml");
        for subject in ["张三", "13800138000", "a\"\nrevoked = false"] {
            let new = NewToken { subject: subject.to_owned(), ..worker() };
            assert!(matches!(add(&path, &new), Err(TokenFileError::BadToken(_))), "{subject}");
        }
        assert!(!path.exists());
    }

    fn mistakes(text: &str) -> String {
        let violations = parse(text).unwrap_err();
        let lines = violations.list().iter();
        let lines = lines.map(|v| format!("{} {}: {}", v.reason, v.field, v.message));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn all_mistakes_come_at_once_with_their_places() {
        let hash = "ab".repeat(32);
        let text = format!(
            r#"
version = 1

[[token]]
subject = "desk one"
role = "king"
hash = "xyz"
regions = ["bld_01HF7YAT000000E0000000001A", "rgn_01HF7YAT000000E0000000001A"]
colour = "red"
not_after = 2027-01-01
revoked = "yes"

[[token]]
subject = "a"
role = "auditor"
hash = "{hash}"
regions = "all"
institutions = [1]

[[token]]
subject = 3
hash = "{hash}"
not_after = 2027-01-01T00:00:00+08:00
"#
        );
        expect![[r#"
            UNKNOWN_KEY token[0].colour (line 9): no such key; the keys are hash, subject, role, institution, regions, institutions, not_after, revoked
            BAD_VALUE token[0].hash (line 7): the SHA-256 of a secret in 64 hexadecimal digits
            BAD_VALUE token[0].subject (line 5): a key is 1 to 64 of the characters a-z A-Z 0-9 . _ : -, and begins with a letter or digit
            BAD_VALUE token[0].role (line 6): no role has this name; the roles are operator, municipal_operator, district_operator, community_committee, grid_worker, inspection_body, appraisal_body, property_company, owners_committee, owner, insurer, fund_manager, bank, contractor, auditor, upward, public
            BAD_VALUE token[0].regions (line 8): "bld_01HF7YAT000000E0000000001A": this is the id of a building; the id of a region is asked for
            BAD_VALUE token[0].not_after (line 10): a moment with its offset, for example 2027-01-01T00:00:00+08:00
            WRONG_TYPE token[0].revoked (line 11): true or false
            WRONG_TYPE token[1].institutions (line 18): a list of texts in quotes
            WRONG_TYPE token[2].subject (line 21): a text in quotes
            REQUIRED token[2].role (line 20): this key must be there
            REQUIRED token[2].regions (line 20): this key must be there: "all" or a list of region ids
            UNKNOWN_KEY version (line 2): the file holds [[token]] entries only"#]]
        .assert_eq(&mistakes(&text));
    }

    #[test]
    fn what_is_not_toml_is_named_by_line() {
        expect!["NOT_TOML line 2: string values must be quoted, expected literal string"]
            .assert_eq(&mistakes("[[token]]\nsubject = \nrole = \"x\"\n"));
    }

    fn any_key() -> impl Strategy<Value = String> {
        "[a-zA-Z][a-zA-Z0-9._:-]{0,63}"
    }

    fn any_token() -> impl Strategy<Value = NewToken> {
        let regions = prop_oneof![
            Just(Regions::All),
            proptest::collection::btree_set(any::<u64>().prop_map(region), 0..4)
                .prop_map(Regions::List),
        ];
        let institutions = proptest::collection::btree_set(any_key(), 0..4);
        let reach = (regions, institutions)
            .prop_map(|(regions, institutions)| Reach { regions, institutions });
        let not_after = (0..4_000_000_000_000_000_i64).prop_map(Stamp::from_micros);
        (
            any_key(),
            proptest::sample::select(Role::ALL.to_vec()),
            proptest::option::of(any_key()),
            reach,
            proptest::option::of(not_after),
        )
            .prop_map(|(subject, role, institution, reach, not_after)| NewToken {
                subject,
                role,
                institution,
                reach,
                not_after,
            })
    }

    proptest! {
        #[test]
        fn reading_any_text_never_panics(text in "(\\[\\[token\\]\\]\n|role = |subject|hash|=|\"|\\[|\\]|\n|[a-z0-9]{1,8}){0,40}") {
            drop(parse(&text));
        }

        #[test]
        fn an_entry_reads_back(new in any_token(), secret in "[a-z]{8}") {
            let hash = Hash::of(&[secret.as_bytes()]);
            let file = parse(&entry_text(hash, &new)).unwrap();
            let expected = Token { hash, grant: new, revoked: false };
            prop_assert_eq!(file.find(&secret), Some(&expected));
        }
    }
}
